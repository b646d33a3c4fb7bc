#include "transport/url.hpp"

#include <catch2/catch.hpp>

using raftkit::Errc;
using raftkit::transport::host_and_port;
using raftkit::transport::parse_url;
using raftkit::transport::Url;

TEST_CASE("Peer URLs name a host and a port", "[transport][url]") {
  CHECK(*parse_url("http://10.0.0.1:2380") == Url{"10.0.0.1", 2380});
  CHECK(*parse_url("http://localhost:0/") == Url{"localhost", 0});
  CHECK(*parse_url("http://[::1]:2380") == Url{"::1", 2380});
  CHECK(host_and_port({"::1", 1}) == "[::1]:1");
  CHECK(to_string(Url{"a.example", 65535}) == "http://a.example:65535");
}

TEST_CASE("URLs that cannot be used are refused, quoting them", "[transport][url]") {
  const std::string text = GENERATE("",
                                    "10.0.0.1:2380",
                                    "https://10.0.0.1:2380",
                                    "unix://x:1",
                                    "http://",
                                    "http://:2380",
                                    "http://a",
                                    "http://a:",
                                    "http://a:65536",
                                    "http://a:-1",
                                    "http://a:1x",
                                    "http://a:1/path",
                                    "http://a:1?x",
                                    "http://u@a:1",
                                    "http://::1:2380",
                                    "http://[::1]",
                                    "http://[[::1]]:1",
                                    "http://a]:1");
  const auto url = parse_url(text);
  REQUIRE_FALSE(url);
  CHECK(url.error() == Errc::invalid_option);
  CHECK_THAT(url.error().message(), Catch::Contains("\"" + text + "\""));
}
