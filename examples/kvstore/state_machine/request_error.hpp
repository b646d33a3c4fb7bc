// Why a request is refused: what etcd's clients tell apart.
#pragma once

#include <cstdint>
#include <optional>

#include "raftkit/error.hpp"

namespace kvstore {

/// Travels from apply to the waiting client as a number: never reuse one.
enum class RequestError : std::uint8_t {
  key_not_provided = 1,
  key_not_found = 2,
  value_provided = 3,
  lease_provided = 4,
  too_many_operations = 5,
  duplicate_key = 6,
  lease_not_found = 7,
  compacted = 8,
  future_revision = 9,
  malformed_command = 10,  ///< a log entry that this version does not understand
  response_too_large = 11,
};

[[nodiscard]] raftkit::Error make_error(RequestError error);
/// The RequestError in `error`, if it is one.
[[nodiscard]] std::optional<RequestError> request_error(const raftkit::Error& error);

}  // namespace kvstore
