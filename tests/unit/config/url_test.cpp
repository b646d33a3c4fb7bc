#include <string>
#include <vector>

#include <catch2/catch.hpp>

#include "raftkit/config_url.hpp"

using raftkit::Errc;
using raftkit::config::HostPort;
using raftkit::config::join_host_port;
using raftkit::config::parse_url_list;
using raftkit::config::split_host_port;
using raftkit::config::Url;

namespace {

std::string normal(const std::string& text) {
  const auto url = Url::parse(text);
  return url ? url->text() : "refused: " + url.error().message();
}

bool is_refused_for(const std::string& text, const std::string& reason) {
  const auto url = Url::parse(text);
  if (url) return false;
  INFO(url.error().message());
  CHECK(url.error() == Errc::invalid_argument);
  return url.error().message().find(reason) != std::string::npos;
}

}  // namespace

TEST_CASE("A URL gives its scheme, host and port", "[config]") {
  const auto url = Url::parse("https://infra0.example:2380");

  REQUIRE(url);
  CHECK(url->scheme() == "https");
  CHECK(url->host() == "infra0.example");
  CHECK(url->port() == "2380");
  CHECK(*url->port_number() == 2380);
  CHECK(url->host_port() == "infra0.example:2380");
}

TEST_CASE("The host of an IPv6 URL stands without brackets", "[config]") {
  const auto url = Url::parse("http://[fe80::1%25eth0]:2380");

  REQUIRE(url);
  CHECK(url->host() == "fe80::1%eth0");
  CHECK(url->host_port() == "[fe80::1%eth0]:2380");
  CHECK(url->text() == "http://[fe80::1%25eth0]:2380");
}

TEST_CASE("A URL's text keeps everything but the case of the scheme", "[config]") {
  CHECK(normal("HTTP://Node1.Example.COM:2380") == "http://Node1.Example.COM:2380");
  CHECK(normal("http://127.0.0.1:02380") == "http://127.0.0.1:02380");
  CHECK(normal("http://127.0.0.1:") == "http://127.0.0.1:");
  CHECK(normal("http://[0:0:0:0:0:0:0:1]:2380") == "http://[0:0:0:0:0:0:0:1]:2380");
  CHECK(normal("http://u:p@127.0.0.1:2380") == "http://u:p@127.0.0.1:2380");
  CHECK(normal("http://127.0.0.1:2380?") == "http://127.0.0.1:2380?");
  CHECK(normal("http://127.0.0.1:2380?a=/b#f") == "http://127.0.0.1:2380?a=/b#f");
  CHECK(normal("unix://localhost:2380") == "unix://localhost:2380");
}

TEST_CASE("A URL is written again as Go's net/url writes it", "[config]") {
  CHECK(normal("http://n\xC3\xB6"
               "de:1") == "http://n%C3%B6de:1");
  CHECK(normal("http://n%c3%b6de:1") == "http://n%C3%B6de:1");
  CHECK(normal("http://u!@h:1") == "http://u%21@h:1");
  CHECK(normal("http://h:1#") == "http://h:1");
  CHECK(normal("http://h:1#a b") == "http://h:1#a%20b");
  CHECK(normal("http://h:1#a%20b'") == "http://h:1#a%20b'");
}

TEST_CASE("White space around a URL is ignored, Unicode's too", "[config]") {
  CHECK(normal(" \thttp://127.0.0.1:2380\xC2\xA0\n") == "http://127.0.0.1:2380");
}

TEST_CASE("A refused URL is quoted together with what is wrong", "[config]") {
  CHECK(is_refused_for("http://127.0.0.1:2380/", "must not contain a path: remove \"/\""));
  CHECK(is_refused_for("127.0.0.1:2380", "\"127.0.0.1:2380\" has no scheme: write http://"));
  CHECK(is_refused_for("", "has no scheme"));
  CHECK(is_refused_for("://h:1", "has no scheme"));
  CHECK(is_refused_for("tcp://127.0.0.1:2380", "use http, https, unix or unixs"));
  CHECK(is_refused_for("http://127.0.0.1", "scheme://host:port"));
  CHECK(is_refused_for("http:127.0.0.1:2380", "scheme://host:port"));
  CHECK(is_refused_for("http://::1:2380", "scheme://host:port"));
  CHECK(is_refused_for("http://a%41b:2380", "malformed"));
  CHECK(is_refused_for("http://a b:2380", "malformed"));
  CHECK(is_refused_for("http://h:port", "malformed"));
  CHECK(is_refused_for("http://[::1:2380", "malformed"));
  CHECK(is_refused_for("http://h:1#%zz", "malformed"));
  CHECK(is_refused_for("http://h:1\x7f", "\\x7f"));
}

TEST_CASE("A port is a number up to 65535, and none means any", "[config]") {
  CHECK(*Url::parse("http://h:65535")->port_number() == 65535);
  CHECK(*Url::parse("http://h:002380")->port_number() == 2380);
  CHECK(*Url::parse("http://h:")->port_number() == 0);
  CHECK(Url::parse("http://h:65536")->port_number().error() == Errc::invalid_argument);
}

TEST_CASE("A list of URLs is sorted by text and keeps repetitions", "[config]") {
  const auto urls = parse_url_list("http://h:9, HTTP://h:10,http://h:9");

  REQUIRE(urls);
  CHECK(to_string(*urls) == "http://h:10,http://h:9,http://h:9");
  CHECK(texts(*urls) == std::vector<std::string>{"http://h:10", "http://h:9", "http://h:9"});
}

TEST_CASE("An empty piece in a list of URLs is an error", "[config]") {
  CHECK_FALSE(parse_url_list("http://h:1,"));
  CHECK_FALSE(parse_url_list(""));
}

TEST_CASE("A host and its port are split at the last colon", "[config]") {
  CHECK(*split_host_port("h:1") == HostPort{"h", "1"});
  CHECK(*split_host_port(":1") == HostPort{"", "1"});
  CHECK(*split_host_port("h:") == HostPort{"h", ""});
  CHECK(*split_host_port("[::1]:1") == HostPort{"::1", "1"});
  CHECK(*split_host_port("[]:1") == HostPort{"", "1"});
}

TEST_CASE("A host without port, or with stray colons or brackets, is refused", "[config]") {
  const auto* const text =
      GENERATE("", "h", "::1", "a:b:1", "[::1]", "[::1]x:1", "[::1:1", "a[b]:1", "[[a]]:1", "a:1]");
  CAPTURE(text);
  CHECK(split_host_port(text).error() == Errc::invalid_argument);
}

TEST_CASE("Joining puts brackets around hosts with colons", "[config]") {
  CHECK(join_host_port({"::1", "1"}) == "[::1]:1");
  CHECK(join_host_port({"h", ""}) == "h:");
}
