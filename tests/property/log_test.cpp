// The core's log, against a vector of terms.
#include "core/log.hpp"

#include <algorithm>
#include <array>
#include <deque>
#include <ostream>
#include <tuple>

#include <catch2/catch.hpp>
#include <rapidcheck.h>

#include "support/core_group.hpp"

namespace raftkit::test {

namespace {

/// The term of the entry at each index from 0 on.
using Terms = std::vector<Term>;

EntryId last_of(const Terms& terms) {
  return {terms.back(), Index{terms.size() - 1}};
}

bool is_change(std::size_t index) {
  return index % 6 == 3;
}

Entry entry_at(const Terms& terms, std::size_t index) {
  return {{terms[index], Index{index}},
          is_change(index) ? EntryType::membership : EntryType::normal,
          Bytes::copy_of(std::string(index % 5, 'x'))};
}

enum class Action : std::uint8_t {
  new_leader,
  leader_appends,
  append,
  commit,
  write,
  complete,
  apply,
  report,
  compact,
  install,
  count,
};

using Step = std::tuple<int, std::uint32_t, std::uint32_t>;

/// A follower's log and its twin. The leaders are played: each one's log holds what was chosen
/// before, as Raft guarantees, and otherwise anything.
class LogTwins {
 public:
  LogTwins(StorageMode mode, std::size_t window_bytes)
      : mode_(mode), log_(bootstrapped(voters(3)), {window_bytes, 60, mode}) {}

  void take(const Step& step) {
    const auto [choice, a, b] = step;
    switch (static_cast<Action>(choice)) {
      case Action::new_leader:
        return new_leader(a, b);
      case Action::leader_appends:
        leader_.insert(leader_.end(), 1 + a % 3, term_);
        return;
      case Action::append:
        return append(a, b);
      case Action::commit:
        return commit(a);
      case Action::write:
        return write();
      case Action::complete:
        return complete();
      case Action::apply:
        return apply();
      case Action::report:
        return report(a);
      case Action::compact:
        return compact(a);
      case Action::install:
        return install(a);
      case Action::count:
        return;
    }
  }

  void compare() {
    RC_ASSERT(log_.first() == base_ + 1);
    RC_ASSERT(log_.last_id() == last_of(terms_));
    RC_ASSERT(log_.commit() == commit_);
    RC_ASSERT(log_.applied() == applied_);
    for (std::size_t index = 0; index <= terms_.size() + 1; ++index) {
      const bool is_known = index >= base_.value && index < terms_.size();
      RC_ASSERT(log_.knows_term_at(Index{index}) == is_known);
      if (is_known) RC_ASSERT(log_.term_at(Index{index}) == terms_[index]);
      if (log_.in_memory(Index{index})) {
        EntryList copied;
        const std::size_t bytes = log_.copy(Index{index}, 1, copied);
        RC_ASSERT(copied == EntryList{entry_at(terms_, index)});
        RC_ASSERT(bytes == copied[0].size_bytes());
      }
    }
    std::size_t unapplied = 0;
    for (std::size_t index = applied_.value + 1; index <= commit_.value; ++index) {
      if (index > base_.value) unapplied += entry_at(terms_, index).size_bytes();
    }
    RC_ASSERT(log_.unapplied_bytes() == unapplied);
    compare_changes();
    compare_copies();
    // The log must not call durable what a crash would take.
    RC_ASSERT(log_.stable() <= log_.last());
    for (std::size_t index = base_.value + 1; index <= log_.stable().value; ++index)
      RC_ASSERT(index < disk_.size() && disk_[index] == terms_[index]);
    compare_hints();
  }

  void finish() {
    write();  // with a stamp, should a change of term have taken the last one's meaning
    while (!writes_.empty())
      complete();
    RC_ASSERT(log_.stable() == log_.last());
    RC_ASSERT(disk_ == terms_);
    for (bool is_busy = true; is_busy;) {
      is_busy = log_.has_next_committed() || !handed_out_.empty();
      apply();
      report(static_cast<std::uint32_t>(handed_out_.size() - 1));
    }
    RC_ASSERT(log_.applied() == log_.commit());
  }

 private:
  struct Write {
    PersistBatch batch;
    Terms installed;  // what a snapshot in it stands for
  };

