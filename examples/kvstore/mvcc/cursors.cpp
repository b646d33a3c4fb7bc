#include "mvcc/cursors.hpp"

namespace kvstore::mvcc {

namespace {

leveldb::ReadOptions at(const leveldb::Snapshot* snapshot) {
  leveldb::ReadOptions options;
  options.snapshot = snapshot;
  return options;
}

}  // namespace

PresentCursor::PresentCursor(Database& database,
                             const leveldb::Snapshot* snapshot,
                             const KeyRange& range)
    : database_(database), range_(range), iterator_(database.db().NewIterator(at(snapshot))) {
  iterator_->Seek(current_key(range.begin));
  read();
}

void PresentCursor::next() {
  iterator_->Next();
  read();
}

void PresentCursor::read() {
  at_end_ = true;
  if (!iterator_->Valid()) {
    if (!iterator_->status().ok()) outcome_ = database_.error(iterator_->status());
    return;
  }
  const std::string_view stored = view(iterator_->key());
  if (stored.empty() || stored[0] != kCurrentTable) return;
  const std::string_view key = key_of_current(stored);
  if (!range_.is_before_end(key)) return;
  const auto version = decode_version(view(iterator_->value()));
  if (!version) {
    outcome_ = database_.corruption("a key's record is damaged");
    return;
  }
  now_ = {key, version->info, version->value};
  at_end_ = false;
}

PastCursor::PastCursor(Database& database,
                       const leveldb::Snapshot* snapshot,
                       const KeyRange& range,
                       std::int64_t revision)
    : database_(database),
      range_(range),
      revision_(revision),
      iterator_(database.db().NewIterator(at(snapshot))) {
  iterator_->Seek(history_begin(range.begin));
  read();
}

void PastCursor::next() {
  iterator_->Seek(history_after(view(iterator_->key())));
  read();
}

void PastCursor::fail(const raftkit::Error& error) {
  outcome_ = error;
  at_end_ = true;
}

// Every key's versions begin with the newest. The one to show is the newest that is old enough, if
// it was not yet superseded then; else the key did not exist.
void PastCursor::read() {
  while (iterator_->Valid() && iterator_->key()[0] == kHistoryTable) {
    auto place = parse_history_key(view(iterator_->key()));
    if (!place) return fail(database_.corruption("a history record's key is damaged"));
    if (!range_.is_before_end(place->key)) break;
    if (place->main > revision_) {
      // At most one more record of this key matters; between two of them the seek is the shorter
      // way.
      iterator_->Seek(history_key(place->key, revision_));
      continue;
    }
    const auto version = decode_version(view(iterator_->value()));
    if (!version) return fail(database_.corruption("a history record is damaged"));
    if (version->superseded_by > revision_) {
      key_ = std::move(place->key);
      now_ = {key_, version->info, version->value};
      return;
    }
    iterator_->Seek(history_after(view(iterator_->key())));
  }
  if (!iterator_->status().ok()) return fail(database_.error(iterator_->status()));
  at_end_ = true;
}

}  // namespace kvstore::mvcc
