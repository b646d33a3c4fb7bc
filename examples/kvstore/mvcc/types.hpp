// The words of the store.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace kvstore::mvcc {

/// What is known of one version of a key besides its bytes. Revisions count the requests that
/// changed something, from 2 on; 1 is the empty store.
struct VersionInfo {
  std::int64_t create_revision = 0;
  std::int64_t mod_revision = 0;
  std::int64_t version = 0;  ///< 1 for the put that created the key
  std::int64_t lease = 0;    ///< 0: none

  friend bool operator==(const VersionInfo&, const VersionInfo&) = default;
};

/// A key's version, for as long as whoever shows it says.
struct KeyValueView {
  std::string_view key;
  VersionInfo info;
  std::string_view value;
};

struct KeyValue {
  std::string key;
  VersionInfo info;
  std::string value;

  KeyValue() = default;
  explicit KeyValue(const KeyValueView& view) : key(view.key), info(view.info), value(view.value) {}
  [[nodiscard]] KeyValueView view() const { return {key, info, value}; }
};

/// A run of keys. What it refers to must outlive it.
struct KeyRange {
  std::string_view begin;
  std::optional<std::string_view> end;  ///< the first key after the range; empty: no such
  bool is_single = false;               ///< only `begin`; `end` is ignored

  [[nodiscard]] static KeyRange only(std::string_view key) { return {key, std::nullopt, true}; }
  [[nodiscard]] bool contains(std::string_view key) const {
    return key >= begin && is_before_end(key);
  }
  /// For keys that are known not to stand before `begin`.
  [[nodiscard]] bool is_before_end(std::string_view key) const {
    return is_single ? key == begin : !end || key < *end;
  }
};

/// Returns whether to go on. What it is shown is valid during the call.
using Visitor = std::function<bool(const KeyValueView&)>;

}  // namespace kvstore::mvcc
