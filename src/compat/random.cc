// Random octets of <event2/util.h>: the kernel's, by libc's arc4random, which seeds itself. What
// programs could once add to its seeds is not needed. Any thread.
#include <event2/util.h>

#include <cstdlib>

extern "C" {

void evutil_secure_rng_get_bytes(void* buf, size_t n) {
    arc4random_buf(buf, n);
}

int evutil_secure_rng_init(void) {
    return 0;
}

int evutil_secure_rng_set_urandom_device_file(char*) {
    return -1;  // none is read
}

void evutil_secure_rng_add_bytes(const char*, size_t) {}

}  // extern "C"
