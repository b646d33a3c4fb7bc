// Short ways to say what is to be persisted.
#pragma once

#include <algorithm>
#include <iterator>
#include <memory>
#include <string>
#include <utility>

#include "raftkit/log_storage.hpp"

namespace raftkit::testing {

[[nodiscard]] inline Entry entry(std::uint64_t term,
                                 std::uint64_t index,
                                 std::string_view payload) {
  return {{Term{term}, Index{index}}, EntryType::normal, Bytes::copy_of(payload)};
}

/// With a membership that tells snapshots apart.
[[nodiscard]] inline SnapshotMeta snapshot(std::uint64_t term, std::uint64_t index) {
  auto membership = std::make_shared<Membership>();
  membership->voters = {NodeId{1}, NodeId{1 + index}};
  return {{Term{term}, Index{index}}, std::move(membership)};
}

/// A PersistBatch, piece by piece: `Batch().state(2, 5).append(2, 6)`.
class Batch {
 public:
  explicit Batch(GroupId group = {}) { batch_.group = group; }

  /// A commit index alone, without a vote: need not be synced.
  Batch& commit(std::uint64_t term, std::uint64_t commit_index) {
    batch_.hard_state = HardState{Term{term}, std::nullopt, Index{commit_index}};
    return *this;
  }
  /// A new term and vote.
  Batch& vote(std::uint64_t term, std::uint64_t node, std::uint64_t commit_index = 0) {
    batch_.hard_state = HardState{Term{term}, NodeId{node}, Index{commit_index}};
    batch_.sync_hard_state = true;
    return *this;
  }
  Batch& install(std::uint64_t term, std::uint64_t index) {
    batch_.snapshot = snapshot(term, index);
    return *this;
  }
  Batch& truncate(std::uint64_t from) {
    batch_.truncate_from = Index{from};
    return *this;
  }
  Batch& append(std::uint64_t term, std::uint64_t index, std::string_view payload = "x") {
    batch_.append.push_back(entry(term, index, payload));
    return *this;
  }
  Batch& append_range(std::uint64_t term, std::uint64_t first, std::uint64_t last) {
    for (std::uint64_t index = first; index <= last; ++index)
      append(term, index, std::to_string(term) + "/" + std::to_string(index));
    return *this;
  }

  operator const PersistBatch&() const { return batch_; }  // NOLINT(google-explicit-constructor)

 private:
  PersistBatch batch_;
};

[[nodiscard]] inline Result<void> write(LogStorage& log, const PersistBatch& batch) {
  return log.write({&batch, 1});
}

/// Entries [first, last] without a limit in bytes.
[[nodiscard]] inline Result<std::vector<Entry>> read(LogStorage& log,
                                                     std::uint64_t first,
                                                     std::uint64_t last,
                                                     std::size_t max_bytes = std::size_t{1} << 30,
                                                     GroupId group = {}) {
  return log.read({group, Index{first}, Index{last}, max_bytes});
}

/// All of [first, last] that there is, in as many calls as the log wants.
[[nodiscard]] inline Result<std::vector<Entry>> read_all(LogStorage& log,
                                                         std::uint64_t first,
                                                         std::uint64_t last,
                                                         GroupId group = {}) {
  std::vector<Entry> entries;
  while (first <= last) {
    auto more = read(log, first, last, std::size_t{1} << 30, group);
    if (!more && more.error() == Errc::unavailable && !entries.empty()) break;
    if (!more || more->empty()) return more;
    first += more->size();
    std::move(more->begin(), more->end(), std::back_inserter(entries));
  }
  return entries;
}

}  // namespace raftkit::testing
