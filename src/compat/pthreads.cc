// evthread_use_pthreads(): locks, conditions and thread numbers from POSIX threads.
#include "compat/alloc.h"

#include <event2/thread.h>

#include <pthread.h>
#include <sys/time.h>

#include <cerrno>
#include <ctime>

namespace {

using corevent::compat::mm_free;
using corevent::compat::mm_malloc;

void* new_lock(unsigned locktype) noexcept {
    auto* const mutex = static_cast<pthread_mutex_t*>(mm_malloc(sizeof(pthread_mutex_t)));
    if (mutex == nullptr) return nullptr;
    pthread_mutexattr_t attributes;
    pthread_mutexattr_init(&attributes);
    if ((locktype & EVTHREAD_LOCKTYPE_RECURSIVE) != 0) {
        pthread_mutexattr_settype(&attributes, PTHREAD_MUTEX_RECURSIVE);
    }
    const int error = pthread_mutex_init(mutex, &attributes);
    pthread_mutexattr_destroy(&attributes);
    if (error != 0) {
        mm_free(mutex);
        return nullptr;
    }
    return mutex;
}

void free_lock(void* lock, unsigned) noexcept {
    pthread_mutex_destroy(static_cast<pthread_mutex_t*>(lock));
    mm_free(lock);
}

int lock(unsigned mode, void* lock) noexcept {
    auto* const mutex = static_cast<pthread_mutex_t*>(lock);
    return (mode & EVTHREAD_TRY) != 0 ? pthread_mutex_trylock(mutex) : pthread_mutex_lock(mutex);
}

int unlock(unsigned, void* lock) noexcept {
    return pthread_mutex_unlock(static_cast<pthread_mutex_t*>(lock));
}

unsigned long id() noexcept {
    return static_cast<unsigned long>(pthread_self());
}

void* new_condition(unsigned) noexcept {
    auto* const condition = static_cast<pthread_cond_t*>(mm_malloc(sizeof(pthread_cond_t)));
    if (condition == nullptr) return nullptr;
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    const int error = pthread_cond_init(condition, &attributes);
    pthread_condattr_destroy(&attributes);
    if (error != 0) {
        mm_free(condition);
        return nullptr;
    }
    return condition;
}

void free_condition(void* condition) noexcept {
    pthread_cond_destroy(static_cast<pthread_cond_t*>(condition));
    mm_free(condition);
}

int signal_condition(void* condition, int broadcast) noexcept {
    auto* const cond = static_cast<pthread_cond_t*>(condition);
    return (broadcast != 0 ? pthread_cond_broadcast(cond) : pthread_cond_signal(cond)) == 0 ? 0
                                                                                            : -1;
}

int wait_condition(void* condition, void* lock, const timeval* timeout) noexcept {
    auto* const cond = static_cast<pthread_cond_t*>(condition);
    auto* const mutex = static_cast<pthread_mutex_t*>(lock);
    if (timeout == nullptr) return pthread_cond_wait(cond, mutex) == 0 ? 0 : -1;
    timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += timeout->tv_sec;
    until.tv_nsec += timeout->tv_usec * 1000;
    if (until.tv_nsec >= 1'000'000'000) {
        until.tv_nsec -= 1'000'000'000;
        ++until.tv_sec;
    }
    switch (pthread_cond_timedwait(cond, mutex, &until)) {
        case 0: return 0;
        case ETIMEDOUT: return 1;
        default: return -1;
    }
}

}  // namespace

extern "C" int evthread_use_pthreads(void) {
    static const evthread_lock_callbacks locks = {
        EVTHREAD_LOCK_API_VERSION, EVTHREAD_LOCKTYPE_RECURSIVE, new_lock, free_lock, lock, unlock};
    static const evthread_condition_callbacks conditions = {EVTHREAD_CONDITION_API_VERSION,
                                                            new_condition, free_condition,
                                                            signal_condition, wait_condition};
    if (evthread_set_lock_callbacks(&locks) != 0) return -1;
    if (evthread_set_condition_callbacks(&conditions) != 0) return -1;
    evthread_set_id_callback(id);
    return 0;
}
