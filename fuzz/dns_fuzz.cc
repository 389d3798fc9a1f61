// DNS messages: reading never leaves the message and always ends; what was read is written again and
// reads back the same.
#include "base/assert.h"
#include "codec/dns.h"

#include <algorithm>
#include <cstdint>
#include <vector>

namespace corevent::dns {
namespace {

bool same(const Record& a, const Record& b) {
    return a.name.view() == b.name.view() && a.type == b.type && a.dns_class == b.dns_class &&
           a.ttl == b.ttl;
}

/// Writes `record` and reads it back. Names that are no texts cannot be written.
void check_record(const Reader& from, const Record& record) {
    if (record.name.ambiguous()) {
        return;
    }
    CE_ASSERT(valid_name(record.name.view()));
    std::vector<std::uint8_t> buffer(70000);
    Writer writer(buffer);
    CE_ASSERT(writer.record(Section::answer, record.name.view(), record.type, record.dns_class,
                            record.ttl, record.data));
    Name target;
    const bool has_target = from.name_in(record, 0, target) && !target.ambiguous();
    if (has_target) {
        CE_ASSERT(writer.name_record(Section::answer, record.name.view(), record.type,
                                     record.dns_class, record.ttl, target.view()));
    }
    Reader again(writer.message());
    Header header;
    Record copy;
    CE_ASSERT(again.read(header) && again.read(copy));
    CE_ASSERT(same(record, copy) && std::ranges::equal(record.data, copy.data));
    Name copied;
    CE_ASSERT(!has_target || (again.read(copy) && same(record, copy) &&
                              again.name_in(copy, 0, copied) && copied.view() == target.view()));
    Soa soa;
    if (from.soa_in(record, soa)) {
        CE_ASSERT(record.data.size() >= 22);
    }
}

void check(std::span<const std::uint8_t> message) {
    Reader reader(message);
    Header header;
    if (!reader.read(header)) {
        CE_ASSERT(message.size() < header_bytes);
        return;
    }
    Question question;
    for (unsigned i = 0; i < header.questions; ++i) {
        if (!reader.read(question)) {
            return;
        }
        std::vector<std::uint8_t> buffer(600);
        Writer writer(buffer);
        if (!question.name.ambiguous()) {
            CE_ASSERT(writer.question(question.name.view(), question.type, question.dns_class));
            Reader again(writer.message());
            Question copy;
            CE_ASSERT(again.read(header) && again.read(copy));
            CE_ASSERT(copy.name.view() == question.name.view() && copy.type == question.type);
            Reader(message).read(header);
        }
    }
    Record record;
    for (const unsigned count : header.records) {
        for (unsigned i = 0; i < count; ++i) {
            if (!reader.read(record)) {
                return;
            }
            CE_ASSERT(record.data_at + record.data.size() <= message.size());
            check_record(reader, record);
        }
    }
}

}  // namespace
}  // namespace corevent::dns

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    corevent::dns::check({data, size});
    return 0;
}
