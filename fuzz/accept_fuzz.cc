// Accept-Encoding, lists and entity tags: qualities stay in range, the choice is one that the
// client accepts, and a single tag is a list of one.
#include "base/assert.h"
#include "codec/accept.h"

#include <cstddef>
#include <cstdint>
#include <string_view>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace corevent;
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    AcceptEncoding accept;
    accept.add(text);
    for (unsigned available = 0; available < 16; ++available) {
        const Coding best = accept.best(available);
        CE_ASSERT(best == Coding::identity ||
                  (accept.accepts(best) && (available >> static_cast<unsigned>(best) & 1U) != 0));
        for (const Coding coding : {Coding::identity, Coding::gzip, Coding::br, Coding::zstd}) {
            CE_ASSERT(accept.quality(coding) >= 0 && accept.quality(coding) <= 1000);
            if ((available >> static_cast<unsigned>(coding) & 1U) != 0 && accept.accepts(best)) {
                CE_ASSERT(accept.quality(coding) <= accept.quality(best));
            }
        }
    }
    ListReader reader(text);
    std::size_t total = 0;
    for (std::string_view member; reader.next(member);) {
        CE_ASSERT(!member.empty() && member.data() >= text.data());
        total += member.size();
    }
    CE_ASSERT(total <= size);
    EntityTag tag;
    if (parse_entity_tag(text, tag)) {
        CE_ASSERT(if_none_match_matches(text, tag, true));
        CE_ASSERT(if_match_matches(text, tag, true) == !tag.weak);
    }
    const EntityTag other{"\"other\"", false};
    CE_ASSERT(!if_match_matches(text, other, false));
    if (if_match_matches(text, other, true)) {
        CE_ASSERT(if_none_match_matches(text, other, true));
    }
    return 0;
}
