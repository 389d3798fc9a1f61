// The octets that ce_load sends: built-in requests of three sizes, or the content of a file. Pure
// text, no socket.
#pragma once

#include <expected>
#include <string>
#include <string_view>

namespace ce_load {

/// One request by name ("plain", "tool", "browser") for `path`, or the octets of the file `name`.
/// With `close` the built-in ones ask for the connection to be closed after the answer. Fails with
/// one line for a person.
std::expected<std::string, std::string> make_request(std::string_view name, std::string_view path,
                                                     bool close);

}  // namespace ce_load
