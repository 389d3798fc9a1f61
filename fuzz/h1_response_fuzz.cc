// Responses: every way of feeding and every scanner agree, with usual and with tiny limits.
#include "h1_differential.h"

namespace corevent::h1 {

std::string describe(const ResponseHead& head) {
    fuzz::check_slice(head, head.reason);
    CE_ASSERT(head.status >= 100 && head.status <= 999);
    std::string text = std::to_string(head.status);
    text.append(" ").append(head.view(head.reason)).append(" ");
    for (const Method method : {Method::get, Method::head, Method::connect}) {
        text += std::to_string(static_cast<int>(body_kind(head, method)));
    }
    return text + fuzz::describe_message(head);
}

}  // namespace corevent::h1

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace corevent::h1;
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    fuzz::check<ResponseHead>(text, {});
    fuzz::check<ResponseHead>(text, {.head_bytes = 80, .line_bytes = 24, .fields = 3});
    return 0;
}
