#include "transport/peer_pages.hpp"

#include <catch2/catch.hpp>

#include "transport/json.hpp"

using namespace raftkit;             // NOLINT(google-build-using-namespace): its value types
using namespace raftkit::transport;  // NOLINT(google-build-using-namespace)

namespace {

PageContent content() {
  Membership membership;
  membership.voters = {NodeId{10276657743932975437U}, NodeId{0xffffffffffffffff}};
  membership.learners = {NodeId{3}};
  membership.members = {
      {NodeId{3}, "", {"http://10.0.0.3:2380"}, {}, {}},
      {NodeId{10276657743932975437U},
       "de\"fault",
       {"http://localhost:2380", "http://10.0.0.1:2380"},
       StoreId{0xfe},
       {{"client_urls", "http://localhost:2379,http://10.0.0.1:2379"}}},
      {NodeId{0xffffffffffffffff}, "c", {}, {}, {{"zone", "x"}}},
  };
  return {R"({"etcdserver":"3.4.0"})",
          ClusterId{0xcdf818194e3a8c32},
          std::make_shared<const Membership>(membership),
          "client_urls"};
}

}  // namespace

TEST_CASE("GET /version answers with the text of the options", "[transport][pages]") {
  const auto response = answer({"GET", "/version", {}}, content());
  CHECK(response.status == 200);
  CHECK(response.body == R"({"etcdserver":"3.4.0"})");
}

TEST_CASE("GET /members answers as etcd's peer port does", "[transport][pages]") {
  const auto response = answer({"GET", "/members", {}}, content());
  CHECK(response.status == 200);
  CHECK(response.headers.find("X-Etcd-Cluster-ID") == "cdf818194e3a8c32");
  CHECK(response.headers.find("Content-Type") == "application/json");
  CHECK(response.body ==
        R"([{"id":3,"peerURLs":["http://10.0.0.3:2380"],"isLearner":true},)"
        R"({"id":10276657743932975437,"peerURLs":["http://localhost:2380","http://10.0.0.1:2380"],)"
        R"("name":"de\"fault","clientURLs":["http://localhost:2379","http://10.0.0.1:2379"],)"
        R"("storeID":"fe"},{"id":18446744073709551615,"peerURLs":[],"name":"c"}])"
        "\n");
}

TEST_CASE("What GET /members answers is understood by whoever asks", "[transport][pages]") {
  const auto remote = read_members(answer({"GET", "/members", {}}, content()), "client_urls");
  REQUIRE(remote);
  CHECK(remote->cluster == content().cluster);
  Membership expected = *content().membership;
  expected.members[2].attributes.clear();  // only client URLs are shown
  CHECK(remote->membership == expected);
}

TEST_CASE("What etcd answers to GET /members is understood", "[transport][pages]") {
  const HttpResponse response{
      200,
      {{"X-Etcd-Cluster-Id", "ef37ad9dc622a7c4"}},
      R"( [ {"id":9372538179322589801,"peerURLs":["http://10.0.1.10:2380"],"name":"infra1",)"
      R"("clientURLs":["http:\/\/10.0.1.10:2379"], "future": {"a":[1,null,-2.5e3,true]}} ] )"};
  const auto remote = read_members(response, "client_urls");
  REQUIRE(remote);
  CHECK(remote->cluster == ClusterId{0xef37ad9dc622a7c4});
  REQUIRE(remote->membership.members.size() == 1);
  CHECK(remote->membership.members[0].attributes.at("client_urls") == "http://10.0.1.10:2379");
}

TEST_CASE("Pages that are not there, or not to be changed, say so", "[transport][pages]") {
  CHECK(answer({"GET", "/", {}}, content()).status == 404);
  CHECK(answer({"GET", "/members/1", {}}, content()).status == 404);
  CHECK(answer({"POST", "/members", {}}, content()).status == 405);
  PageContent unknown = content();
  unknown.membership = nullptr;
  CHECK(answer({"GET", "/members", {}}, unknown).status == 503);
}

TEST_CASE("Lists of members that make no sense are refused", "[transport][pages]") {
  const std::string body = GENERATE("",
                                    "{}",
                                    "[",
                                    "[{}]",
                                    R"([{"id":0}])",
                                    R"([{"id":"5"}])",
                                    R"([{"id":-5}])",
                                    R"([{"id":1.5}])",
                                    R"([{"id":18446744073709551616}])",
                                    R"([{"id":5},{"id":5}])",
                                    R"([{"id":5}] x)");
  CHECK(read_members({200, {{"X-Etcd-Cluster-ID", "1"}}, body}, "c").error() == Errc::malformed);
}

TEST_CASE("An answer without cluster ID, or that is an error, is refused", "[transport][pages]") {
  CHECK(read_members({200, {}, "[]"}, "c").error() == Errc::malformed);
  CHECK(read_members({503, {}, "not yet"}, "c").error() == Errc::protocol_mismatch);
}

TEST_CASE("JSON strings survive being written and read", "[transport][json]") {
  const std::string text("quote\" back\\slash \x01\x1f tab\t \xc3\xa4", 27);
  const auto value = parse_json(json_string(text));
  REQUIRE(value);
  CHECK(value->text == text);
  CHECK(parse_json(R"("\u00e4\ud83d\ude00\/")")->text == "\xc3\xa4\xf0\x9f\x98\x80/");
}

TEST_CASE("What is no JSON is refused", "[transport][json]") {
  const std::string text = GENERATE("\"",
                                    "\"\\",
                                    "\"\\x\"",
                                    "\"\\u12\"",
                                    "\"\\ud800\"",
                                    "\"\\udc00\"",
                                    "\"\n\"",
                                    "{\"a\"}",
                                    "{\"a\":}",
                                    "{a:1}",
                                    "[1,]",
                                    "tru",
                                    "nul");
  CHECK(parse_json(text).error() == Errc::malformed);
}

TEST_CASE("JSON nested beyond reason is refused", "[transport][json]") {
  CHECK_FALSE(parse_json(std::string(100'000, '[')));
  CHECK(parse_json("[[[[1]]]]"));
}
