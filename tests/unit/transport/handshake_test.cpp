#include "transport/handshake.hpp"

#include <catch2/catch.hpp>

#include "transport/remote_error.hpp"

using namespace raftkit;             // NOLINT(google-build-using-namespace): its value types
using namespace raftkit::transport;  // NOLINT(google-build-using-namespace)

namespace {

const LocalIdentity kSelf{ClusterId{0xc1}, NodeId{0xb}, StoreId{0x57}, "b", {}};

Hello good_hello() {
  Hello hello;
  hello.cluster = ClusterId{0xc1};
  hello.from = NodeId{0xa};
  hello.to = NodeId{0xb};
  hello.store = StoreId{0x99};
  hello.nonce = 0xffffffffffffffff;
  hello.knows_up_to = Index{0x1f2e};
  hello.peer_urls = {"http://a:1", "http://[::1]:2380"};
  return hello;
}

/// Through text and back, as on a connection.
HttpRequest carried(const HttpRequest& request) {
  HttpRequestReader reader;
  const std::string text = to_text(request);
  auto read = reader.feed(std::as_bytes(std::span(text)));
  REQUIRE(read);
  REQUIRE(*read);
  CHECK(reader.rest().empty());
  return **read;
}

HttpResponse carried(const HttpResponse& response) {
  HttpResponseReader reader;
  const std::string text = to_text(response);
  auto read = reader.feed(std::as_bytes(std::span(text)));
  REQUIRE(read);
  REQUIRE(*read);
  CHECK(reader.rest().empty());
  return **read;
}

}  // namespace

TEST_CASE("A greeting arrives as it was meant", "[transport][handshake]") {
  Hello hello = good_hello();
  SECTION("for messages") {}
  SECTION("for a snapshot") {
    hello.kind = StreamKind::snapshot;
  }
  SECTION("from a version that speaks several") {
    hello.versions = {2, 17};
  }
  const HttpRequest request = carried(to_request(hello, "b:2380"));
  CHECK(is_upgrade(request));
  CHECK(request.headers.find("x-etcd-cluster-id") == "c1");
  const auto read = read_hello(request);
  REQUIRE(read);
  CHECK(*read == hello);
}

TEST_CASE("A welcome arrives as it was meant", "[transport][handshake]") {
  const Welcome welcome{ClusterId{0xc1}, NodeId{0xb}, StoreId{0x57}, 1, 42};
  const auto read = read_welcome(carried(to_response(welcome)), good_hello());
  REQUIRE(read);
  CHECK(*read == welcome);
}

TEST_CASE("A caller that fits is welcome", "[transport][handshake]") {
  const auto version = check(good_hello(), kSelf);
  REQUIRE(version);
  CHECK(*version == 1);
}

TEST_CASE("A caller that does not fit is refused with both values, and learns why",
          "[transport][handshake]") {
  Hello hello = good_hello();
  Errc expected = Errc::cluster_mismatch;
  std::vector<std::string> words;
  SECTION("another cluster") {
    hello.cluster = ClusterId{0xc2};
    words = {"c1", "c2"};
  }
  SECTION("another recipient") {
    hello.to = NodeId{0xd};
    expected = Errc::member_mismatch;
    words = {"member d", "member b"};
  }
  SECTION("our own ID") {
    hello.from = kSelf.node;
    expected = Errc::member_mismatch;
    words = {"ID b", "two nodes"};
  }
  SECTION("no ID") {
    hello.from = NodeId{};
    expected = Errc::member_mismatch;
  }
  SECTION("only newer versions") {
    hello.versions = {2, 3};
    expected = Errc::protocol_mismatch;
    words = {"2-3", "1-1"};
  }
  const auto refused = check(hello, kSelf);
  REQUIRE_FALSE(refused);
  CHECK(refused.error() == expected);
  for (const auto& word : words)
    CHECK_THAT(refused.error().message(), Catch::Contains(word));

  const HttpResponse response = carried(refusal(refused.error(), kSelf));
  CHECK(response.status == 412);
  const auto learned = read_welcome(response, hello);
  REQUIRE_FALSE(learned);
  CHECK(learned.error() == expected);
  CHECK(learned.error().message() == refused.error().message());
}

TEST_CASE("Only who was called can say that it refuses", "[transport][handshake]") {
  const Hello hello = make_hello({ClusterId{0xc1}, NodeId{1}, StoreId{0x11}, {}},
                                 kSelf.node,
                                 StreamKind::messages,
                                 Index{},
                                 1);
  const HttpResponse response = carried(refusal(Error(Errc::store_mismatch), kSelf));
  CHECK(refused_by(response, hello) == PeerReport::By::peer);

  LocalIdentity other = kSelf;
  other.node = NodeId{kSelf.node.value + 1};
  CHECK(refused_by(carried(refusal(Error(Errc::store_mismatch), other)), hello) ==
        PeerReport::By::us);
  CHECK(refused_by(carried(to_response({kSelf.cluster, kSelf.node, kSelf.store, 1, 1})), hello) ==
        PeerReport::By::us);
}

