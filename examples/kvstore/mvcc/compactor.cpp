#include "mvcc/compactor.hpp"

#include <algorithm>
#include <vector>

#include <boost/asio/post.hpp>
#include <leveldb/write_batch.h>

#include "mvcc/records.hpp"

namespace kvstore::mvcc {

using raftkit::Errc;
using raftkit::Result;

namespace {

// Small enough that a client's write hardly waits behind it.
constexpr std::size_t kChangesPerBatch = 1000;

}  // namespace

Compactor::~Compactor() {
  is_stopping_ = true;
  pool_.join();
  stop_waiting();
}

void Compactor::start(std::int64_t revision) {
  const std::lock_guard lock(mutex_);
  wanted_ = std::max(wanted_, revision);
  if (is_running_ || is_stopping_) return;
  is_running_ = true;
  boost::asio::post(pool_, [this] { run(); });
}

void Compactor::wait(std::int64_t revision, Done done) {
  Result<void> outcome;
  {
    const std::lock_guard lock(mutex_);
    if (reached_ < revision && !failure_) {
      waiting_.emplace(revision, std::move(done));
      return;
    }
    if (reached_ < revision) outcome = *failure_;
  }
  done(outcome);
}

void Compactor::stop_waiting() {
  fail(Errc::stopped);
}

void Compactor::run() {
  while (true) {
    std::int64_t goal = 0;
    {
      const std::lock_guard lock(mutex_);
      goal = wanted_;
      if (is_stopping_ || reached_ >= goal) {
        is_running_ = false;
        return;
      }
    }
    Result<bool> more = true;
    while (!is_stopping_ && more && *more)
      more = step(goal);
    if (is_stopping_) return;
    if (!more) return fail(more.error());
    finish(goal);
  }
}

void Compactor::finish(std::int64_t revision) {
  std::vector<Done> done;
  {
    const std::lock_guard lock(mutex_);
    reached_ = std::max(reached_, revision);
    const auto end = waiting_.upper_bound(revision);
    for (auto waiter = waiting_.begin(); waiter != end; ++waiter)
      done.push_back(std::move(waiter->second));
    waiting_.erase(waiting_.begin(), end);
  }
  for (const Done& each : done)
    each({});
}

// What cannot be removed only takes space; a store that cannot be written stops the server at the
// next change.
void Compactor::fail(const raftkit::Error& why) {
  std::multimap<std::int64_t, Done> waiting;
  {
    const std::lock_guard lock(mutex_);
    if (!failure_) failure_ = why;
    waiting.swap(waiting_);
  }
  for (const auto& [revision, done] : waiting)
    done(why);
}

Result<bool> Compactor::step(std::int64_t revision) {
  leveldb::ReadOptions options;
  options.fill_cache = false;
  const std::unique_ptr<leveldb::Iterator> changes(database_->db().NewIterator(options));
  leveldb::WriteBatch batch;
  std::size_t count = 0;
  changes->Seek(from_.empty() ? change_key(0, 0) : from_);
  for (; changes->Valid() && count < kChangesPerBatch; changes->Next(), ++count) {
    const auto main = main_of_change(view(changes->key()));
    if (!main || *main > revision) break;
    const auto change = decode_change(view(changes->value()));
    if (!change) return database_->corruption("the record of a change is damaged");
    if (change->previous != 0) batch.Delete(history_key(change->key, change->previous));
    batch.Delete(changes->key());
  }
  if (!changes->status().ok()) return database_->error(changes->status());
  if (count == 0) return false;
  // Seeking from the beginning would walk over everything that was just removed.
  from_ = changes->Valid() ? changes->key().ToString() : std::string();
  if (auto written = database_->write(batch, Database::Durability::process_crash); !written) {
    return written.error();
  }
  return count == kChangesPerBatch;
}

}  // namespace kvstore::mvcc
