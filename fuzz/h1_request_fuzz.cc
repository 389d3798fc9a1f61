// Requests: every way of feeding and every scanner agree, with usual and with tiny limits; and what
// was accepted means the same when it is written again.
#include "codec/h1_writer.h"
#include "h1_differential.h"

namespace corevent::h1 {

std::string describe(const RequestHead& head) {
    fuzz::check_slice(head, head.method);
    fuzz::check_slice(head, head.target);
    fuzz::check_slice(head, head.path);
    fuzz::check_slice(head, head.host);
    CE_ASSERT(head.version_minor == 0 || head.has(KnownField::host));
    std::string text(head.view(head.method));
    text.append(" ").append(head.view(head.target)).append(" ").append(head.view(head.path));
    text.append(" ").append(head.view(head.host)).append(" ");
    text += std::to_string(static_cast<int>(head.method_id) * 16 +
                           static_cast<int>(head.target_form) * 4 + (head.expect_continue ? 2 : 0) +
                           (head.expect_unknown ? 1 : 0));
    return text + fuzz::describe_message(head);
}

namespace {

void check_rewriting(std::string_view text) {
    const fuzz::Input input(text, 0);
    HeadParser parser;
    RequestHead head;
    if (parser.parse(input.data(), input.size(), head).state != ParseState::complete ||
        head.version_minor == 0) {
        return;
    }
    Bytes out;
    CE_ASSERT(append_request_line(out, head.view(head.method), head.view(head.target)));
    for (const Field& field : head.fields) {
        CE_ASSERT(append_field(out, head.name(field), head.value(field)));
    }
    end_head(out);
    if (out.size() > parser.limits().head_bytes) {
        return;  // "Name:value" has become longer
    }
    const fuzz::Input again(out.view(), 1);
    HeadParser second;
    RequestHead copy;
    const ParseResult result = second.parse(again.data(), again.size(), copy);
    if (result.refusal == Refusal::line_too_long) {
        return;
    }
    CE_ASSERT(result.state == ParseState::complete && copy.fields.size() == head.fields.size());
    for (std::size_t i = 0; i < head.fields.size(); ++i) {
        CE_ASSERT(head.name(head.fields[i]) == copy.name(copy.fields[i]));
        CE_ASSERT(head.value(head.fields[i]) == copy.value(copy.fields[i]));
    }
    CE_ASSERT(head.chunked == copy.chunked && head.content_length == copy.content_length);
    CE_ASSERT(head.keep_alive == copy.keep_alive && head.target_form == copy.target_form);
}

}  // namespace
}  // namespace corevent::h1

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace corevent::h1;
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    fuzz::check<RequestHead>(text, {});
    fuzz::check<RequestHead>(text, {.head_bytes = 80, .line_bytes = 24, .fields = 3});
    check_rewriting(text);
    return 0;
}
