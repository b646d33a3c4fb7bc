#include "mvcc/view.hpp"

#include "mvcc/cursors.hpp"
#include "mvcc/records.hpp"

namespace kvstore::mvcc {

using raftkit::Result;

View::View(std::shared_ptr<Database> database, const Position& position)
    : database_(std::move(database)),
      position_(position),
      snapshot_(database_->db().GetSnapshot()) {}

View::~View() {
  database_->db().ReleaseSnapshot(snapshot_);
}

Result<std::optional<KeyValue>> View::get(std::string_view key, std::int64_t revision) const {
  const auto present = database_->get(current_key(key), snapshot_);
  if (!present) return present.error();
  std::optional<KeyValue> found;
  if (*present) {
    const auto version = decode_version(**present);
    if (!version) return database_->corruption("a key's record is damaged");
    if (version->info.mod_revision <= revision) {
      found.emplace(KeyValueView{key, version->info, version->value});
      return found;
    }
  }
  if (revision >= position_.revision) return found;
  const KeyRange only = KeyRange::only(key);
  const PastCursor past(*database_, snapshot_, only, revision);
  if (auto outcome = past.outcome(); !outcome) return outcome.error();
  if (!past.at_end()) found.emplace(past.now());
  return found;
}

Result<void> View::scan(const KeyRange& range, std::int64_t revision, const Visitor& visit) const {
  return revision >= position_.revision ? scan_present(range, visit)
                                        : scan_past(range, revision, visit);
}

Result<void> View::scan_present(const KeyRange& range, const Visitor& visit) const {
  PresentCursor cursor(*database_, snapshot_, range);
  while (!cursor.at_end() && visit(cursor.now()))
    cursor.next();
  return cursor.outcome();
}

// What was present at an old revision is either still present or in the history, never in both.
Result<void> View::scan_past(const KeyRange& range,
                             std::int64_t revision,
                             const Visitor& visit) const {
  PresentCursor present(*database_, snapshot_, range);
  PastCursor past(*database_, snapshot_, range, revision);
  while (!present.at_end() || !past.at_end()) {
    if (!present.at_end() && present.now().info.mod_revision > revision) {
      present.next();
      continue;
    }
    const bool is_past = present.at_end() || (!past.at_end() && past.now().key < present.now().key);
    if (!visit(is_past ? past.now() : present.now())) break;
    is_past ? past.next() : present.next();
  }
  if (auto outcome = present.outcome(); !outcome) return outcome;
  return past.outcome();
}

std::unique_ptr<leveldb::Iterator> View::raw() const {
  leveldb::ReadOptions options;
  options.snapshot = snapshot_;
  options.fill_cache = false;
  return std::unique_ptr<leveldb::Iterator>(database_->db().NewIterator(options));
}

}  // namespace kvstore::mvcc
