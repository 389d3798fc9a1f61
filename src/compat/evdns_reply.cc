// Replies: which of them belong to a request, what they say, and what follows.
//
// A reply is taken only from the address that was asked, with the id of a request, and with its
// question octet for octet (letter case included, under 0x20). Anything else is a forgery or a stray
// and changes nothing: the request goes on waiting for the real one. Errors may come without their
// question, since servers that understood nothing send them like that.
#include "compat/evdns_base.h"

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <optional>

namespace corevent::compat::evdns {
namespace {

using dns::Section;
using dns::Type;

int error_of(const dns::Header& header) noexcept {
    const unsigned rcode = header.rcode();
    if (header.truncated()) {
        return DNS_ERR_TRUNCATED;
    }
    return rcode <= DNS_ERR_REFUSED ? static_cast<int>(rcode) : DNS_ERR_UNKNOWN;
}

/// Whether the question section is that of `request`. The reader stands behind it then.
bool question_matches(const evdns_request& request, const dns::Header& header,
                      dns::Reader& reader) noexcept {
    if (header.questions == 0) {
        return error_of(header) != DNS_ERR_NONE;
    }
    dns::Question question;
    if (header.questions != 1 || !reader.read(question)) {
        return false;
    }
    std::string_view asked = request.name.data();
    if (asked.ends_with('.')) {
        asked.remove_suffix(1);
    }
    const bool same_name = request.base->options.random_case
                               ? question.name.view() == asked
                               : dns::equal_names(question.name.view(), asked);
    return same_name && question.type == request.type && question.dns_class == dns::class_inet;
}

void copy_name(std::array<char, dns::name_text_bytes_max + 1>& to, const dns::Name& name) noexcept {
    std::memcpy(to.data(), name.c_str(), name.view().size() + 1);
}

/// Takes the addresses of one record; false if its length is none of theirs.
template <class Address>
bool take_addresses(const dns::Record& record, std::array<Address, answers_max>& to,
                    int& count) noexcept {
    if (record.data.size() % sizeof(Address) != 0) {
        return false;
    }
    const int room = answers_max - count;
    const int added = std::min(room, static_cast<int>(record.data.size() / sizeof(Address)));
    std::memcpy(to.data() + count, record.data.data(),
                static_cast<std::size_t>(added) * sizeof(Address));
    count += added;
    return true;
}

/// Takes one record of the answer section; false if it is malformed.
bool take_record(const dns::Reader& reader, const dns::Record& record, Type wanted,
                 Answer& answer) noexcept {
    if (record.dns_class != dns::class_inet) {
        return true;
    }
    dns::Name name;
    if (record.type == Type::cname) {
        if (!reader.name_in(record, 0, name)) {
            return false;
        }
        if (!name.ambiguous()) {
            copy_name(answer.cname, name);
        }
        return true;
    }
    if (record.type != wanted) {
        return true;
    }
    const int before = answer.count;
    if (wanted == Type::ptr) {
        if (!reader.name_in(record, 0, name)) {
            return false;
        }
        if (!name.ambiguous()) {
            copy_name(answer.data.name, name);
            answer.count = 1;
        }
    } else if (!(wanted == Type::a ? take_addresses(record, answer.data.v4, answer.count)
                                   : take_addresses(record, answer.data.v6, answer.count))) {
        return false;
    }
    if (answer.count > before) {
        answer.ttl = before == 0 ? record.ttl : std::min(answer.ttl, record.ttl);
    }
    return true;
}

/// Reads the answer section; false if it is malformed. Stops when nothing more can be taken.
bool take_answers(dns::Reader& reader, const dns::Header& header, Type wanted,
                  Answer& answer) noexcept {
    const int most = wanted == Type::ptr ? 1 : answers_max;
    dns::Record record;
    for (int i = 0; i < header.records[0] && answer.count < most; ++i) {
        if (!reader.read(record) || !take_record(reader, record, wanted, answer)) {
            return false;
        }
    }
    return true;
}

/// How long a negative answer holds (RFC 2308 5), 0 if it does not say; nothing if the message is
/// malformed. `answers_left` records come before the authority section.
std::optional<std::uint32_t> negative_ttl(dns::Reader& reader, const dns::Header& header,
                                          int answers_left) noexcept {
    dns::Record record;
    dns::Soa soa;
    std::uint32_t ttl = 0;
    for (int i = 0; i < answers_left + header.records[1]; ++i) {
        if (!reader.read(record)) {
            return std::nullopt;
        }
        if (i < answers_left || record.type != Type::soa) {
            continue;
        }
        if (!reader.soa_in(record, soa)) {
            return std::nullopt;
        }
        ttl = std::min(record.ttl, soa.minimum);
    }
    return ttl;
}

/// Fills in the answer from a reply without an error or with "no such name".
void take_content(evdns_request& request, dns::Reader& reader, const dns::Header& header) noexcept {
    Answer& answer = request.answer;
    int answers_left = header.records[0];
    if (answer.error == DNS_ERR_NONE) {
        if (!take_answers(reader, header, request.type, answer)) {
            answer.clear(DNS_ERR_UNKNOWN);
            return;
        }
        if (answer.count > 0) {
            return;
        }
        answer.error = DNS_ERR_NODATA;
        answers_left = 0;  // all were read
    }
    const auto ttl = negative_ttl(reader, header, answers_left);
    if (!ttl) {
        answer.clear(DNS_ERR_UNKNOWN);
    } else {
        answer.ttl = *ttl;
    }
}

}  // namespace

void take_reply(NameServer& server, std::span<const std::uint8_t> message,
                evdns_request* over_tcp) noexcept {
    evdns_base& base = *server.base;
    dns::Reader reader(message);
    dns::Header header;
    if (!reader.read(header) || !header.is_response()) {
        return;
    }
    evdns_request* const found = find_in_flight(base, header.id);
    if (found == nullptr || (over_tcp == nullptr ? found->tcp != nullptr : found != over_tcp) ||
        !question_matches(*found, header, reader)) {
        log(Severity::debug, "a reply that answers no request was dropped");
        return;
    }
    evdns_request& request = *found;
    const int error = error_of(header);
    if (error == DNS_ERR_TRUNCATED && over_tcp == nullptr &&
        (request.flags & DNS_QUERY_IGNTC) == 0 && start_tcp(request)) {
        return;
    }
    if (error == DNS_ERR_SERVERFAILED) {
        if (request.sends < base.options.attempts) {
            server_timed_out(server);
        }
        try_again(request);
        return;
    }
    if ((error == DNS_ERR_NOTIMPL || error == DNS_ERR_REFUSED) && request.probed == nullptr &&
        request.reissues < reissues_max) {
        char why[64];
        std::snprintf(why, sizeof(why), "Bad response %d (%s)", error, evdns_err_to_string(error));
        server_failed(server, why);
        if (ask_another(request)) {
            return;
        }
    } else {
        if (request.probed != nullptr) {
            server.probe = nullptr;
        }
        server_works(server);
    }
    request.answer.clear(error);
    if (error == DNS_ERR_NONE || error == DNS_ERR_NOTEXIST) {
        take_content(request, reader, header);
    }
    if (request.answer.error != DNS_ERR_NONE && search_next(request)) {
        return;
    }
    finish(request);
}

}  // namespace corevent::compat::evdns
