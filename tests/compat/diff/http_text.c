/* Encoding helpers, queries and header lists. */
#include <sys/queue.h>

#include <event2/http.h>
#include <event2/keyvalq_struct.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void show(const char* what, char* s) {
    printf("%s: %s\n", what, s != NULL ? s : "(null)");
    free(s);
}

static void encoding(void) {
    static const char* const texts[] = {
        "", "abc", "a b+c", "-._~", "\xc3\xa4\xff\x01", "a%b", "/?#[]@!$&'()*+,;=", "100%",
    };
    size_t i;
    for (i = 0; i < sizeof texts / sizeof texts[0]; ++i) {
        show("encode_uri", evhttp_encode_uri(texts[i]));
        show("uriencode", evhttp_uriencode(texts[i], -1, 0));
        show("uriencode plus", evhttp_uriencode(texts[i], -1, 1));
        show("htmlescape", evhttp_htmlescape(texts[i]));
    }
    show("uriencode of octets", evhttp_uriencode("a\0b c", 5, 1));
    show("uriencode of none", evhttp_uriencode("abc", 0, 1));
    show("uriencode of 2", evhttp_uriencode("abc", 2, 1));
    show("htmlescape", evhttp_htmlescape("<a href=\"x\">'&'</a>&amp;"));
}

static void decoding(void) {
    static const char* const texts[] = {
        "",   "abc", "a+b", "a%20b",  "a+b?c+d", "a?b+c?d+e", "%",
        "%4", "%41", "%4g", "%zz%41", "a%00b",   "%ff%C3%a4", "%25%32%35",
        "%2", "x%2", "x%",  "+%2b+",  "%0d%0a",
    };
    size_t i, k;
    for (i = 0; i < sizeof texts / sizeof texts[0]; ++i) {
        show("decode_uri", evhttp_decode_uri(texts[i]));
        for (k = 0; k < 2; ++k) {
            size_t length = 99;
            char* s = evhttp_uridecode(texts[i], (int)k, &length);
            size_t at;
            printf("uridecode(%s, %d) = %d:", texts[i], (int)k, (int)length);
            for (at = 0; at <= length; ++at) {
                printf(" %02x", (unsigned char)s[at]);
            }
            printf("\n");
            free(s);
        }
        show("uridecode without size", evhttp_uridecode(texts[i], 1, NULL));
    }
}

static void show_list(struct evkeyvalq* list) {
    struct evkeyval* pair;
    int count = 0;
    TAILQ_FOREACH(pair, list, next) {
        printf("  [%s]=[%s]\n", pair->key, pair->value);
        ++count;
    }
    printf("  %d pairs, last %s\n", count,
           TAILQ_EMPTY(list) ? "none" : TAILQ_LAST(list, evkeyvalq)->key);
}

static void queries(void) {
    static const char* const texts[] = {
        "",
        "a=1",
        "a=1&b=2",
        "a",
        "a=",
        "=a",
        "=",
        "a=1&",
        "&a=1",
        "a=1&&b=2",
        "a=1;b=2",
        "a=b=c",
        "a+b=c+d",
        "%41=%42",
        "a=%00x",
        "a=%0d%0ab",
        "a=1&a=2&A=3",
        "a=%zz",
        "test=unicode\xc3\xa4",
        "a=?",
        "a=#b",
        "a=1&b",
        "x[0]=1",
    };
    static const char* const uris[] = {
        "/?a=1",
        "/",
        "/?",
        "?a=1&b=2",
        "http://h/p?q=r#f",
        "/p?q=a b",
        "bad:// uri?a=1",
        "/?a",
        "http://h?x=%2b+",
        "/#?a=1",
    };
    struct evkeyvalq list;
    size_t i;
    for (i = 0; i < sizeof texts / sizeof texts[0]; ++i) {
        memset(&list, 0xab, sizeof list);
        printf("parse_query_str(%s) = %d\n", texts[i], evhttp_parse_query_str(texts[i], &list));
        show_list(&list);
        evhttp_clear_headers(&list);
    }
    for (i = 0; i < sizeof uris / sizeof uris[0]; ++i) {
        memset(&list, 0xab, sizeof list);
        printf("parse_query(%s) = %d\n", uris[i], evhttp_parse_query(uris[i], &list));
        show_list(&list);
        evhttp_clear_headers(&list);
    }
}

static const char* find(struct evkeyvalq* list, const char* key) {
    const char* value = evhttp_find_header(list, key);
    return value != NULL ? value : "(null)";
}

static void headers(void) {
    struct evkeyvalq list;
    TAILQ_INIT(&list);
    printf("find in none: %s\n", find(&list, "x"));
    printf("remove from none: %d\n", evhttp_remove_header(&list, "x"));
    printf("add: %d\n", evhttp_add_header(&list, "Host", "a"));
    printf("add: %d\n", evhttp_add_header(&list, "host", "b"));
    printf("add: %d\n", evhttp_add_header(&list, "X-Empty", ""));
    printf("add: %d\n", evhttp_add_header(&list, "", "empty name"));
    printf("add: %d\n", evhttp_add_header(&list, "a b", "c:d"));
    printf("CR in name: %d\n", evhttp_add_header(&list, "a\rb", "c"));
    printf("LF in name: %d\n", evhttp_add_header(&list, "a\nb", "c"));
    printf("CRLF in value: %d\n", evhttp_add_header(&list, "a", "b\r\nc"));
    printf("CR in value: %d\n", evhttp_add_header(&list, "a", "b\rc"));
    printf("LF in value: %d\n", evhttp_add_header(&list, "a", "b\n"));
    printf("folded value: %d\n", evhttp_add_header(&list, "a", "b\r\n c"));
    printf("tab in value: %d\n", evhttp_add_header(&list, "Tab", "\t b\t "));
    show_list(&list);
    printf("find: %s %s %s %s\n", find(&list, "HOST"), find(&list, "x-empty"), find(&list, "hos"),
           find(&list, ""));
    printf("remove: %d\n", evhttp_remove_header(&list, "HOST"));
    printf("find: %s\n", find(&list, "Host"));
    printf("remove: %d\n", evhttp_remove_header(&list, "host"));
    printf("remove: %d\n", evhttp_remove_header(&list, "host"));
    show_list(&list);
    printf("remove last: %d\n", evhttp_remove_header(&list, "tab"));
    printf("add: %d\n", evhttp_add_header(&list, "After", "1"));
    show_list(&list);
    evhttp_clear_headers(&list);
    show_list(&list);
    evhttp_clear_headers(&list);
    printf("add: %d\n", evhttp_add_header(&list, "Again", "1"));
    show_list(&list);
    evhttp_clear_headers(&list);
}

int main(void) {
    encoding();
    decoding();
    queries();
    headers();
    return 0;
}
