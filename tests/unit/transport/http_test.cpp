#include "transport/http.hpp"

#include <catch2/catch.hpp>
#include <rapidcheck/catch.h>

using namespace raftkit;             // NOLINT(google-build-using-namespace): its value types
using namespace raftkit::transport;  // NOLINT(google-build-using-namespace)

namespace {

std::span<const std::byte> bytes_of(std::string_view text) {
  return std::as_bytes(std::span(text.data(), text.size()));
}

std::string text_of(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

}  // namespace

TEST_CASE("A request is read byte by byte, and what follows it is left alone",
          "[transport][http]") {
  const std::string text = "GET /members HTTP/1.1\r\nHost: a:1\r\nX-One:  1 \r\n\r\n";
  HttpRequestReader reader;
  for (const char& c : text.substr(0, text.size() - 1)) {
    const auto read = reader.feed(bytes_of({&c, 1}));
    REQUIRE(read);
    REQUIRE_FALSE(*read);
  }
  const auto read = reader.feed(bytes_of("\nRK frames"));
  REQUIRE(read);
  REQUIRE(*read);
  CHECK((*read)->method == "GET");
  CHECK((*read)->target == "/members");
  CHECK((*read)->headers.find("x-ONE") == "1");
  CHECK((*read)->headers.find("x-two").empty());
  CHECK(text_of(reader.rest()) == "RK frames");
}

TEST_CASE("What is no HTTP request is refused at its first bytes", "[transport][http]") {
  const std::string_view start = GENERATE(std::string_view("\x16\x03\x01", 3),  // TLS
                                          std::string_view("RK\x01", 3),        // a frame
                                          std::string_view("\0\0\0", 3),
                                          std::string_view("get", 3));
  HttpRequestReader reader;
  CHECK(reader.feed(bytes_of(start)).error() == Errc::malformed);
}

TEST_CASE("Requests that are not as they should be are refused", "[transport][http]") {
  const std::string_view text =
      GENERATE("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
               "GET /\r\n\r\n",
               "GET / HTTP/1.1\r\nno colon\r\n\r\n",
               "GET / HTTP/1.1\r\nContent-Length: 5\r\n\r\nhello",
               "GET / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n",
               "GET / HTTP/1.1\r\nContent-Length: 99999999999999999999\r\n\r\n",
               "GET / HTTP/1.1\r\nContent-Length: -1\r\n\r\n");
  HttpRequestReader reader;
  CHECK_FALSE(reader.feed(bytes_of(text)));
}

TEST_CASE("A header that never ends is refused at the limit", "[transport][http]") {
  HttpRequestReader reader;
  REQUIRE(reader.feed(bytes_of("GET / HTTP/1.1\r\n")));
  const std::string line = "X-Filler: " + std::string(500, 'x') + "\r\n";
  std::size_t lines = 0;
  while (lines < 1000) {
    const auto read = reader.feed(bytes_of(line));
    ++lines;
    if (read) continue;
    CHECK(read.error() == Errc::message_too_large);
    break;
  }
  CHECK(lines <= kMaxHttpHeaderBytes / line.size() + 1);
}

TEST_CASE("Random bytes never harm the readers", "[transport][http]") {
  rc::prop("an error, a message, or a wish for more", [] {
    const auto text = *rc::gen::container<std::string>(rc::gen::weightedOneOf<char>(
        {{3, rc::gen::arbitrary<char>()}, {1, rc::gen::element('\r', '\n', ':', ' ')}}));
    HttpRequestReader request;
    (void)request.feed(bytes_of("GET " + text + "\r\n\r\n"));
    HttpResponseReader response;
    (void)response.feed(bytes_of("HTTP/1.1 200 OK\r\n" + text + "\r\n\r\n"));
    (void)response.finish();
  });
}

TEST_CASE("A response is read with the body that it announces", "[transport][http]") {
  const HttpResponse sent{200, {{"X-One", "1"}}, "hello"};
  HttpResponseReader reader;
  std::optional<HttpResponse> response;
  for (const char& c : to_text(sent)) {
    auto read = reader.feed(bytes_of({&c, 1}));
    REQUIRE(read);
    if (*read) response = std::move(*read);
  }
  REQUIRE(response);
  CHECK(response->status == 200);
  CHECK(response->body == "hello");
  CHECK(response->headers.find("connection") == "close");
}

TEST_CASE("A response without length ends with its connection", "[transport][http]") {
  HttpResponseReader reader;
  auto read = reader.feed(bytes_of("HTTP/1.1 200 OK\r\n\r\nhello"));
  REQUIRE(read);
  CHECK_FALSE(*read);
  const auto response = reader.finish();
  REQUIRE(response);
  CHECK(response->body == "hello");
}

TEST_CASE("A response that breaks off is refused", "[transport][http]") {
  HttpResponseReader nothing;
  CHECK(nothing.finish().error() == Errc::malformed);
  HttpResponseReader half;
  REQUIRE(half.feed(bytes_of("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello")));
  CHECK(half.finish().error() == Errc::malformed);
}

TEST_CASE("A body over the limit is refused", "[transport][http]") {
  HttpResponseReader reader;
  CHECK_FALSE(reader.feed(bytes_of("HTTP/1.1 200 OK\r\nContent-Length: 1048577\r\n\r\n")));
}

TEST_CASE("What comes behind an upgrade belongs to the next protocol", "[transport][http]") {
  HttpResponseReader reader;
  const auto read =
      reader.feed(bytes_of("HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\nRK frames"));
  REQUIRE(read);
  REQUIRE(*read);
  CHECK((*read)->status == 101);
  CHECK(text_of(reader.rest()) == "RK frames");
}
