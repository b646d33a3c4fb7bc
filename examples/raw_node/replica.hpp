// What an embedder of RawNode writes: a log, a state machine, and a loop that does what Ready says.
//
// Left out is compaction: no log is ever cut, so nobody needs a snapshot, and Ready::restore,
// Ready::snapshot_wanted and PersistBatch::snapshot stay empty.
#pragma once

#include <algorithm>
#include <deque>
#include <iostream>
#include <map>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "raftkit/raw_node.hpp"

namespace example {

using namespace raftkit;

// Messages on their way. A real network, too, must keep their order and never repeat one; it may
// lose them, and must lose what waits for a connection when that breaks.
using Messages = std::deque<Envelope>;

// Where every log begins: with a snapshot of nothing, the same on each node.
constexpr EntryId kBootstrap{Term{1}, Index{1}};

// What a crash leaves. In memory here; in a file, each batch is one record.
struct Disk {
  HardState hard_state{kBootstrap.term, std::nullopt, kBootstrap.index};
  std::vector<Entry> entries;

  // After a crash a batch is there as a whole or not at all, and never without those before it; it
  // is synced on return if batch.needs_sync(). If this fails, the node must stop: no further
  // write, no further message.
  void write(const PersistBatch& batch) {
    if (batch.truncate_from)
      entries.resize(std::min(entries.size(), position(*batch.truncate_from)));
    entries.insert(entries.end(), batch.append.begin(), batch.append.end());
    if (batch.hard_state) hard_state = *batch.hard_state;
  }
  // The beginning of what is wanted; at least one entry.
  std::vector<Entry> read(const FetchRequest& wanted) const {
    std::vector<Entry> found;
    std::size_t bytes = 0;
    for (Index index = wanted.first; index <= wanted.last; ++index) {
      const Entry& entry = entries.at(position(index));
      bytes += entry.size_bytes();
      if (!found.empty() && bytes > wanted.max_bytes) break;
      found.push_back(entry);
    }
    return found;
  }
  static std::size_t position(Index index) { return index - kBootstrap.index - 1; }
};

// Owner: one thread.
class Replica {
 public:
  Replica(NodeId id, Disk& disk, Messages& network)
      : id_(id), disk_(disk), network_(network), node_(wake(id, disk)) {}

  void tick() {
    node_.tick();
    work();
  }
  void receive(Envelope&& envelope) {
    step(std::move(envelope));
    work();
  }
  void disconnected(NodeId peer) {
    std::erase_if(withheld_, [&](const Envelope& kept) { return kept.to == peer; });
    node_.report_unreachable(peer);
    work();
  }
  // On an error nothing was appended; else apply() finds out what became of the command.
  bool propose(const std::string& command) {
    const auto outcome = node_.propose({Proposal{EntryType::normal, Bytes::copy_of(command)}});
    if (outcome) proposed_.emplace(outcome->first->index, outcome->first->term);
    work();
    return outcome.has_value();
  }
  // The answer can get lost, with its leader for example: then ask again, with another id.
  bool read(ReadId id) {
    const bool is_asked = node_.read_index(id).has_value();
    work();
    return is_asked;
  }
  bool leads() const { return node_.soft_state().role == Role::leader; }
  const std::string& state() const { return state_; }

 private:
  // This state machine forgets everything in a crash, and the log is replayed from its beginning.
  // One on disk stores the applied index and the membership with its data, and starts from these.
  static RawNode wake(NodeId id, const Disk& disk) {
    Membership bootstrap;
    bootstrap.voters = {NodeId{1}, NodeId{2}, NodeId{3}};
    InitialState initial;
    initial.hard_state = disk.hard_state;
    initial.membership = std::make_shared<const Membership>(bootstrap);
    initial.applied = kBootstrap.index;
    initial.base = kBootstrap;
    initial.entries = disk.entries;
    RaftOptions options;
    options.id = id;
    options.forward_proposals = false;  // else a follower's proposal goes where it cannot follow it
    options.log_window_bytes = 50;      // so little that whoever lags behind needs Ready::fetch
    auto node = RawNode::create(options, std::move(initial));
    if (!node) throw std::runtime_error(node.error().message());
    return *std::move(node);
  }

