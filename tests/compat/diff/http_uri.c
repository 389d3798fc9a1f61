/* URIs: splitting, joining, the setters, flags. */
#include <event2/http.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char* text(const char* s) {
    return s != NULL ? s : "(null)";
}

static void show(const char* source, unsigned flags) {
    char joined[512];
    struct evhttp_uri* uri = evhttp_uri_parse_with_flags(source, flags);
    printf("%s %u: ", source, flags);
    if (uri == NULL) {
        printf("refused\n");
        return;
    }
    printf("scheme=%s userinfo=%s host=%s port=%d path=%s query=%s fragment=%s\n",
           text(evhttp_uri_get_scheme(uri)), text(evhttp_uri_get_userinfo(uri)),
           text(evhttp_uri_get_host(uri)), evhttp_uri_get_port(uri), text(evhttp_uri_get_path(uri)),
           text(evhttp_uri_get_query(uri)), text(evhttp_uri_get_fragment(uri)));
    printf("  joined %s\n", text(evhttp_uri_join(uri, joined, sizeof joined)));
    evhttp_uri_free(uri);
}

static void parsing(void) {
    static const char* const sources[] = {
        "",
        "/",
        "//",
        "///",
        "////x",
        "/a/b?c=d#e",
        "a/b",
        "a:b",
        "1a:b",
        "./a:b",
        "a/b:c",
        "?q",
        "#f",
        "?",
        "#",
        "?#",
        "/?#",
        "http:",
        "http://",
        "http:///",
        "http://host",
        "http://host/",
        "http://host:80/x",
        "http://host:/x",
        "http://host:65535/",
        "http://host:65536/",
        "http://host:99999999999/",
        "http://host:8a/",
        "http://user@host",
        "http://user:pw@host:1/",
        "http://@host/",
        "http://a@b@c/",
        "http://us%41er@host/",
        "http://us%4er@host/",
        "http://us er@host/",
        "http://[::1]/",
        "http://[::1]:80/",
        "http://[::1/",
        "http://[1.2.3.4]/",
        "http://[v1.abc:d]/",
        "http://[v.abc]/",
        "http://[vf.]/",
        "http://[]/",
        "http://[::ffff:1.2.3.4]/",
        "http://[fe80::1%25eth0]/",
        "http://h%20st/",
        "http://h st/",
        "http://h_st~!$&'()*+,;=/",
        "http://host?q",
        "http://host#f",
        "http://host/a b",
        "http://host/a%20b",
        "http://host/a%2",
        "http://host/a%zz",
        "http://host/<>",
        "http://host/a?b c",
        "http://host/a?b[c]",
        "http://host/a?b?c/d:@",
        "http://host/a#b#c",
        "http://host/a#b c",
        "http://host/\xc3\xa4",
        "/\xc3\xa4?\xff#\x01",
        "mailto:a@b.c",
        "urn:x:y:z",
        "http:a//b",
        "http:/a//b",
        "http:////a",
        "HTTP://Host/",
        "h+-.1t:x",
        "+h:x",
        "-:x",
        ":x",
        ":",
        "//host:80",
        "//user@host:80/x?y#z",
        "file:///etc/passwd",
        "*",
        "host:80",
        "http://host/;p=1,2",
        "http://1.2.3.4:5/",
        "http://host:80:90/",
        "http://:80/",
        "http://:/",
        "http://user@:80/",
        "http://host/%00",
        "/%",
        "/a|b",
        "/a\\b",
        "/a^b`c{d}",
        "/a\"b",
        "http://host/..//./a",
        "?a=b&c=d",
        "/a?b=c+d%20e",
        "//a//b",
        "x://y?z#",
        "http://ho\xffst/",
    };
    size_t i;
    for (i = 0; i < sizeof sources / sizeof sources[0]; ++i) {
        show(sources[i], 0);
        show(sources[i], EVHTTP_URI_NONCONFORMANT);
    }
}

typedef int setter(struct evhttp_uri*, const char*);

