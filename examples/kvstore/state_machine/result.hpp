// What applying a command gives, on its way from the log to the waiting client.
#pragma once

#include <cstddef>
#include <span>

#include <google/protobuf/message.h>

#include "raftkit/bytes.hpp"
#include "raftkit/result.hpp"

#include "state_machine/request_error.hpp"

namespace kvstore {

/// Reads what is nested as deep as requests may be: one that was accepted must be readable again,
/// and its response, which is one level deeper.
[[nodiscard]] bool parse(std::span<const std::byte> bytes, google::protobuf::Message& message);

[[nodiscard]] raftkit::Bytes encode_response(const google::protobuf::Message& response);
[[nodiscard]] raftkit::Bytes encode_refusal(RequestError error);

[[nodiscard]] bool is_refusal(const raftkit::Bytes& result);

/// Fills in `response`. Errors: the RequestError that was encoded · corrupt_data.
[[nodiscard]] raftkit::Result<void> decode_result(const raftkit::Bytes& result,
                                                  google::protobuf::Message& response);

}  // namespace kvstore