  void new_leader(std::uint32_t a, std::uint32_t b) {
    logs_.push_back(leader_);
    ++term_.value;
    // Its log is one that an earlier leader had, from some place on; so the same entries can come,
    // go and come again.
    const Terms& other = logs_[a % logs_.size()];
    const bool holds_chosen =
        other.size() > chosen_.value &&
        std::equal(leader_.begin(), leader_.begin() + signed_index(chosen_) + 1, other.begin());
    if (holds_chosen) leader_ = other;
    leader_.resize(chosen_.value + 1 + b % (leader_.size() - chosen_.value));
    leader_.push_back(term_);
  }

  static std::ptrdiff_t signed_index(Index index) {
    return static_cast<std::ptrdiff_t>(index.value);
  }

  /// A part of the leader's log, from anywhere behind the commit index.
  void append(std::uint32_t a, std::uint32_t b) {
    const std::size_t previous = commit_.value + a % (leader_.size() - commit_.value);
    const std::size_t end = previous + 1 + b % (leader_.size() - previous);
    const Index leader_commit{chosen_.value + b / 8 % (leader_.size() - chosen_.value)};
    chosen_ = leader_commit;
    EntryList entries;
    for (std::size_t index = previous + 1; index < end; ++index)
      entries.push_back(entry_at(leader_, index));

    const auto outcome =
        log_.try_append({leader_[previous], Index{previous}}, entries, leader_commit);

    const bool is_held = previous < terms_.size() && terms_[previous] == leader_[previous];
    RC_ASSERT(outcome.matched == is_held);
    if (!is_held) return;
    RC_ASSERT(outcome.agreed == Index{end - 1});
    Index replaced;
    for (std::size_t index = previous + 1; index < end; ++index) {
      if (index < terms_.size() && terms_[index] == leader_[index]) continue;
      if (index < terms_.size()) replaced = Index{index};
      terms_.resize(index);
      terms_.push_back(leader_[index]);
    }
    RC_ASSERT(outcome.replaced_from == replaced);
    commit_ = std::max(commit_, std::min(leader_commit, Index{end - 1}));
  }

  /// As a heartbeat does: up to where the logs agree.
  void commit(std::uint32_t a) {
    std::size_t agreed = 0;
    while (agreed + 1 < std::min(terms_.size(), leader_.size()) &&
           terms_[agreed + 1] == leader_[agreed + 1])
      ++agreed;
    const Index index{a % (agreed + 1)};
    chosen_ = std::max(chosen_, index);
    log_.commit_to(index);
    commit_ = std::max(commit_, index);
  }

  void write() {
    Write write;
    log_.hand_out_writes(write.batch, term_);
    if (write.batch.snapshot) {
      write.installed = terms_;
      write.installed.resize(write.batch.snapshot->last.index.value + 1);
    }
    writes_.push_back(std::move(write));
  }

  void complete() {
    if (writes_.empty()) return;
    const Write write = std::move(writes_.front());
    writes_.pop_front();
    const PersistBatch& batch = write.batch;
    if (batch.snapshot) disk_ = write.installed;
    if (batch.truncate_from) {
      RC_ASSERT(batch.truncate_from->value < disk_.size());
      disk_.resize(batch.truncate_from->value);
    }
    for (const Entry& entry : batch.append) {
      RC_ASSERT(entry.id.index.value == disk_.size());
      disk_.push_back(entry.id.term);
    }
    if (batch.stamp && batch.stamp->term == term_) log_.stable_to(batch.stamp->last);
    if (!batch.snapshot) return;
    const Index installed = batch.snapshot->last.index;
    log_.stable_snapshot_to(installed);
    log_.applied_to(installed);
    applied_ = std::max(applied_, installed);
    std::erase_if(handed_out_, [&](Index index) { return index <= installed; });
    last_handed_out_ = std::max(last_handed_out_, installed);
  }

  void apply() {
    std::vector<Entry> entries;
    log_.hand_out_committed(entries);
    for (const Entry& entry : entries) {
      RC_ASSERT(entry.id.index == last_handed_out_ + 1);
      RC_ASSERT(entry.id.index <= commit_);
      RC_ASSERT(entry == entry_at(terms_, entry.id.index.value));
      if (mode_ == StorageMode::asynchronous) RC_ASSERT(entry.id.index <= log_.stable());
      last_handed_out_ = entry.id.index;
      handed_out_.push_back(entry.id.index);
    }
  }

  void report(std::uint32_t a) {
    if (handed_out_.empty()) return;
    const std::size_t last = a % handed_out_.size();
    applied_ = std::max(applied_, handed_out_[last]);
    log_.applied_to(handed_out_[last]);
    handed_out_.erase(handed_out_.begin(),
                      handed_out_.begin() + static_cast<std::ptrdiff_t>(last) + 1);
  }

