// The order in which several addresses of one host are tried: the families in turn, IPv6 first (RFC
// 8305 4), each family in the order given; what is neither comes last. A function of values.
#pragma once

#include <corevent/address.h>

#include <span>
#include <vector>

namespace corevent {

std::vector<Address> happy_order(std::span<const Address> addresses);

}  // namespace corevent
