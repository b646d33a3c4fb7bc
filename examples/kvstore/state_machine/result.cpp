#include "state_machine/result.hpp"

#include <algorithm>
#include <array>

#include <google/protobuf/io/coded_stream.h>

namespace kvstore {

using raftkit::Bytes;
using raftkit::Errc;
using raftkit::Error;
using raftkit::Result;

namespace {

// The first byte: 0, and the response follows; or a RequestError.
constexpr std::byte kResponse{0};
// gRPC lets requests in that are nested 100 deep.
constexpr int kMaxDepth = 200;

}  // namespace

bool parse(std::span<const std::byte> bytes, google::protobuf::Message& message) {
  google::protobuf::io::CodedInputStream stream(reinterpret_cast<const std::uint8_t*>(bytes.data()),
                                                static_cast<int>(bytes.size()));
  stream.SetRecursionLimit(kMaxDepth);
  return message.ParseFromCodedStream(&stream) && stream.ConsumedEntireMessage();
}

Bytes encode_response(const google::protobuf::Message& response) {
  return Bytes::build(1 + response.ByteSizeLong(), [&](std::span<std::byte> memory) {
    memory[0] = kResponse;
    response.SerializeWithCachedSizesToArray(reinterpret_cast<std::uint8_t*>(&memory[1]));
  });
}

Bytes encode_refusal(RequestError error) {
  const std::array byte = {static_cast<std::byte>(error)};
  return Bytes::copy_of(byte);
}

bool is_refusal(const Bytes& result) {
  return !result.empty() && result.span()[0] != kResponse;
}

Result<void> decode_result(const Bytes& result, google::protobuf::Message& response) {
  if (result.empty()) return Error(Errc::corrupt_data, "a command's result is missing");
  const auto bytes = result.span();
  if (bytes[0] != kResponse) return make_error(static_cast<RequestError>(bytes[0]));
  if (!parse(bytes.subspan(1), response)) {
    return Error(Errc::corrupt_data, "a command's result cannot be read");
  }
  return {};
}

}  // namespace kvstore