  void compact(std::uint32_t a) {
    // Nobody compacts what is not on the disk yet.
    const Index index{a % (std::min(applied_, log_.stable()).value + 1)};
    log_.compact(index);
    base_ = std::max(base_, index);
  }

  void install(std::uint32_t a) {
    const std::size_t index = a % leader_.size();
    const EntryId last{leader_[index], Index{index}};
    if (last.index <= commit_ || log_.matches(last)) return;
    chosen_ = std::max(chosen_, last.index);
    log_.restore({last, voters(3)});
    terms_.assign(leader_.begin(), leader_.begin() + signed_index(last.index) + 1);
    base_ = commit_ = last.index;
  }

  void compare_changes() {
    if (log_.has_pending_snapshot()) return;  // nobody asks while nothing is applied
    bool expected = false;
    for (std::size_t index = applied_.value + 1; index <= commit_.value; ++index)
      expected = expected || is_change(index);
    RC_ASSERT(log_.has_unapplied_membership() == expected);
  }

  /// As many entries as fit, but at least one.
  void compare_copies() {
    for (std::size_t first = 0; first < terms_.size(); ++first) {
      if (!log_.in_memory(Index{first})) {
        // Whoever has to apply or to write it could not.
        RC_ASSERT(first <= std::max(std::min(applied_, log_.stable()), base_).value);
        continue;
      }
      constexpr std::size_t kMaxBytes = 50;
      std::vector<Entry> expected;
      std::size_t bytes = 0;
      for (std::size_t index = first; index < terms_.size(); ++index) {
        bytes += entry_at(terms_, index).size_bytes();
        if (bytes > kMaxBytes && !expected.empty()) break;
        expected.push_back(entry_at(terms_, index));
      }
      EntryList copied;
      log_.copy(Index{first}, kMaxBytes, copied);
      RC_ASSERT(std::equal(copied.begin(), copied.end(), expected.begin(), expected.end()));
    }
  }

  /// The largest index that is not above the one asked for in index nor in term.
  void compare_hints() {
    for (std::size_t index = 0; index < terms_.size(); ++index) {
      for (std::uint64_t term = 0; term <= term_.value; term += 1 + term_.value / 4) {
        std::size_t expected = index;
        while (expected >= base_.value && expected > 0 && terms_[expected] > Term{term})
          --expected;
        const EntryId hint = log_.find_conflict_by_term({Term{term}, Index{index}});
        RC_ASSERT(hint.index == Index{expected});
        const bool is_known = expected >= base_.value && expected > 0;
        RC_ASSERT(hint.term == (is_known ? terms_[expected] : Term{0}));
      }
    }
  }

  StorageMode mode_;
  core::Log log_;
  Terms terms_ = {Term{0}, Term{1}};
  Terms disk_ = terms_;
  Terms leader_ = terms_;
  std::vector<Terms> logs_;  // of leaders before
  Term term_{1};
  Index chosen_{1};  // no leader lacks what is up to here
  Index base_{1};
  Index commit_{1};
  Index applied_{1};
  Index last_handed_out_{1};
  std::vector<Index> handed_out_;  // and not reported as applied
  std::deque<Write> writes_;
};

void check(StorageMode mode, std::size_t window_bytes) {
  CHECK(rc::check([=] {
    const auto number = rc::gen::inRange<std::uint32_t>(0, 1000);
    constexpr double kLonger = 4;
    const auto steps =
        *rc::gen::scale(kLonger,
                        rc::gen::container<std::vector<Step>>(rc::gen::tuple(
                            rc::gen::inRange(0, static_cast<int>(Action::count)), number, number)));
    LogTwins twins(mode, window_bytes);
    for (const Step& step : steps) {
      twins.take(step);
      twins.compare();
    }
    twins.finish();
  }));
}

}  // namespace

TEST_CASE("A log does what a vector would do", "[core][property][b119][b120][b121][b123][b132]") {
  check(StorageMode::asynchronous, 1 << 20);
}

TEST_CASE("A log that keeps little in memory does what a vector would do",
          "[core][property][b126]") {
  check(StorageMode::asynchronous, 0);
}

TEST_CASE("A log with synchronous storage does what a vector would do", "[core][property]") {
  check(StorageMode::synchronous, 100);
}

}  // namespace raftkit::test