static void set_all(const char* name, setter* set, const char* (*get)(const struct evhttp_uri*),
                    unsigned flags) {
    static const char* const values[] = {
        "http", "h t",   "",         "a:b", "user", "u@v",   "host", "ho/st", "[::1]",
        "[::1", "[x]",   "/a/b",     "a/b", "a?b",  "a#b",   "%41",  "%4",    "?",
        "/",    "a=b&c", "\xc3\xa4", "a b", "1x",   "x1+-.", ":80",  "h:80",
    };
    size_t i;
    struct evhttp_uri* uri = evhttp_uri_new();
    evhttp_uri_set_flags(uri, flags);
    for (i = 0; i < sizeof values / sizeof values[0]; ++i) {
        const int result = set(uri, values[i]);
        printf("%s(%s, %u) = %d, now %s\n", name, values[i], flags, result, text(get(uri)));
    }
    printf("%s(NULL) = %d", name, set(uri, NULL));
    printf(", now %s\n", text(get(uri)));
    evhttp_uri_free(uri);
}

static void setting(unsigned flags) {
    set_all("scheme", evhttp_uri_set_scheme, evhttp_uri_get_scheme, flags);
    set_all("userinfo", evhttp_uri_set_userinfo, evhttp_uri_get_userinfo, flags);
    set_all("host", evhttp_uri_set_host, evhttp_uri_get_host, flags);
    set_all("path", evhttp_uri_set_path, evhttp_uri_get_path, flags);
    set_all("query", evhttp_uri_set_query, evhttp_uri_get_query, flags);
    set_all("fragment", evhttp_uri_set_fragment, evhttp_uri_get_fragment, flags);
}

static void ports(void) {
    static const int values[] = {-2, -1, 0, 1, 80, 65535, 65536, 1000000};
    size_t i;
    struct evhttp_uri* uri = evhttp_uri_new();
    for (i = 0; i < sizeof values / sizeof values[0]; ++i) {
        const int result = evhttp_uri_set_port(uri, values[i]);
        printf("port(%d) = %d, now %d\n", values[i], result, evhttp_uri_get_port(uri));
    }
    evhttp_uri_free(uri);
}

static void joining(void) {
    char buffer[64];
    size_t limit;
    struct evhttp_uri* uri = evhttp_uri_new();
    printf("empty: %s\n", text(evhttp_uri_join(uri, buffer, sizeof buffer)));
    printf("fresh path: %s\n", text(evhttp_uri_get_path(uri)));
    evhttp_uri_set_path(uri, "a/b");
    printf("path: %s\n", text(evhttp_uri_join(uri, buffer, sizeof buffer)));
    evhttp_uri_set_host(uri, "h");
    printf("host with relative path: %s\n", text(evhttp_uri_join(uri, buffer, sizeof buffer)));
    evhttp_uri_set_path(uri, "");
    evhttp_uri_set_port(uri, 8080);
    evhttp_uri_set_userinfo(uri, "u:p");
    printf("no path: %s\n", text(evhttp_uri_join(uri, buffer, sizeof buffer)));
    evhttp_uri_set_scheme(uri, "http");
    evhttp_uri_set_query(uri, "");
    evhttp_uri_set_fragment(uri, "");
    printf("empty query and fragment: %s\n", text(evhttp_uri_join(uri, buffer, sizeof buffer)));
    evhttp_uri_set_path(uri, "/p");
    evhttp_uri_set_query(uri, "q");
    evhttp_uri_set_fragment(uri, "f");
    for (limit = 0; limit < sizeof buffer; ++limit) {
        if (evhttp_uri_join(uri, buffer, limit) != NULL) {
            printf("needs %d: %s\n", (int)limit, buffer);
            break;
        }
    }
    evhttp_uri_set_host(uri, NULL);
    printf("userinfo without host: %s\n", text(evhttp_uri_join(uri, buffer, sizeof buffer)));
    evhttp_uri_set_path(uri, NULL);
    printf("path(NULL): %s joined %s\n", text(evhttp_uri_get_path(uri)),
           text(evhttp_uri_join(uri, buffer, sizeof buffer)));
    evhttp_uri_free(uri);
    uri = evhttp_uri_parse("http://x/y");
    evhttp_uri_free(uri);
}

int main(void) {
    parsing();
    setting(0);
    setting(EVHTTP_URI_NONCONFORMANT);
    ports();
    joining();
    return 0;
}
