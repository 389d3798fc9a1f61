// What buffers do where libevent 2.1 does worse, so that no trace of both can show it.
#include "compat/evbuffer.h"

#include <gtest/gtest.h>

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <memory>
#include <string>

namespace corevent::compat {
namespace {

struct Free {
    void operator()(evbuffer* buffer) const { evbuffer_free(buffer); }
};
using Buffer = std::unique_ptr<evbuffer, Free>;

Buffer make(std::string_view text = {}) {
    Buffer buffer(evbuffer_new());
    evbuffer_add(buffer.get(), text.data(), text.size());
    return buffer;
}

std::string text_of(const Buffer& buffer) {
    std::string text(evbuffer_get_length(buffer.get()), '?');
    evbuffer_copyout(buffer.get(), text.data(), text.size());
    return text;
}

int file_of(std::string_view text) {
    char name[] = "/tmp/evbuffer_test_XXXXXX";
    const int fd = mkstemp(name);
    unlink(name);
    EXPECT_EQ(write(fd, text.data(), text.size()), static_cast<ssize_t>(text.size()));
    return fd;
}

bool is_open(int fd) {
    return fcntl(fd, F_GETFD) >= 0;
}

TEST(Evbuffer, ACallbackMayFreeTheBuffer) {
    static int calls;
    calls = 0;
    evbuffer* const buffer = evbuffer_new();
    evbuffer_add_cb(
        buffer,
        [](evbuffer* freed, const evbuffer_cb_info*, void*) {
            ++calls;
            evbuffer_free(freed);
        },
        nullptr);
    iovec pieces[2] = {{const_cast<char*>("ab"), 2}, {const_cast<char*>("cd"), 2}};
    EXPECT_EQ(evbuffer_add_iovec(buffer, pieces, 1), 2u);
    EXPECT_EQ(calls, 1);
}

TEST(Evbuffer, ACallbackMayFreeBothBuffersOfAMove) {
    static evbuffer* from;
    static evbuffer* to;
    from = evbuffer_new();
    to = evbuffer_new();
    evbuffer_add(from, "text", 4);
    evbuffer_add_cb(
        from,
        [](evbuffer*, const evbuffer_cb_info*, void*) {
            evbuffer_free(from);
            evbuffer_free(to);
        },
        nullptr);
    EXPECT_EQ(evbuffer_add_buffer(to, from), 0);
}

TEST(Evbuffer, ACallbackMayRemoveOthers) {
    static std::array<evbuffer_cb_entry*, 3> entries;
    static std::string order;
    order.clear();
    const Buffer buffer = make();
    const auto note = [](evbuffer* at, const evbuffer_cb_info*, void* name) {
        order += *static_cast<char*>(name);
        if (order == "c") {
            evbuffer_remove_cb_entry(at, entries[1]);
            evbuffer_remove_cb_entry(at, entries[2]);
        }
    };
    static char names[] = "abc";
    for (std::size_t i = 0; i < entries.size(); ++i) {
        entries[i] = evbuffer_add_cb(buffer.get(), note, &names[i]);
    }
    evbuffer_add(buffer.get(), "x", 1);
    evbuffer_add(buffer.get(), "x", 1);
    EXPECT_EQ(order, "caa");
}

TEST(Evbuffer, APlaceFromBeforeAChangeIsFoundByItsPosition) {
    const Buffer buffer = make(std::string(3000, 'a'));
    evbuffer_add_reference(buffer.get(), "needle", 6, nullptr, nullptr);
    evbuffer_ptr end;
    ASSERT_EQ(evbuffer_ptr_set(buffer.get(), &end, 3006, EVBUFFER_PTR_SET), 0);
    evbuffer_ptr middle;
    ASSERT_EQ(evbuffer_ptr_set(buffer.get(), &middle, 3001, EVBUFFER_PTR_SET), 0);
    evbuffer_add(buffer.get(), "more", 4);
    EXPECT_EQ(evbuffer_search(buffer.get(), "ore", 3, &end).pos, 3007);
    evbuffer_drain(buffer.get(), 3005);
    EXPECT_EQ(evbuffer_search(buffer.get(), "e", 1, &middle).pos, -1);
    std::array<char, 4> out;
    EXPECT_EQ(evbuffer_copyout_from(buffer.get(), &middle, out.data(), 4), -1);
}

TEST(Evbuffer, MinusOneIsTheRestOfAFile) {
    const Buffer buffer = make();
    const int fd = file_of("0123456789");
    EXPECT_EQ(evbuffer_add_file(buffer.get(), fd, 4, -1), 0);
    EXPECT_EQ(text_of(buffer), "456789");
    evbuffer_drain(buffer.get(), 6);
    EXPECT_FALSE(is_open(fd));
}

TEST(Evbuffer, AnEmptyFileIsOwnedAndClosed) {
    const Buffer buffer = make();
    const int fd = file_of("");
    EXPECT_EQ(evbuffer_add_file(buffer.get(), fd, 0, -1), 0);
    EXPECT_EQ(evbuffer_get_length(buffer.get()), 0u);
    EXPECT_FALSE(is_open(fd));
}

TEST(Evbuffer, WhatCannotBeAddedStaysTheCallers) {
    const Buffer buffer = make();
    const int fd = file_of("0123456789");
    EXPECT_EQ(evbuffer_add_file(buffer.get(), fd, 5, 6), -1);  // behind the end of the file
    evbuffer_freeze(buffer.get(), 0);
    EXPECT_EQ(evbuffer_add_file(buffer.get(), fd, 0, 5), -1);
    EXPECT_TRUE(is_open(fd));
    evbuffer_unfreeze(buffer.get(), 0);
    evbuffer_file_segment* const part = evbuffer_file_segment_new(fd, 2, 5, EVBUF_FS_DISABLE_MMAP);
    EXPECT_EQ(evbuffer_add_file_segment(buffer.get(), part, 0, 6), -1);
    EXPECT_EQ(evbuffer_add_file_segment(buffer.get(), part, 6, 0), -1);
    EXPECT_EQ(evbuffer_add_file_segment(buffer.get(), part, -1, 1), -1);
    EXPECT_EQ(evbuffer_add_file_segment(buffer.get(), part, 5, -1), 0);
    EXPECT_EQ(evbuffer_add_file_segment(buffer.get(), part, 1, -1), 0);  // read, not mapped
    evbuffer_file_segment_free(part);
    EXPECT_EQ(text_of(buffer), "3456");
    close(fd);
}

TEST(Evbuffer, FilePartsThatGoByTheirDescriptorCanStillBeLookedAt) {
    const std::string text(100'000, 'f');
    const int fd = file_of(text + "needle" + text);
    const Buffer buffer = make("head ");
    evbuffer_set_flags(buffer.get(), EVBUFFER_FLAG_DRAINS_TO_FD);
    ASSERT_EQ(evbuffer_add_file(buffer.get(), fd, 0, -1), 0);
    evbuffer_drain(buffer.get(), 15);
    const Buffer other = make();
    EXPECT_EQ(evbuffer_remove_buffer(buffer.get(), other.get(), 10), 10);
    EXPECT_EQ(evbuffer_search(buffer.get(), "needle", 6, nullptr).pos, 99'980);
    EXPECT_EQ(text_of(other), "ffffffffff");
    EXPECT_EQ(text_of(buffer), text.substr(20) + "needle" + text);
}

TEST(Evbuffer, AFullSocketSaysSoForFilesToo) {
    const int fd = file_of(std::string(4'000'000, 'f'));
    const Buffer buffer = make();
    evbuffer_set_flags(buffer.get(), EVBUFFER_FLAG_DRAINS_TO_FD);
    ASSERT_EQ(evbuffer_add_file(buffer.get(), fd, 0, -1), 0);
    int fds[2];
    ASSERT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds), 0);
    int result = 0;
    while ((result = evbuffer_write(buffer.get(), fds[0])) > 0) {
    }
    EXPECT_EQ(result, -1);
    EXPECT_EQ(errno, EAGAIN);
    EXPECT_GT(evbuffer_get_length(buffer.get()), 0u);
    ASSERT_EQ(ftruncate(fd, 0), 0);
    std::array<char, 65536> rest;
    while (read(fds[1], rest.data(), rest.size()) > 0) {
    }
    EXPECT_EQ(evbuffer_write(buffer.get(), fds[0]), -1);
    EXPECT_EQ(errno, EIO);
    close(fds[0]);
    close(fds[1]);
}

TEST(Evbuffer, ReadsAdaptAndKeepToTheirBound) {
    int fds[2];
    ASSERT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds), 0);
    const Buffer buffer = make();
    const std::string text(100'000, 't');
    std::array<int, 4> sizes;
    for (int& size : sizes) {
        ASSERT_EQ(write(fds[1], text.data(), text.size()), static_cast<ssize_t>(text.size()));
        size = evbuffer_read(buffer.get(), fds[0], -1);
        EXPECT_EQ(evbuffer_read(buffer.get(), fds[0], 1000), 1000);
        while (evbuffer_read(buffer.get(), fds[0], static_cast<int>(read_bytes_min)) > 0) {
        }
    }
    EXPECT_EQ(sizes[0], static_cast<int>(read_bytes_min));
    EXPECT_GT(sizes[1], 0);
    int most = 0;
    for (int i = 0; i < 10; ++i) {
        ASSERT_GT(write(fds[1], text.data(), text.size()), 0);
        int got = 0;
        while ((got = evbuffer_read(buffer.get(), fds[0], -1)) > 0) {
            most = std::max(most, got);
        }
    }
    EXPECT_GT(most, static_cast<int>(read_bytes_min));
    EXPECT_LE(most, static_cast<int>(read_bytes_max));
    close(fds[0]);
    close(fds[1]);
}

TEST(Evbuffer, SmallReadsKeepLittleMemory) {
    int fds[2];
    ASSERT_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
    const Buffer buffer = make();
    ASSERT_EQ(write(fds[1], "small", 5), 5);
    ASSERT_EQ(evbuffer_read(buffer.get(), fds[0], -1), 5);
    ASSERT_EQ(buffer->segments.segments(), 1u);
    EXPECT_LT(buffer->segments.at(0).room, Segments::block_bytes_min);
    ASSERT_EQ(write(fds[1], " and more", 9), 9);
    ASSERT_EQ(evbuffer_read(buffer.get(), fds[0], -1), 9);
    EXPECT_EQ(buffer->segments.segments(), 1u);
    EXPECT_EQ(text_of(buffer), "small and more");
    close(fds[0]);
    close(fds[1]);
}

TEST(Evbuffer, SizesBeyondMemoryAreRefused) {
    const Buffer buffer = make("text");
    static bool cleaned;
    cleaned = false;
    const auto cleanup = [](const void*, std::size_t, void*) { cleaned = true; };
    EXPECT_EQ(evbuffer_add_reference(buffer.get(), "x", SIZE_MAX, cleanup, nullptr), -1);
    EXPECT_EQ(evbuffer_add_reference(buffer.get(), "x", SIZE_MAX - 4, cleanup, nullptr), -1);
    EXPECT_FALSE(cleaned);
    EXPECT_EQ(text_of(buffer), "text");
}

TEST(Evbuffer, BytesThatComeBackToTheirBufferAreFreed) {
    static int cleaned;
    cleaned = 0;
    const auto cleanup = [](const void*, std::size_t, void*) { ++cleaned; };
    Buffer one = make("copied");
    Buffer two = make();
    evbuffer_add_reference(one.get(), "referred", 8, cleanup, nullptr);
    EXPECT_EQ(evbuffer_add_buffer_reference(two.get(), one.get()), 0);
    EXPECT_EQ(evbuffer_add_buffer(one.get(), two.get()), 0);
    EXPECT_EQ(text_of(one), "copiedreferredcopiedreferred");
    one.reset();
    EXPECT_EQ(cleaned, 1);
}

}  // namespace
}  // namespace corevent::compat
