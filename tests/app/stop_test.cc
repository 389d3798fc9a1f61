// How `corevent serve` stops: running answers are finished, a deadline bounds them, a second signal
// cuts.

#include "program.h"

#include <csignal>

namespace corevent::test {
namespace {

constexpr std::size_t large_bytes = 24 * 1024 * 1024;  // far above what the kernel's socket buffers
                                                       // swallow

class Download : public testing::Test {
protected:
    Download() { directory.file("large", std::string(large_bytes, 'x')); }

    Start start(std::vector<std::string> arguments = {}) const {
        arguments.insert(arguments.begin(), {"serve", directory.path(), "-p", "0"});
        return corevent_start(std::move(arguments));
    }

    /// A curl that reads slowly and has begun to.
    static void begin(Process& reader) {
        ASSERT_TRUE(reader.wait_until([](const std::string& out, const std::string&) {
            return !out.empty();
        }));
    }

    TemporaryDirectory directory;
};

TEST_F(Download, IsFinishedAfterSigterm) {
    Running server(start());
    Process reader(curl_start({"--limit-rate", "12M", server.url("/large")}));
    begin(reader);
    server.process.signal(SIGTERM);
    EXPECT_TRUE(server.process.wait_for_err(
        "draining for at most 30 s: 1 connection open; once more stops now"))
        << server.process.err();
    const Finished download = reader.finish();
    EXPECT_EQ(download.code, 0) << download.err;
    EXPECT_EQ(download.out.size(), large_bytes);
    EXPECT_EQ(server.process.finish().code, 0);
}

TEST_F(Download, IsFinishedAfterSigint) {
    Running server(start());
    Process reader(curl_start({"--limit-rate", "12M", server.url("/large")}));
    begin(reader);
    server.process.signal(SIGINT);
    EXPECT_EQ(reader.finish().out.size(), large_bytes);
    EXPECT_EQ(server.process.finish().code, 0);
}

TEST_F(Download, IsCutAtTheDeadlineAndListed) {
    Running server(start({"--drain", "500ms"}));
    Process reader(curl_start({"--limit-rate", "1M", server.url("/large")}));
    begin(reader);
    server.process.signal(SIGTERM);
    const Finished ended = server.process.finish();
    EXPECT_EQ(ended.code, 3);
    EXPECT_NE(ended.err.find("cut GET /large, "), std::string::npos) << ended.err;
    EXPECT_NE(ended.err.find(" octets to go, from 127.0.0.1"), std::string::npos) << ended.err;
    EXPECT_EQ(ended.err.find("stopping:"), std::string::npos)
        << "one stop, one line: " << ended.err;
    EXPECT_NE(reader.finish().code, 0);
}

TEST_F(Download, IsCutByASecondSignal) {
    Running server(start());
    Process reader(curl_start({"--limit-rate", "1M", server.url("/large")}));
    begin(reader);
    server.process.signal(SIGINT);
    ASSERT_TRUE(server.process.wait_for_err("draining"));  // two at once are one signal
    server.process.signal(SIGINT);
    const Finished ended = server.process.finish();
    EXPECT_EQ(ended.code, 3);
    EXPECT_NE(ended.err.find("stopping now"), std::string::npos) << ended.err;
    EXPECT_NE(reader.finish().code, 0);
}

TEST_F(Download, NewConnectionsAreRefusedWhileDraining) {
    Running server(start());
    Process reader(curl_start({"--limit-rate", "8M", server.url("/large")}));
    begin(reader);
    server.process.signal(SIGTERM);
    ASSERT_TRUE(server.process.wait_for_err("draining"));
    bool refused = false;
    for (int i = 0; i < 1000 && !refused; ++i) {  // until the listener is closed; a request before
                                                  // that is answered
        refused = curl({server.url("/large"), "-r", "0-0"}).code == 7;
    }
    EXPECT_TRUE(refused);
    EXPECT_EQ(reader.finish().out.size(), large_bytes);
    EXPECT_EQ(server.process.finish().code, 0);
}

TEST_F(Download, LameDuckGoesOnAccepting) {
    Running server(start({"--lame-duck", "60s"}));
    Client before(server.port);
    ASSERT_TRUE(before.connected());
    before.send("GET /large HTTP/1.1\r\nHost: x\r\nRange: bytes=0-0\r\n\r\n");
    before.receive_until("\r\n\r\nx");
    server.process.signal(SIGTERM);
    ASSERT_TRUE(server.process.wait_for_err("draining"));
    EXPECT_EQ(status_of(server.url("/large"), {"-r", "0-0"}), "206");
    server.process.signal(SIGTERM);  // enough of it
    server.process.finish();
}

TEST_F(Download, IdleConnectionsDoNotHoldTheStop) {
    Running server(start());
    Client idle(server.port);
    Client silent(server.port);
    ASSERT_TRUE(idle.send("GET /large HTTP/1.1\r\nHost: x\r\nRange: bytes=0-0\r\n\r\n"));
    ASSERT_TRUE(idle.receive_until("\r\n\r\nx").ends_with("\r\n\r\nx"));
    const auto began = std::chrono::steady_clock::now();
    EXPECT_EQ(server.stop(), 0);
    EXPECT_LT(std::chrono::steady_clock::now() - began, std::chrono::seconds(20));  // far below the
                                                                                    // drain
                                                                                    // deadline
    EXPECT_TRUE(idle.ended());
    EXPECT_TRUE(silent.ended());
}

TEST_F(Download, QuietStopsWithoutAWord) {
    Start quiet =
        corevent_start({"serve", directory.path(), "-q", "-l", "unix:" + directory.path() + "/s"});
    Process server(quiet);
    Finished answer;
    do {
        answer = curl({"--unix-socket", directory.path() + "/s", "-r", "0-0", "http://x/large"});
    } while (answer.code != 0 && server.running());
    EXPECT_EQ(answer.out, "x");
    server.signal(SIGTERM);
    const Finished ended = server.finish();
    EXPECT_EQ(ended.code, 0);
    EXPECT_EQ(ended.err, "");
    EXPECT_EQ(ended.out, "");
}

}  // namespace
}  // namespace corevent::test
