#include "core/log.hpp"

#include <algorithm>

#include "base/assert.hpp"

namespace raftkit::core {

Log::Log(const InitialState& initial, Limits limits)
    : limits_(limits),
      base_(initial.base),
      last_(initial.base.index),
      runs_(initial.older_terms),
      commit_(std::max(initial.hard_state.commit, initial.base.index)),
      applying_(initial.applied),
      applied_(initial.applied) {
  if (!initial.entries.empty()) last_ = initial.entries.front().id.index - 1;
  RAFTKIT_ASSERT(runs_.empty() == (last_ == base_.index), "INV-LOG-TERMS-KNOWN", base_, last_);
  RAFTKIT_ASSERT(runs_.empty() || runs_.front().first == first(), "INV-LOG-TERMS-KNOWN", first());
  for (const Entry& entry : initial.entries)
    append(Entry(entry));
  stable_ = handed_out_ = store_last_ = last_;
  // What is applied was committed, whether or not the commit index made it to the disk.
  commit_ = std::max(commit_, applied_);
  RAFTKIT_ASSERT(applied_ >= base_.index, "INV-APPLIED-NOT-BELOW-BASE", applied_, base_);
  RAFTKIT_ASSERT(commit_ <= last_, "INV-COMMIT-IN-LOG", commit_, last_);
  RAFTKIT_ASSERT(
      applied_ == last_ || window_.holds(applied_ + 1), "INV-UNAPPLIED-IN-MEMORY", applied_, last_);
  unapplied_bytes_ = bytes_of(applied_ + 1, commit_);
}

Term Log::older_term_at(Index index) const {
  if (index == base_.index) return base_.term;
  const auto after =
      std::upper_bound(runs_.begin(), runs_.end(), index, [](Index at, const TermRun& run) {
        return at < run.first;
      });
  return std::prev(after)->term;
}

EntryId Log::find_conflict_by_term(EntryId from) const {
  Index index = from.index;
  while (index > Index{0}) {
    if (!knows_term_at(index)) return {Term{0}, index};
    const Term term = term_at(index);
    if (term <= from.term) return {term, index};
    // Every entry of this run has the same term: go on before it.
    const auto after =
        std::upper_bound(runs_.begin(), runs_.end(), index, [](Index at, const TermRun& run) {
          return at < run.first;
        });
    index = (after == runs_.begin() ? index : std::prev(after)->first) - 1;
  }
  return {};
}

std::size_t Log::copy(Index from, std::size_t max_bytes, EntryList& entries) const {
  std::size_t bytes = 0;
  for (Index index = from; index <= last_; ++index) {
    const Entry& entry = window_.at(index);
    if (index > from && bytes + entry.size_bytes() > max_bytes) break;
    bytes += entry.size_bytes();
    entries.emplace_back(entry);
  }
  return bytes;
}

bool Log::has_unapplied_membership() const {
  for (Index index = applied_ + 1; index <= commit_; ++index) {
    const EntryType type = window_.at(index).type;
    if (type == EntryType::membership || type == EntryType::member_update) return true;
  }
  return false;
}

std::size_t Log::bytes_of(Index first, Index last) const {
  std::size_t bytes = 0;
  for (Index index = first; index <= last; ++index)
    bytes += window_.at(index).size_bytes();
  return bytes;
}

void Log::append(Entry&& entry) {
  RAFTKIT_ASSERT(entry.id.index == last_ + 1, "INV-LOG-CONTIGUOUS", entry.id, last_);
  RAFTKIT_ASSERT(entry.id.term >= last_term(), "INV-LOG-TERMS-ASCEND", entry.id, last_term());
  if (runs_.empty() || runs_.back().term != entry.id.term) {
    runs_.push_back({entry.id.index, entry.id.term});
  }
  last_ = entry.id.index;
  window_.push_back(std::move(entry));
}

void Log::truncate(Index from) {
  if (from > last_) return;
  // A committed entry is on a quorum, so no leader can lack it. [thesis §3.6.3]
  RAFTKIT_ASSERT(from > commit_, "INV-COMMITTED-NEVER-REPLACED", from, commit_);
  window_.truncate(from);
  last_ = from - 1;
  while (!runs_.empty() && runs_.back().first >= from)
    runs_.pop_back();
  stable_ = std::min(stable_, last_);
  handed_out_ = std::min(handed_out_, last_);
}

Log::AppendOutcome Log::try_append(const EntryId& previous,
                                   EntryList& entries,
                                   Index leader_commit) {
  AppendOutcome outcome;
  if (!matches(previous)) return outcome;
  outcome.matched = true;
  outcome.agreed = previous.index + entries.size();
  // Entries that are there already stay, and so does what follows them: an older append that
  // arrives late must not undo a newer one that was acknowledged. [thesis §3.5]
  auto* fresh = entries.begin();
  while (fresh != entries.end() && matches(fresh->id))
    ++fresh;
  if (fresh != entries.end()) {
    if (fresh->id.index <= last_) outcome.replaced_from = fresh->id.index;
    truncate(fresh->id.index);
    for (; fresh != entries.end(); ++fresh)
      append(std::move(*fresh));
  }
  // Not beyond what this message vouches for: what follows may still be another leader's. [thesis
  // §3.5]
  commit_to(std::min(leader_commit, outcome.agreed));
  return outcome;
}

void Log::commit_to(Index index) {
  if (index <= commit_) return;
  RAFTKIT_ASSERT(index <= last_, "INV-COMMIT-IN-LOG", index, last_);
  unapplied_bytes_ += bytes_of(commit_ + 1, index);
  commit_ = index;
}

void Log::restore(const SnapshotMeta& snapshot) {
  RAFTKIT_ASSERT(snapshot.last.index > commit_, "INV-SNAPSHOT-FORWARD", snapshot.last, commit_);
  window_.clear();
  runs_.clear();
  base_ = snapshot.last;
  last_ = commit_ = base_.index;
  stable_ = handed_out_ = store_last_ = base_.index;
  unapplied_bytes_ = 0;
  // What was handed out for application and not reported yet does not count any more.
  applying_bytes_ = 0;
  apply_paused_ = false;
  pending_snapshot_ = snapshot;
  snapshot_handed_out_ = false;
}

void Log::compact(Index index) {
  if (index <= base_.index) return;
  RAFTKIT_ASSERT(index <= applied_, "INV-COMPACT-APPLIED", index, applied_);
  base_ = {term_at(index), index};
  // The last run that starts at or before the new first entry now starts there.
  const auto after =
      std::upper_bound(runs_.begin(), runs_.end(), first(), [](Index at, const TermRun& run) {
        return at < run.first;
      });
  runs_.erase(runs_.begin(), std::prev(after));
  runs_.front().first = first();
  if (first() > last_) runs_.clear();
  window_.evict(index);
}

void Log::hand_out_writes(PersistBatch& batch, Term current_term) {
  const bool with_snapshot = pending_snapshot_ && !snapshot_handed_out_;
  if (with_snapshot) {
    batch.snapshot = pending_snapshot_;
    snapshot_handed_out_ = true;
  }
  if (handed_out_ < last_) {
    if (handed_out_ < store_last_) batch.truncate_from = handed_out_ + 1;
    batch.append.reserve(last_ - handed_out_);
    for (Index index = handed_out_ + 1; index <= last_; ++index)
      batch.append.push_back(window_.at(index));
    handed_out_ = store_last_ = last_;
  }
  if (with_snapshot || stable_ < last_) {
    PersistStamp& stamp = batch.stamp.emplace();
    stamp.term = current_term;
    stamp.last.term = last_term();
    stamp.last.index = last_;
  }
}

void Log::stable_to(const EntryId& id) {
  // An old write vouches only for the entries it wrote: index and term must both still be there.
  if (id.index <= stable_ || !matches(id)) return;
  stable_ = id.index;
  handed_out_ = std::max(handed_out_, stable_);
  evict();
}

void Log::stable_snapshot_to(Index index) {
  if (pending_snapshot_ && pending_snapshot_->last.index == index) pending_snapshot_.reset();
}

void Log::hand_out_committed(std::vector<Entry>& apply) {
  if (!has_next_committed()) return;
  const Index end = appliable();
  const std::size_t room = limits_.apply_bytes - std::min(limits_.apply_bytes, applying_bytes_);
  std::size_t bytes = 0;
  while (applying_ < end) {
    const Entry& entry = window_.at(applying_ + 1);
    if (!apply.empty() && bytes + entry.size_bytes() > room) break;
    bytes += entry.size_bytes();
    apply.push_back(entry);
    ++applying_;
  }
  applying_bytes_ += bytes;
  apply_paused_ = applying_bytes_ >= limits_.apply_bytes || applying_ < end;
}

std::size_t Log::applied_to(Index index) {
  RAFTKIT_ASSERT(index <= commit_, "INV-APPLIED-IS-COMMITTED", index, commit_);
  if (index <= applied_) return 0;  // handed out before a snapshot that has overtaken it
  // After a restore the entries between are not there.
  const std::size_t bytes = window_.holds(applied_ + 1) ? bytes_of(applied_ + 1, index) : 0;
  unapplied_bytes_ -= bytes;
  applying_bytes_ -= std::min(applying_bytes_, bytes);
  applied_ = index;
  applying_ = std::max(applying_, index);
  apply_paused_ = applying_bytes_ >= limits_.apply_bytes;
  evict();
  return bytes;
}

void Log::evict() {
  const Index settled = std::min(applied_, stable_);
  while (window_.bytes() > limits_.window_bytes && window_.first() <= settled)
    window_.evict(window_.first());
}

}  // namespace raftkit::core
