// The suite that every kind of stream passes: what Stream promises (corevent/stream.h), one test a
// promise. What is special to sockets or pipes has files of its own.
#include "stream_pair.h"

#include <array>
#include <random>
#include <vector>

namespace corevent::test {
namespace {

/// Octets that tell where they belong.
std::string pattern(std::size_t size, std::size_t offset = 0) {
    std::string text(size, '\0');
    for (std::size_t i = 0; i < size; ++i) {
        const std::size_t at = offset + i;
        text[i] = static_cast<char>(at * 31 + (at >> 8) * 17 + (at >> 16));
    }
    return text;
}

class TestFile final : public FileHolder {
public:
    static FileRef make(std::string_view contents) {
        std::string path = testing::TempDir() + "corevent_stream_XXXXXX";
        const int fd = mkstemp(path.data());
        EXPECT_GE(fd, 0);
        unlink(path.c_str());
        EXPECT_EQ(::write(fd, contents.data(), contents.size()),
                  static_cast<ssize_t>(contents.size()));
        return FileRef::adopt(new TestFile(fd));
    }

private:
    explicit TestFile(int fd) : FileHolder(fd) {}
    ~TestFile() override { ::close(fd()); }
};

class StreamSuite : public testing::TestWithParam<Kind> {
protected:
    StreamSuite() : loop_({.backend = backend_of(GetParam()), .stall_threshold = {}}) {}

    void connect(int buffer_bytes = 0) {
        const auto [a, b] = make_pair_of_streams(loop_, GetParam(), buffer_bytes);
        a_.attach(*a);
        b_.attach(*b);
    }
    template <class Done>
    bool until(Done done) {
        return turn_until(loop_, done);
    }
    /// Ends whatever is still open and checks that everything was told and given back.
    void TearDown() override {
        for (Recorder* r : {&a_, &b_}) {
            if (r->stream != nullptr) r->quietly([](Stream& s) { s.abort(); });
        }
        EXPECT_TRUE(until([&] { return a_.closes == 1 && b_.closes == 1; }));
        turn_until_idle(loop_);
        EXPECT_EQ(LoopCore::of(loop_).load(), 0U);
        EXPECT_EQ(SocketPool::of(loop_).streams(), 0U);
    }
    bool failed_by_reset(const Recorder& r) const {
        return r.why == std::errc::connection_reset || r.why == std::errc::broken_pipe;
    }
    /// Writes to `from` until something stays queued whatever the loop does; returns the octets
    /// written. What was told until then is forgotten.
    std::size_t write_until_queued(Recorder& from, std::size_t piece) {
        std::size_t written = 0;
        for (;;) {
            const std::string text = pattern(piece, written);
            written += piece;
            if (from.quietly([&](Stream& s) { return s.write(text); })) continue;
            turn_until_idle(loop_);
            if (from.stream->queued_bytes() != 0) break;
        }
        from.drains = from.progresses = 0;
        return written;
    }