TEST_CASE("Refusals have the status that etcd gives them", "[transport][handshake]") {
  CHECK(refusal(Error(Errc::cluster_mismatch), kSelf).status == 412);
  CHECK(refusal(Error(Errc::member_mismatch), kSelf).status == 412);
  CHECK(refusal(Error(Errc::protocol_mismatch), kSelf).status == 412);
  CHECK(refusal(Error(Errc::peer_not_found), kSelf).status == 404);
  CHECK(refusal(Error(Errc::store_mismatch), kSelf).status == 409);
  CHECK(refusal(Error(Errc::cluster_mismatch), kSelf).headers.find("X-Etcd-Cluster-ID") == "c1");
}

TEST_CASE("Headers that are missing or wrong are refused by name", "[transport][handshake]") {
  const std::string header = GENERATE("X-Etcd-Cluster-ID",
                                      "X-Server-From",
                                      "X-Raft-To",
                                      "X-Raftkit-Store",
                                      "X-Raftkit-Version",
                                      "X-Raftkit-Nonce");
  const std::string value =
      GENERATE("", "xyz", "-1", "1 2", "0x1", "10000000000000000", "1-", "-", "\x01");
  const HttpRequest good = to_request(good_hello(), "b:2380");
  HttpRequest bad{good.method, good.target, {}};
  for (const auto& [name, content] : good.headers.fields())
    bad.headers.add(name, name == header ? value : content);

  const auto read = read_hello(bad);
  REQUIRE_FALSE(read);
  CHECK(read.error() == Errc::malformed);
  CHECK_THAT(read.error().message(), Catch::Contains(header));
}

TEST_CASE("An upgrade to something else is refused", "[transport][handshake]") {
  HttpRequest request{"GET", "/raftkit/stream", {{"Upgrade", "websocket"}}};
  CHECK(read_hello(request).error() == Errc::protocol_mismatch);
  request.method = "POST";
  CHECK(read_hello(request).error() == Errc::malformed);
}

TEST_CASE("An answer that does not fit is not believed", "[transport][handshake]") {
  Welcome welcome{ClusterId{0xc1}, NodeId{0xb}, StoreId{0x57}, 1, 42};
  Errc expected = Errc::cluster_mismatch;
  SECTION("another cluster") {
    welcome.cluster = ClusterId{0xc2};
  }
  SECTION("another member") {
    welcome.from = NodeId{0xd};
    expected = Errc::member_mismatch;
  }
  SECTION("a version that was not offered") {
    welcome.version = 2;
    expected = Errc::protocol_mismatch;
  }
  CHECK(read_welcome(to_response(welcome), good_hello()).error() == expected);
}

TEST_CASE("A peer port of something else is recognised as such", "[transport][handshake]") {
  const HttpResponse etcd{404, {{"Content-Type", "text/plain"}}, "404 page not found\n"};
  const auto read = read_welcome(carried(etcd), good_hello());
  REQUIRE_FALSE(read);
  CHECK(read.error() == Errc::protocol_mismatch);
  CHECK_THAT(read.error().message(), Catch::Contains("404"));
}

TEST_CASE("A stranger's words are made fit for a log", "[transport][handshake]") {
  const HttpResponse response{
      412, {{"X-Raftkit-Error", "no_such_code"}}, "one\r\ntwo\x1b[31m" + std::string(1000, 'x')};
  const auto read = read_welcome(response, good_hello());
  CHECK(read.error() == Errc::protocol_mismatch);
  CHECK(read.error().message().size() == 300);
  CHECK(read.error().message().find_first_of("\r\n\x1b") == std::string::npos);
}

TEST_CASE("Errors keep their name across the wire", "[transport][handshake]") {
  for (const Errc code : {Errc::out_of_space, Errc::stopped, Errc::already_exists})
    CHECK(errc_named(name_of(Error(code)), Errc::malformed) == code);
  CHECK(name_of(Error(Errc::not_leader)) == "io_error");
}

TEST_CASE("A caller that is reached in too many places is refused", "[transport][handshake]") {
  Hello hello = good_hello();
  SECTION("many") {
    hello.peer_urls.assign(17, "http://a:1");
  }
  SECTION("long") {
    hello.peer_urls = {"http://" + std::string(300, 'a')};
  }
  CHECK(read_hello(carried(to_request(hello, "b:2380"))).error() == Errc::malformed);
}

TEST_CASE("A caller need not say where it is reached", "[transport][handshake]") {
  Hello hello = good_hello();
  hello.peer_urls.clear();
  const auto read = read_hello(carried(to_request(hello, "b:2380")));
  REQUIRE(read);
  CHECK(*read == hello);
}
