// How etcd's requests name a run of keys.
#pragma once

#include <string>
#include <string_view>

#include "mvcc/types.hpp"

namespace kvstore {

/// No end: the single key. One zero byte: everything from `key` on. Both must outlive the result.
[[nodiscard]] inline mvcc::KeyRange range_of(const std::string& key, const std::string& range_end) {
  if (range_end.empty()) return mvcc::KeyRange::only(key);
  if (range_end == std::string_view("\0", 1)) return {key, std::nullopt};
  return {key, std::string_view(range_end)};
}

}  // namespace kvstore
