// How the sessions lie in front of a snapshot's content.
//
//   preamble  "rkitsess" · version u32
//   piece     length u64 · crc32c u32 · that many bytes · crc32c u32
//
// The first piece is 1 applied index · 2 cluster time · 3 number of sessions; each other one is a
// session, ascending: 1 id · 2 last used at · 3 at which cluster time · 4 first unanswered · 6 to 9
// its options · and for each answer that is kept 10 sequence · 11 the answer. Then follows the
// wrapped state machine's content. Each checksum continues the one before it, and covers all that
// lies before it: pieces cannot be exchanged, nor a length believed that is wrong.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>

#include "sessions/table.hpp"

namespace raftkit::sessions {

/// Writes a table piece by piece, so that only one session at a time is in memory twice. Owner: one
/// thread at a time.
class TableWriter {
 public:
  TableWriter(SessionTable::Sessions sessions, std::uint64_t cluster_time, Index applied);

  /// The next bytes, at most as many as there is room for; 0: this was all.
  [[nodiscard]] std::size_t read(std::span<std::byte> buffer);

 private:
  void put(std::string_view bytes);
  void put_crc();
  void put_piece(const std::string& bytes);

  SessionTable::Sessions sessions_;
  SessionTable::Sessions::const_iterator next_;
  std::string pending_;
  std::size_t taken_ = 0;  // of pending_
  std::uint32_t crc_ = 0;
};

/// The way back, from bytes as they come. Owner: one thread at a time.
class TableReader {
 public:
  /// `applied`: of the snapshot that it should be.
  explicit TableReader(Index applied) : applied_(applied) {}

  /// Takes what belongs to the table from the front of `bytes`. Errors: corrupt_data,
  /// not_supported.
  [[nodiscard]] Result<void> write(std::span<const std::byte>& bytes);
  [[nodiscard]] bool is_complete() const { return expects_ == Part::nothing; }
  /// Once it is complete.
  [[nodiscard]] SessionTable take() { return std::move(table_); }

 private:
  enum class Part : std::uint8_t { preamble, length, bytes, nothing };

  [[nodiscard]] std::size_t size_of_part() const;
  [[nodiscard]] Result<void> finish_part();
  [[nodiscard]] Result<void> check_crc(const char* what);
  [[nodiscard]] Result<void> take_head(std::string_view piece);
  [[nodiscard]] Result<void> take_session(std::string_view piece);

  Index applied_;
  Part expects_ = Part::preamble;
  std::string part_;
  std::uint64_t length_ = 0;
  std::uint32_t crc_ = 0;
  std::optional<std::uint64_t> sessions_left_;
  SessionTable table_;
};

}  // namespace raftkit::sessions
