// Changes that are not in the database yet.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <leveldb/write_batch.h>

#include "mvcc/database.hpp"
#include "mvcc/types.hpp"
#include "mvcc/view.hpp"

namespace kvstore::mvcc {

/// Collects the changes of any number of revisions, lets them be read, and writes them in one batch
/// with the index of the log entry they came from. Owner: one thread at a time.
class Writer {
 public:
  Writer(std::shared_ptr<Database> database, const View::Position& position);

  /// The revision of the last change.
  [[nodiscard]] std::int64_t revision() const { return position_.revision; }
  [[nodiscard]] std::int64_t compacted() const { return position_.compacted; }
  /// What a change made now belongs to: changes up to end_revision() share one.
  [[nodiscard]] std::int64_t next_revision() const { return position_.revision + 1; }
  /// The revision of what is read now.
  [[nodiscard]] std::int64_t read_revision() const {
    return has_changed() ? next_revision() : revision();
  }
  [[nodiscard]] bool has_changed() const { return sub_ > 0; }

  /// The present version of `key`. Errors: io_error · corrupt_data.
  [[nodiscard]] raftkit::Result<std::optional<KeyValue>> get(std::string_view key) const;
  /// The present versions in a range. Errors: as get().
  [[nodiscard]] raftkit::Result<void> scan(const KeyRange& range, const Visitor& visit) const;

  /// `previous` is what get() answers. They give the new version, or the old one's end, in this
  /// revision.
  void put(std::string_view key,
           const std::optional<KeyValue>& previous,
           std::string_view value,
           std::int64_t lease);
  void erase(const KeyValue& previous);
  /// Whatever was changed since the last call is one revision.
  void end_revision();
  /// Whatever was changed since the last end_revision() was not.
  void rollback();

  /// Versions that nobody sees at `revision` or later may go.
  void compact(std::int64_t revision);

  /// Writes everything; on return a process crash loses nothing, and a power loss at most a suffix.
  /// Errors: io_error · out_of_space; the writer must be given up.
  [[nodiscard]] raftkit::Result<void> commit(std::uint64_t applied);
  [[nodiscard]] const View::Position& position() const { return position_; }

 private:
  using Pending = std::map<std::string, std::optional<KeyValue>, std::less<>>;  // empty: deleted
  /// What `pending_` held at a key before this revision touched it; no node: nothing.
  struct Undo {
    std::string key;
    Pending::node_type before;
  };

  void supersede(const KeyValue& previous);
  void record_change(const struct Change& change);
  void set_pending(const std::string& key, std::optional<KeyValue> version);

  std::shared_ptr<Database> database_;
  View::Position position_;
  std::uint32_t sub_ = 0;
  Pending pending_;
  leveldb::WriteBatch batch_;     // of the revisions that have ended
  leveldb::WriteBatch revision_;  // of the one that has not
  std::vector<Undo> undo_;
  std::string scratch_;
};

}  // namespace kvstore::mvcc
