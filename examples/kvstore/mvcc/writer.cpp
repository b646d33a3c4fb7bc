#include "mvcc/writer.hpp"

#include "mvcc/cursors.hpp"
#include "mvcc/records.hpp"

namespace kvstore::mvcc {

using raftkit::Result;

Writer::Writer(std::shared_ptr<Database> database, const View::Position& position)
    : database_(std::move(database)), position_(position) {}

Result<std::optional<KeyValue>> Writer::get(std::string_view key) const {
  if (const auto found = pending_.find(key); found != pending_.end()) return found->second;
  const auto stored = database_->get(current_key(key), nullptr);
  if (!stored) return stored.error();
  if (!*stored) return std::optional<KeyValue>();
  const auto version = decode_version(**stored);
  if (!version) return database_->corruption("a key's record is damaged");
  return std::optional<KeyValue>(KeyValueView{key, version->info, version->value});
}

Result<void> Writer::scan(const KeyRange& range, const Visitor& visit) const {
  PresentCursor stored(*database_, nullptr, range);
  auto pending = pending_.lower_bound(range.begin);
  const auto is_pending = [&] {
    return pending != pending_.end() && range.is_before_end(pending->first);
  };
  while (!stored.at_end() || is_pending()) {
    const bool use_stored =
        !is_pending() || (!stored.at_end() && stored.now().key < pending->first);
    if (use_stored) {
      if (!visit(stored.now())) break;
      stored.next();
      continue;
    }
    if (!stored.at_end() && stored.now().key == pending->first) stored.next();
    if (pending->second && !visit(pending->second->view())) break;
    ++pending;
  }
  return stored.outcome();
}

void Writer::put(std::string_view key,
                 const std::optional<KeyValue>& previous,
                 std::string_view value,
                 std::int64_t lease) {
  KeyValue next;
  next.key = key;
  next.value = value;
  next.info.create_revision = previous ? previous->info.create_revision : next_revision();
  next.info.mod_revision = next_revision();
  next.info.version = previous ? previous->info.version + 1 : 1;
  next.info.lease = lease;
  if (previous) supersede(*previous);
  record_change({Change::Kind::put, previous ? previous->info.mod_revision : 0, key});
  set_pending(next.key, next);
}

void Writer::erase(const KeyValue& previous) {
  supersede(previous);
  record_change({Change::Kind::erase, previous.info.mod_revision, previous.key});
  set_pending(previous.key, std::nullopt);
}

void Writer::supersede(const KeyValue& previous) {
  encode({previous.info, next_revision(), previous.value}, scratch_);
  revision_.Put(history_key(previous.key, previous.info.mod_revision), scratch_);
}

void Writer::record_change(const Change& change) {
  encode(change, scratch_);
  revision_.Put(change_key(next_revision(), sub_++), scratch_);
}

void Writer::end_revision() {
  if (!has_changed()) return;
  ++position_.revision;
  sub_ = 0;
  batch_.Append(revision_);
  revision_.Clear();
  undo_.clear();
}

void Writer::rollback() {
  // Backwards: a key that changed twice gets back what it had first.
  for (auto undo = undo_.rbegin(); undo != undo_.rend(); ++undo) {
    pending_.erase(undo->key);
    if (undo->before) pending_.insert(std::move(undo->before));
  }
  undo_.clear();
  revision_.Clear();
  sub_ = 0;
}

void Writer::set_pending(const std::string& key, std::optional<KeyValue> version) {
  undo_.push_back({key, pending_.extract(key)});
  pending_.emplace(key, std::move(version));
}

void Writer::compact(std::int64_t revision) {
  position_.compacted = revision;
}

Result<void> Writer::commit(std::uint64_t applied) {
  position_.applied = applied;
  for (const auto& [key, version] : pending_) {
    if (version) {
      encode({version->info, 0, version->value}, scratch_);
      batch_.Put(current_key(key), scratch_);
    } else {
      batch_.Delete(current_key(key));
    }
  }
  batch_.Put(slice(kAppliedKey), encode_number(applied));
  batch_.Put(slice(kRevisionKey), encode_number(static_cast<std::uint64_t>(position_.revision)));
  batch_.Put(slice(kCompactedKey), encode_number(static_cast<std::uint64_t>(position_.compacted)));
  pending_.clear();
  return database_->write(batch_, Database::Durability::process_crash);
}

}  // namespace kvstore::mvcc
