// What requests, answers and snapshots of sessions are written with.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <string_view>

#include "raftkit/sessions.hpp"

#include "base/protobuf_wire.hpp"

namespace raftkit::sessions {

/// That a session may be granted.
inline constexpr std::chrono::milliseconds kLongestTimeout = std::chrono::hours(24 * 30);

/// SessionOptions as fields 6 to 9 of a message.
struct OptionFields {
  std::uint64_t timeout_milliseconds = 0;
  std::uint64_t max_unanswered = 0;
  std::uint64_t max_answer_bytes = 0;
  std::uint64_t max_sessions = 0;

  friend bool operator==(const OptionFields&, const OptionFields&) = default;

  [[nodiscard]] static OptionFields of(const SessionOptions& options);
  /// False: the field is none of these.
  [[nodiscard]] bool take(std::uint32_t field, std::uint64_t value);
  void write(base::ProtoWriter& writer) const;
  /// Errors: invalid_option.
  [[nodiscard]] Result<SessionOptions> options() const;
};

/// Answers are kept, and go into snapshots, as they are encoded here: other bytes need another
/// version of requests, so that members who would keep something else stop.
[[nodiscard]] Bytes encode_answer(const SessionAnswer& answer);

[[nodiscard]] Bytes concatenate(std::initializer_list<std::string_view> parts);

}  // namespace raftkit::sessions
