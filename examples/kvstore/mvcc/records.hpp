// How the store's tables look in LevelDB. docs/decisions/0003-mvcc-schema.md says why.
//
//   c KEY                    -> the key's present version
//   h KEY-ESCAPED ~MAIN      -> a version that was superseded, newest first
//   r MAIN SUB               -> what changed in revision MAIN, in order
//   m NAME                   -> applied index, revision, compacted revision, format
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "mvcc/types.hpp"

namespace kvstore::mvcc {

inline constexpr std::string_view kAppliedKey = "mapplied";
inline constexpr std::string_view kCompactedKey = "mcompacted";
inline constexpr std::string_view kFormatKey = "mformat";
inline constexpr std::string_view kRevisionKey = "mrevision";
inline constexpr std::uint64_t kFormat = 1;

inline constexpr char kCurrentTable = 'c';
inline constexpr char kHistoryTable = 'h';
inline constexpr char kChangeTable = 'r';

/// A version, and which revision put an end to it (0: it is the present one).
struct StoredVersion {
  VersionInfo info;
  std::int64_t superseded_by = 0;
  std::string_view value;
};

/// One change of one revision. `previous` is the mod_revision of the version that it superseded, 0
/// if there was none: compaction finds with it what nobody can read any more.
struct Change {
  enum class Kind : std::uint8_t { put = 0, erase = 1 };  // on disk: never reuse a value

  Kind kind = Kind::put;
  std::int64_t previous = 0;
  std::string_view key;
};

[[nodiscard]] std::string current_key(std::string_view key);
/// The key in a current_key().
[[nodiscard]] std::string_view key_of_current(std::string_view stored);

/// Sorts before the versions of `key` that are as old as `main` or older, and after newer ones.
[[nodiscard]] std::string history_key(std::string_view key, std::int64_t main);
/// Sorts before all versions of `key`, and after those of keys before it.
[[nodiscard]] std::string history_begin(std::string_view key);
/// Sorts after all versions of the key in `stored` and before those of the next.
[[nodiscard]] std::string history_after(std::string_view stored);
/// The key and mod_revision in a history_key(); empty if it is none.
struct HistoryPlace {
  std::string key;
  std::int64_t main = 0;
};
[[nodiscard]] std::optional<HistoryPlace> parse_history_key(std::string_view stored);

[[nodiscard]] std::string change_key(std::int64_t main, std::uint32_t sub);
[[nodiscard]] std::optional<std::int64_t> main_of_change(std::string_view stored);

void encode(const StoredVersion& version, std::string& out);
[[nodiscard]] std::optional<StoredVersion> decode_version(std::string_view bytes);
void encode(const Change& change, std::string& out);
[[nodiscard]] std::optional<Change> decode_change(std::string_view bytes);
[[nodiscard]] std::string encode_number(std::uint64_t number);
[[nodiscard]] std::optional<std::uint64_t> decode_number(std::string_view bytes);

}  // namespace kvstore::mvcc
