#include <corevent/error.h>

namespace corevent {
namespace {

class Category final : public std::error_category {
public:
    const char* name() const noexcept override { return "corevent"; }

    std::string message(int value) const override {
        switch (static_cast<Errc>(value)) {
            case Errc::end_of_stream: return "the peer ended the stream before it was expected";
            case Errc::queue_full: return "a bounded queue is full";
            case Errc::limit_exceeded: return "a limit was exceeded";
            case Errc::malformed: return "the protocol does not allow these bytes";
            case Errc::loop_stopped: return "the loop has stopped";
        }
        return "unknown corevent error " + std::to_string(value);
    }
};

}  // namespace

const std::error_category& error_category() noexcept {
    static const Category category;
    return category;
}

}  // namespace corevent
