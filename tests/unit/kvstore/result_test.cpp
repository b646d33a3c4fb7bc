#include "state_machine/result.hpp"

#include <catch2/catch.hpp>

#include "requests.hpp"

namespace kvstore::test {

TEST_CASE("A response and a refusal come back as they went in", "[kvstore][result]") {
  PutResponse response;
  response.mutable_header()->set_revision(7);
  PutResponse decoded;
  REQUIRE(decode_result(encode_response(response), decoded).has_value());
  CHECK(decoded.header().revision() == 7);

  const auto refused = decode_result(encode_refusal(RequestError::compacted), decoded);
  CHECK(request_error(refused.error()) == RequestError::compacted);
}

TEST_CASE("A result that is missing or damaged is no response", "[kvstore][result]") {
  using namespace std::string_literals;
  PutResponse decoded;
  CHECK(decode_result({}, decoded).error() == raftkit::Errc::corrupt_data);
  CHECK(decode_result(raftkit::Bytes::copy_of("\0\xff"s), decoded).error() ==
        raftkit::Errc::corrupt_data);
}

TEST_CASE("An error of the store is no request error", "[kvstore][result]") {
  CHECK_FALSE(request_error(raftkit::Error(raftkit::Errc::io_error)));
}

}  // namespace kvstore::test
