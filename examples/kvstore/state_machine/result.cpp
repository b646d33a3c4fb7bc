#include "state_machine/result.hpp"

#include <algorithm>
#include <array>

namespace kvstore {

using raftkit::Bytes;
using raftkit::Errc;
using raftkit::Error;
using raftkit::Result;

namespace {

// The first byte: 0, and the response follows; or a RequestError.
constexpr std::byte kResponse{0};

}  // namespace

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

Result<void> decode_result(const Bytes& result, google::protobuf::Message& response) {
  if (result.empty()) return Error(Errc::corrupt_data, "a command's result is missing");
  const auto bytes = result.span();
  if (bytes[0] != kResponse) return make_error(static_cast<RequestError>(bytes[0]));
  if (!response.ParseFromArray(bytes.data() + 1, static_cast<int>(bytes.size() - 1))) {
    return Error(Errc::corrupt_data, "a command's result cannot be read");
  }
  return {};
}

}  // namespace kvstore