    Loop loop_;
    Recorder a_, b_;
};

// --- bytes

TEST_P(StreamSuite, EchoesAndCloses) {
    connect();
    b_.bytes_hook = [&](std::span<char> bytes) {
        b_.stream->write(std::string_view(bytes.data(), bytes.size()));
    };
    b_.end_hook = [&] { b_.stream->close(); };
    a_.quietly([](Stream& s) { return s.write("hello"); });
    EXPECT_TRUE(until([&] { return a_.received == "hello"; }));
    a_.quietly([](Stream& s) { s.shutdown_write(); });
    EXPECT_TRUE(until([&] { return a_.ends == 1 && b_.closes == 1; }));
    EXPECT_FALSE(b_.why);
    a_.quietly([](Stream& s) { s.close(); });
    EXPECT_EQ(a_.closes, 0);
    EXPECT_TRUE(until([&] { return a_.closes == 1; }));
    EXPECT_FALSE(a_.why);
}

TEST_P(StreamSuite, SlicesArriveInOrder) {
    connect();
    std::vector<std::string> texts;
    std::vector<std::string_view> slices;
    std::string all;
    for (std::size_t i = 0; i < 100; ++i) texts.push_back(pattern(i % 7 == 0 ? 0 : i * 11, i));
    for (const std::string& text : texts) {
        slices.push_back(text);
        all += text;
    }
    a_.quietly([&](Stream& s) { return s.write(slices); });
    EXPECT_TRUE(until([&] { return b_.received.size() == all.size(); }));
    EXPECT_EQ(b_.received, all);
}

TEST_P(StreamSuite, AnEmptyWriteSendsNothing) {
    connect();
    const std::string_view nothing[] = {"", "", ""};
    EXPECT_TRUE(a_.quietly([&](Stream& s) { return s.write(std::span(nothing)); }));
    EXPECT_TRUE(a_.quietly([&](Stream& s) { return s.write(""); }));
    EXPECT_TRUE(a_.quietly([&](Stream& s) { return s.write(Chain()); }));
    turn_until_idle(loop_);
    EXPECT_EQ(b_.spans, 0);
    EXPECT_EQ(a_.drains, 0);
}

TEST_P(StreamSuite, SpansAreFollowedByPadding) {
    connect();
    std::size_t sum = 0;
    b_.bytes_hook = [&](std::span<char> bytes) {
        for (std::size_t i = 0; i < 64; ++i)
            sum += static_cast<unsigned char>(bytes.data()[bytes.size() + i]);
        bytes[0] = 'x';  // the span may be written to
    };
    const std::string text = pattern(200'000);
    a_.quietly([&](Stream& s) { return s.write(text); });
    EXPECT_TRUE(until([&] { return b_.received_bytes == text.size(); }));
    EXPECT_LT(sum, SIZE_MAX);
}

TEST_P(StreamSuite, BigTransfersBothWaysWithRandomPieces) {
    connect(16 * 1024);
    constexpr std::size_t total = 3 << 20;
    std::mt19937 random(7);
    struct Side {
        Recorder& me;
        std::size_t written = 0;
        std::size_t checked = 0;
        bool waiting = false;
    } sides[] = {{a_}, {b_}};
    const auto write_some = [&](Side& side) {
        while (side.written < total && !side.waiting) {
            std::vector<std::string> texts;
            std::vector<std::string_view> slices;
            std::size_t pieces = random() % 20 + 1;
            while (pieces-- > 0 && side.written < total) {
                const std::size_t size =
                    std::min<std::size_t>(random() % 5000, total - side.written);
                texts.push_back(pattern(size, side.written));
                side.written += size;
            }
            slices.assign(texts.begin(), texts.end());
            side.waiting = !side.me.stream->write(slices);
        }
    };
    for (Side& side : sides) {
        side.me.keep = false;
        side.me.bytes_hook = [&side](std::span<char> bytes) {
            ASSERT_EQ(std::string_view(bytes.data(), bytes.size()),
                      pattern(bytes.size(), side.checked));
            side.checked += bytes.size();
        };
        side.me.drained_hook = [&] {
            side.waiting = false;
            write_some(side);
        };
    }
    write_some(sides[0]);
    write_some(sides[1]);
    EXPECT_TRUE(until([&] { return sides[0].checked == total && sides[1].checked == total; }));
    EXPECT_GT(a_.drains, 0);
}

// --- files and chains

TEST_P(StreamSuite, SendsFileRangesBetweenBytes) {
    connect(32 * 1024);
    const std::string contents = pattern(5 << 20);
    const FileRef file = TestFile::make(contents);
    Chain chain;
    chain.append_copy("head:");
    chain.append_file(file, 0, contents.size());
    chain.append_static(":middle:");
    chain.append_file(file, 1000, 777);
    chain.append(std::string("tail"));
    b_.keep = true;
    const std::string expected =
        "head:" + contents + ":middle:" + contents.substr(1000, 777) + "tail";
    EXPECT_FALSE(a_.quietly([&](Stream& s) { return s.write(std::move(chain)); }));
    EXPECT_TRUE(until([&] { return b_.received.size() >= expected.size(); }));
    EXPECT_TRUE(b_.received == expected);
    EXPECT_TRUE(until([&] { return a_.drains == 1; }));
    EXPECT_GT(a_.progresses, 0);
}

TEST_P(StreamSuite, AFileThatHasShrunkFailsTheStream) {
    connect();
    const FileRef file = TestFile::make("only this");
    Chain chain;
    chain.append_file(file, 0, 100);
    a_.quietly([&](Stream& s) { return s.write(std::move(chain)); });
    EXPECT_TRUE(until([&] { return a_.closes == 1; }));
    EXPECT_EQ(a_.why, std::errc::io_error);
}

TEST_P(StreamSuite, AFailedStreamLetsGoOfWhatIsQueued) {
    connect(16 * 1024);
    const FileRef file = TestFile::make(pattern(4 << 20));
    Chain chain;
    chain.append_file(file, 0, 4 << 20);
    b_.quietly([](Stream& s) { s.pause(); });
    EXPECT_FALSE(a_.quietly([&](Stream& s) { return s.write(std::move(chain)); }));
    EXPECT_TRUE(file.get()->is_shared());
    a_.quietly([](Stream& s) { s.abort(); });
    EXPECT_FALSE(file.get()->is_shared());
}

// --- half close

TEST_P(StreamSuite, HalfCloseLeavesTheOtherDirectionOpen) {
    connect();
    a_.quietly([](Stream& s) {
        s.write("question");
        s.shutdown_write();
    });
    EXPECT_TRUE(until([&] { return b_.ends == 1; }));
    EXPECT_EQ(b_.received, "question");
    b_.quietly([](Stream& s) { return s.write("answer"); });
    EXPECT_TRUE(until([&] { return a_.received == "answer"; }));
    EXPECT_EQ(a_.ends, 0);
    b_.quietly([](Stream& s) { s.shutdown_write(); });
    EXPECT_TRUE(until([&] { return a_.ends == 1; }));
    turn_until_idle(loop_);
    EXPECT_EQ(a_.closes + b_.closes, 0);  // ended both ways, and still the clients' to close
}

TEST_P(StreamSuite, TheEndComesAfterTheQueue) {
    connect(16 * 1024);
    b_.quietly([](Stream& s) { s.pause(); });
    const std::size_t written = write_until_queued(a_, 10'000);
    a_.quietly([](Stream& s) { s.shutdown_write(); });
    b_.quietly([](Stream& s) { s.resume(); });
    EXPECT_TRUE(until([&] { return b_.ends == 1; }));
    EXPECT_EQ(b_.received.size(), written);
    EXPECT_EQ(a_.drains, 1);
}

// --- back pressure

TEST_P(StreamSuite, APausedReaderBoundsWhatIsTaken) {
    connect(16 * 1024);
    b_.quietly([](Stream& s) { s.pause(); });
    const std::size_t written = write_until_queued(a_, 8 * 1024);
    turn_until_idle(loop_);
    EXPECT_EQ(b_.spans, 0);
    EXPECT_GT(a_.stream->queued_bytes(), 0U);
    EXPECT_EQ(a_.drains, 0);
    b_.quietly([](Stream& s) { s.resume(); });
    EXPECT_EQ(b_.spans, 0);
    EXPECT_TRUE(until([&] { return b_.received_bytes == written && a_.drains == 1; }));
    turn_until_idle(loop_);
    EXPECT_EQ(a_.drains, 1);
}

TEST_P(StreamSuite, PausingInACallbackHoldsTheRest) {
    connect();
    const std::string text = pattern(600'000);
    b_.bytes_hook = [&](std::span<char>) { b_.stream->pause(); };
    a_.quietly([&](Stream& s) { return s.write(text); });
    while (b_.received.size() < text.size()) {
        const int before = b_.spans;
        ASSERT_TRUE(until([&] { return b_.spans > before; }));
        turn_until_idle(loop_);
        ASSERT_EQ(b_.spans, before + 1);
        b_.quietly([](Stream& s) { s.resume(); });
    }
    EXPECT_TRUE(b_.received == text);
}

TEST_P(StreamSuite, APausedStreamHoldsTheEnd) {
    connect();
    b_.quietly([](Stream& s) { s.pause(); });
    a_.quietly([](Stream& s) {
        s.write("x");
        s.shutdown_write();
    });
    turn_until_idle(loop_);
    EXPECT_EQ(b_.spans + b_.ends, 0);
    b_.quietly([](Stream& s) { s.resume(); });
    EXPECT_TRUE(until([&] { return b_.ends == 1; }));
    EXPECT_EQ(b_.received, "x");
}

TEST_P(StreamSuite, DrainedComesOncePerQueue) {
    connect(16 * 1024);
    for (int round = 1; round <= 5; ++round) {
        b_.quietly([](Stream& s) { s.pause(); });
        write_until_queued(a_, 20'000);
        write_until_queued(a_, 20'000);
        b_.quietly([](Stream& s) { s.resume(); });
        ASSERT_TRUE(until([&] { return a_.drains == 1; })) << round;
        turn_until_idle(loop_);
        EXPECT_EQ(a_.drains, 1);
    }
}

TEST_P(StreamSuite, WritingInDrainedGoesOn) {
    connect(16 * 1024);
    int rounds = 0;
    const std::string text = pattern(200'000);
    a_.drained_hook = [&] {
        if (++rounds < 10) {
            EXPECT_FALSE(a_.stream->write(text));
        }
    };
    b_.keep = false;
    EXPECT_FALSE(a_.quietly([&](Stream& s) { return s.write(text); }));
    EXPECT_TRUE(until([&] { return b_.received_bytes == 10 * text.size(); }));
    EXPECT_TRUE(until([&] { return rounds == 10; }));
    EXPECT_EQ(a_.drains, 10);
}

// --- the end

TEST_P(StreamSuite, CloseWritesTheQueueFirst) {
    connect(16 * 1024);
    b_.quietly([](Stream& s) { s.pause(); });
    const std::size_t written = write_until_queued(a_, 30'000);
    a_.quietly([](Stream& s) { s.close(); });
    turn_until_idle(loop_);
    EXPECT_EQ(a_.closes, 0);
    b_.quietly([](Stream& s) { s.resume(); });
    EXPECT_TRUE(until([&] { return a_.closes == 1 && b_.ends == 1; }));
    EXPECT_FALSE(a_.why);
    EXPECT_EQ(b_.received_bytes, written);
    EXPECT_EQ(a_.drains, 0);  // on_closed() says it
}

TEST_P(StreamSuite, AnAnnouncedEndComesWithAllOctets) {
    for (const bool close : {false, true}) {
        for (const std::size_t size : {std::size_t{1}, std::size_t{3000}, std::size_t{700'000}}) {
            connect();
            const std::string text = pattern(size);
            a_.quietly([](Stream& s) { s.pause(); });
            // What a closer has not read makes its close a reset, which overtakes nothing that has been sent before.
            if (size < 10'000) b_.quietly([](Stream& s) { return s.write("unread"); });
            a_.quietly([](Stream& s) { s.end_follows(); });
            a_.quietly([&](Stream& s) { return s.write(text); });
            a_.quietly([&](Stream& s) { close ? s.close() : s.shutdown_write(); });
            EXPECT_TRUE(until([&] { return b_.received.size() == size; })) << size;
            EXPECT_TRUE(b_.received == text);
            TearDown();
            a_ = Recorder();
            b_ = Recorder();
        }
    }
    connect();
}

TEST_P(StreamSuite, AnAnnouncedEndThatDoesNotComeHoldsNothingBack) {
    connect();
    a_.quietly([](Stream& s) { s.end_follows(); });
    a_.quietly([](Stream& s) { return s.write("hello"); });
    EXPECT_TRUE(until([&] { return b_.received == "hello"; }));
}

TEST_P(StreamSuite, CloseStopsReading) {
    connect();
    b_.quietly([](Stream& s) { return s.write("late"); });
    a_.quietly([](Stream& s) { s.close(); });
    EXPECT_TRUE(until([&] { return a_.closes == 1; }));
    EXPECT_EQ(a_.spans, 0);
}

TEST_P(StreamSuite, AbortResetsThePeer) {
    connect();
    a_.quietly([](Stream& s) { s.abort(); });
    EXPECT_EQ(a_.closes, 0);
    EXPECT_TRUE(until([&] { return a_.closes == 1; }));
    EXPECT_EQ(a_.why, std::errc::operation_canceled);
    if (GetParam() == Kind::unix_epoll || GetParam() == Kind::unix_poll) {
        EXPECT_TRUE(until([&] { return b_.ends == 1; }));  // unix sockets know no reset
    } else {
        EXPECT_TRUE(until([&] { return b_.closes == 1; }));
        EXPECT_EQ(b_.why, std::errc::connection_reset);
    }
}

TEST_P(StreamSuite, APausedStreamHearsOfAReset) {
    if (GetParam() == Kind::unix_epoll || GetParam() == Kind::unix_poll) {
        // Unread input makes a unix socket's end a reset.
        connect();
        b_.quietly([](Stream& s) { return s.write("unread"); });
        b_.quietly([](Stream& s) { s.pause(); });
    } else {
        connect();
        b_.quietly([](Stream& s) { s.pause(); });
    }
    a_.quietly([](Stream& s) { s.abort(); });
    EXPECT_TRUE(until([&] { return b_.closes == 1; }));
    EXPECT_EQ(b_.why, std::errc::connection_reset);
}

TEST_P(StreamSuite, WritingToAPeerThatHasGoneFails) {
    connect();
    a_.quietly([](Stream& s) { s.close(); });
    EXPECT_TRUE(until([&] { return b_.ends == 1; }));
    const std::string text = pattern(100'000);
    for (int i = 0; i < 1000 && b_.closes == 0; ++i) {
        b_.quietly([&](Stream& s) { return s.write(text); });
        turn_until_idle(loop_);
    }
    EXPECT_EQ(b_.closes, 1);
    EXPECT_TRUE(failed_by_reset(b_)) << b_.why;
}

TEST_P(StreamSuite, CallsOnAnEndedStreamDoNothing) {
    connect();
    a_.quietly([](Stream& s) {
        s.abort();
        s.abort();
        s.close();
        s.pause();
        s.resume();
        EXPECT_FALSE(s.write("never"));
        Chain chain;
        chain.append_static("never");
        EXPECT_FALSE(s.write(std::move(chain)));
        s.shutdown_write();
        EXPECT_EQ(s.queued_bytes(), 0U);
    });
    EXPECT_TRUE(until([&] { return a_.closes == 1; }));
    turn_until_idle(loop_);
    EXPECT_EQ(b_.received, "");
}

TEST_P(StreamSuite, AnUnstartedStreamCanBeAborted) {
    const auto [a, b] = make_pair_of_streams(loop_, GetParam());
    a->abort();
    b_.attach(*b);
    EXPECT_TRUE(until([&] { return b_.closes + b_.ends == 1; }));
    a_.closes = 1;  // nobody was told
}

TEST_P(StreamSuite, WhatCameBeforeStartIsKept) {
    const auto [a, b] = make_pair_of_streams(loop_, GetParam());
    a_.attach(*a);
    a_.quietly([](Stream& s) {
        s.write("early");
        s.shutdown_write();
    });
    turn_until_idle(loop_);
    b_.inside_call = true;
    b_.attach(*b);
    b_.inside_call = false;
    EXPECT_TRUE(until([&] { return b_.ends == 1; }));
    EXPECT_EQ(b_.received, "early");
}

TEST_P(StreamSuite, TheLoopFreesWhatIsLeft) {
    auto loop = std::make_unique<Loop>(LoopOptions{.backend = backend_of(GetParam())});
    Recorder left, right, bystander;
    const auto [a, b] = make_pair_of_streams(*loop, GetParam(), 16 * 1024);
    const auto [c, d] = make_pair_of_streams(*loop, GetParam());
    left.attach(*a);
    right.attach(*b);
    bystander.attach(*c);
    right.stream->pause();
    left.stream->write(pattern(1 << 20));
    turn_until_idle(*loop);
    bystander.stream->abort();  // waits for its turn for ever
    loop.reset();
    EXPECT_EQ(left.closes + right.closes + bystander.closes, 0);
    a_.closes = b_.closes = 1;
}

// --- ending it inside every callback

enum class Where : std::uint8_t { bytes, end, drained, progress };
enum class How : std::uint8_t { close, abort };

class EndingSuite : public StreamSuite {
protected:
    /// a_ does `how` in its callback `where`; b_ keeps it busy.
    void run(Where where, How how) {
        connect(16 * 1024);
        bool done = false;
        const auto end_it = [&] {
            if (std::exchange(done, true)) return;
            Stream& s = *a_.stream;
            how == How::close ? s.close() : s.abort();
            EXPECT_EQ(a_.closes, 0);
        };
        b_.quietly([](Stream& s) { s.pause(); });
        write_until_queued(a_, 60'000);
        a_.quietly([](Stream& s) { return s.write(pattern(200'000)); });
        if (where == Where::bytes) a_.bytes_hook = [&](std::span<char>) { end_it(); };
        if (where == Where::end) a_.end_hook = end_it;
        if (where == Where::drained) a_.drained_hook = end_it;
        if (where == Where::progress) a_.progress_hook = end_it;
        b_.quietly([](Stream& s) { s.resume(); });
        if (where == Where::bytes || where == Where::end) {
            b_.quietly([](Stream& s) { return s.write("word"); });
            b_.quietly([](Stream& s) { s.shutdown_write(); });
        }
        EXPECT_TRUE(until([&] { return a_.closes == 1; }));
        if (how == How::abort) {
            EXPECT_EQ(a_.why, std::errc::operation_canceled);
        } else {
            EXPECT_FALSE(a_.why);
        }
    }
};

TEST_P(EndingSuite, CloseInBytes) {
    run(Where::bytes, How::close);
}
TEST_P(EndingSuite, CloseInEnd) {
    run(Where::end, How::close);
}
TEST_P(EndingSuite, CloseInDrained) {
    run(Where::drained, How::close);
}
TEST_P(EndingSuite, CloseInProgress) {
    run(Where::progress, How::close);
}
TEST_P(EndingSuite, AbortInBytes) {
    run(Where::bytes, How::abort);
}
TEST_P(EndingSuite, AbortInEnd) {
    run(Where::end, How::abort);
}
TEST_P(EndingSuite, AbortInDrained) {
    run(Where::drained, How::abort);
}
TEST_P(EndingSuite, AbortInProgress) {
    run(Where::progress, How::abort);
}

TEST_P(EndingSuite, EachEndsTheOther) {
    connect();
    a_.closed_hook = [&] {
        if (b_.stream != nullptr) b_.stream->abort();
    };
    b_.bytes_hook = [&](std::span<char>) {
        a_.stream->abort();
        b_.stream->close();
    };
    a_.quietly([](Stream& s) { return s.write("go"); });
    EXPECT_TRUE(until([&] { return a_.closes == 1 && b_.closes == 1; }));
}

// --- many

TEST_P(StreamSuite, ManyPairsAtOnce) {
    connect();
    constexpr int count = 300;
    std::vector<std::unique_ptr<Recorder>> all;
    int answers = 0;
    int closes = 0;
    for (int i = 0; i < count; ++i) {
        const auto [x, y] = make_pair_of_streams(loop_, GetParam());
        auto& client = *all.emplace_back(std::make_unique<Recorder>());
        auto& server = *all.emplace_back(std::make_unique<Recorder>());
        client.attach(*x);
        server.attach(*y);
        server.bytes_hook = [&](std::span<char> bytes) {
            server.stream->write(std::string_view(bytes.data(), bytes.size()));
        };
        server.end_hook = [&] { server.stream->close(); };
        client.bytes_hook = [&](std::span<char>) {
            if (client.received.size() == 9) {
                ++answers;
                client.stream->shutdown_write();
            }
        };
        client.end_hook = [&] { client.stream->close(); };
        client.closed_hook = server.closed_hook = [&] { ++closes; };
        client.stream->write("some text");
    }
    EXPECT_TRUE(until([&] { return closes == 2 * count; }));
    EXPECT_EQ(answers, count);
}

/// Segments that have come in at a client's socket.
unsigned segments_in(int fd) {
    struct {
        tcp_info begin;  // as the C library has it; the kernel's goes on
        std::uint64_t rates[2], bytes_acked, bytes_received;
        std::uint32_t segments_out, segments_in;
    } info{};
    socklen_t length = sizeof info;
    EXPECT_EQ(getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &length), 0);
    EXPECT_EQ(length, sizeof info);
    return info.segments_in;
}

TEST(SocketStream, TheLastOctetsShareASegmentWithTheFin) {
    for (const bool close : {false, true}) {
        Loop loop({.stall_threshold = {}});
        const auto [client, server] = connected_descriptors(Kind::tcp_epoll, 0);
        Recorder recorder;
        recorder.attach(adopt(loop, server, Side::accepted));
        const unsigned before = segments_in(client);
        recorder.stream->end_follows();
        recorder.stream->write("the whole answer");
        close ? recorder.stream->close() : recorder.stream->shutdown_write();
        EXPECT_TRUE(turn_until(loop, [&, fd = client] {
            std::array<char, 64> peeked;
            return recv(fd, peeked.data(), peeked.size(), MSG_PEEK) == 16;
        }));
        turn_until_idle(loop);
        EXPECT_EQ(segments_in(client) - before, 1U);
        ::close(client);
        if (recorder.stream != nullptr) recorder.stream->abort();
        EXPECT_TRUE(turn_until(loop, [&] { return recorder.closes == 1; }));
    }
}

INSTANTIATE_TEST_SUITE_P(All, StreamSuite,
                         testing::Values(Kind::tcp_epoll, Kind::tcp_poll, Kind::unix_epoll,
                                         Kind::unix_poll, Kind::pipe, Kind::pipe_script),
                         [](const auto& of) { return kind_name(of.param); });
INSTANTIATE_TEST_SUITE_P(All, EndingSuite,
                         testing::Values(Kind::tcp_epoll, Kind::tcp_poll, Kind::unix_epoll,
                                         Kind::unix_poll, Kind::pipe, Kind::pipe_script),
                         [](const auto& of) { return kind_name(of.param); });

}  // namespace
}  // namespace corevent::test
