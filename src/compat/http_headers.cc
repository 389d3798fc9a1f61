#include "compat/http_headers.h"

#include "codec/h1_head.h"
#include "compat/alloc.h"
#include "compat/log.h"

#include <cstring>

namespace corevent::compat {
namespace {

bool has_line_end(std::string_view text) noexcept {
    return text.find_first_of("\r\n") != std::string_view::npos;
}

}  // namespace

bool append_header(evkeyvalq& list, std::string_view key, std::string_view value) noexcept {
    auto* pair = static_cast<evkeyval*>(mm_malloc(sizeof(evkeyval)));
    auto* key_copy = static_cast<char*>(mm_malloc(key.size() + 1));
    auto* value_copy = static_cast<char*>(mm_malloc(value.size() + 1));
    if (pair == nullptr || key_copy == nullptr || value_copy == nullptr) {
        mm_free(pair);
        mm_free(key_copy);
        mm_free(value_copy);
        warn("%s: out of memory", __func__);
        return false;
    }
    std::memcpy(key_copy, key.data(), key.size());
    key_copy[key.size()] = '\0';
    std::memcpy(value_copy, value.data(), value.size());
    value_copy[value.size()] = '\0';
    pair->key = key_copy;
    pair->value = value_copy;
    pair->next.tqe_next = nullptr;
    pair->next.tqe_prev = list.tqh_last;
    *list.tqh_last = pair;
    list.tqh_last = &pair->next.tqe_next;
    return true;
}

evkeyval* find_pair(const evkeyvalq& list, std::string_view key) noexcept {
    for (evkeyval* pair = list.tqh_first; pair != nullptr; pair = pair->next.tqe_next) {
        if (h1::equal_names(pair->key, key)) {
            return pair;
        }
    }
    return nullptr;
}

void remove_pair(evkeyvalq& list, evkeyval& pair) noexcept {
    if (pair.next.tqe_next != nullptr) {
        pair.next.tqe_next->next.tqe_prev = pair.next.tqe_prev;
    } else {
        list.tqh_last = pair.next.tqe_prev;
    }
    *pair.next.tqe_prev = pair.next.tqe_next;
    mm_free(pair.key);
    mm_free(pair.value);
    mm_free(&pair);
}

}  // namespace corevent::compat

using namespace corevent::compat;

extern "C" {

const char* evhttp_find_header(const evkeyvalq* headers, const char* key) {
    const evkeyval* const pair = find_pair(*headers, key);
    return pair != nullptr ? pair->value : nullptr;
}

int evhttp_remove_header(evkeyvalq* headers, const char* key) {
    evkeyval* const pair = find_pair(*headers, key);
    if (pair == nullptr) {
        return -1;
    }
    remove_pair(*headers, *pair);
    return 0;
}

int evhttp_add_header(evkeyvalq* headers, const char* key, const char* value) {
    if (has_line_end(key) || has_line_end(value)) {
        return -1;
    }
    return append_header(*headers, key, value) ? 0 : -1;
}

void evhttp_clear_headers(evkeyvalq* headers) {
    while (headers->tqh_first != nullptr) {
        remove_pair(*headers, *headers->tqh_first);
    }
}
}