  // After each input. The order of what is done is the only legal one.
  void work() {
    while (node_.has_ready()) {
      node_.take_ready(ready_);
      // ready_.membership: here is the place to connect to newcomers.
      for (Envelope& envelope : ready_.send_now)
        send(std::move(envelope));
      if (ready_.persist) {
        disk_.write(*ready_.persist);
        written(*ready_.persist);
      }
      for (const Entry& entry : ready_.apply)
        apply(entry);
      if (!ready_.apply.empty()) node_.applied(applied_);
      reads_.insert(reads_.end(), ready_.reads.begin(), ready_.reads.end());
      std::erase_if(reads_, [&](const ReadReady& read) { return maybe_answer(read); });
      for (const FetchRequest& request : ready_.fetch)
        node_.fetched(request.id, disk_.read(request));
    }
    if (!node_.violation().empty()) throw std::runtime_error(node_.violation());
  }

  // Withholds messages of a term that is not durable. A node that forgets in a crash that it was in
  // it could campaign in it once more, with less in its log, and win by votes for what it had
  // before. A pre-vote only asks about a term that nobody is in yet.
  void send(Envelope&& envelope) {
    const auto* vote = std::get_if<VoteRequest>(&envelope.message);
    const bool is_pre_vote = vote != nullptr && vote->kind == VoteKind::pre_vote;
    const bool may_leave = is_pre_vote || envelope.term <= durable_term_;
    (may_leave ? network_ : withheld_).push_back(std::move(envelope));
  }

  // The batch is durable. If the disk has a thread of its own, this may come later, when other
  // batches are on their way already; but in their order.
  void written(PersistBatch& batch) {
    if (batch.hard_state) durable_term_ = batch.hard_state->term;
    for (Envelope& envelope : std::exchange(withheld_, {}))
      send(std::move(envelope));
    for (Envelope& envelope : batch.send_after) {
      if (envelope.to == id_) {
        step(std::move(envelope));
      } else {
        network_.push_back(std::move(envelope));
      }
    }
    node_.persisted(batch.id);
  }

  void step(Envelope&& envelope) {
    const auto taken = node_.step(std::move(envelope));
    // What this node acknowledged is gone: it must not go on. All else is noise, such as the
    // words of somebody who has left.
    if (!taken && taken.error() == Errc::corrupt_data)
      throw std::runtime_error(taken.error().message());
  }

  void apply(const Entry& entry) {
    applied_ = entry.id.index;
    if (entry.type != EntryType::normal) {
      static_cast<void>(node_.membership_applied(entry));  // in force from here on
    } else if (!entry.payload.empty()) {                   // without one, a leader began its term
      state_ += " " + std::string(entry.payload.view());
    }
    // Committed in another term, the place went to another leader's entry.
    for (auto own = proposed_.find(applied_); own != proposed_.end();
         own = proposed_.find(applied_)) {
      std::cout << "node " << to_string(id_)
                << (own->second == entry.id.term ? " committed " : " lost ")
                << to_string(EntryId{own->second, applied_}) << "\n";
      proposed_.erase(own);
    }
  }

  bool maybe_answer(const ReadReady& read) {
    if (read.index > applied_) return false;
    std::cout << "node " << to_string(id_) << " reads" << state_ << "\n";
    return true;
  }

  NodeId id_;
  Disk& disk_;
  Messages& network_;
  RawNode node_;
  Ready ready_;
  Term durable_term_ = disk_.hard_state.term;
  Messages withheld_;
  std::multimap<Index, Term> proposed_;  // here, and not known to be committed or lost
  std::vector<ReadReady> reads_;         // that wait for entries to be applied
  Index applied_ = kBootstrap.index;
  std::string state_;  // the state machine: each command is a word
};

}  // namespace example
