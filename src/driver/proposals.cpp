#include "driver/proposals.hpp"

#include <algorithm>
#include <iterator>

#include "driver/erase.hpp"

namespace raftkit::driver {

void Proposals::add(Proposal proposal, ProposeHandler handler) {
  const std::size_t bytes = proposal.payload.size() + Entry::kOverheadBytes;
  if (pending_ > 0 && pending_bytes_ + bytes > limits_.pending_bytes) {
    refuse(std::move(handler), Errc::overloaded);
    return;
  }
  ++pending_;
  pending_bytes_ += bytes;
  queue_.push_back(
      {std::move(proposal), {std::move(handler), bytes, now_ + limits_.timeout_ticks}});
}

void Proposals::refuse(ProposeHandler handler, error_code code) {
  ++failed_;
  handler(code, {});
}

std::vector<Proposals::Queued> Proposals::take_batch() {
  std::vector<Queued> batch;
  std::size_t bytes = 0;
  while (!queue_.empty()) {
    bytes += queue_.front().waiter.bytes;
    // A change of the membership travels alone, so that nothing else is refused with it.
    const bool is_change = queue_.front().proposal.type == EntryType::membership;
    if (!batch.empty() && (is_change || bytes > limits_.batch_bytes)) break;
    batch.push_back(std::move(queue_.front()));
    queue_.pop_front();
    if (is_change) break;
  }
  return batch;
}

void Proposals::put_back(std::vector<Queued> batch) {
  std::erase_if(batch, [](const Queued& queued) { return !queued.waiter.handler; });
  queue_.insert(
      queue_.begin(), std::make_move_iterator(batch.begin()), std::make_move_iterator(batch.end()));
}

void Proposals::place(EntryId first, std::vector<Queued> batch) {
  Index index = first.index;
  for (Queued& queued : batch) {
    const bool is_waiting = static_cast<bool>(queued.waiter.handler);  // else its time was up
    if (is_waiting && index <= settled_) {
      // The leader's answer came after the entry itself: committed, most likely, but the result is
      // gone.
      answer(queued.waiter, Errc::commit_unknown);
    } else if (is_waiting) {
      placed_.emplace_hint(placed_.end(), index, Placed{first.term, std::move(queued.waiter)});
    }
    ++index;
  }
}

void Proposals::answer(Waiter& waiter, error_code code, Proposed proposed) {
  if (!waiter.handler) return;
  --pending_;
  pending_bytes_ -= waiter.bytes;
  if (code) ++failed_;
  waiter.handler(code, std::move(proposed));
}

void Proposals::submit(RawNode& node, const std::set<NodeId>& connected) {
  const auto [leader, role] = node.soft_state();
  if (!leader) return;
  const bool is_forwarding = role != Role::leader;
  if (is_forwarding && (now_ < refused_until_ || !connected.contains(*leader))) return;
  while (!queue_.empty()) {
    if (is_forwarding && forwarded_bytes_ >= kMaxForwardedBytes) return;
    std::vector<Queued> batch = take_batch();
    SmallVector<Proposal, 1> proposals;
    proposals.reserve(batch.size());
    for (const Queued& queued : batch)
      proposals.push_back(queued.proposal);
    const ForwardTag tag{limits_.incarnation, next_sequence_};
    const auto outcome = node.propose(std::move(proposals), tag);
    if (!outcome && outcome.error() == Errc::invalid_argument) {
      for (Queued& queued : batch)
        answer(queued.waiter, Errc::invalid_argument);
      continue;
    }
    if (!outcome) {
      put_back(std::move(batch));  // the core took nothing: it can be offered again
      return;
    }
    if (outcome->first) {
      place(*outcome->first, std::move(batch));
    } else {
      std::size_t bytes = 0;
      for (const Queued& queued : batch)
        bytes += queued.waiter.bytes;
      forwarded_bytes_ += bytes;
      forwarded_.emplace(next_sequence_++, Forwarded{*leader, std::move(batch), bytes});
    }
  }
}

void Proposals::on_response(const ProposeResponse& response) {
  if (response.tag.incarnation != limits_.incarnation) return;
  auto node = forwarded_.extract(response.tag.sequence);
  if (node.empty()) return;
  forwarded_bytes_ -= node.mapped().bytes;
  if (response.first) {
    pause_ = 1;
    place(*response.first, std::move(node.mapped().batch));
  } else {
    // Refused, so that it certainly was not appended. A change of the membership may be one that
    // the leader will never take.
    auto& batch = node.mapped().batch;
    if (batch.front().proposal.type == EntryType::membership) {
      for (Queued& queued : batch)
        answer(queued.waiter, Errc::proposal_dropped);
      return;
    }
    // Whatever the reason is, it will not be over within a round trip: offered again at once, the
    // batch would go to and fro without end.
    put_back(std::move(batch));
    if (now_ < refused_until_) return;
    refused_until_ = now_ + pause_;
    pause_ = std::min(2 * pause_, kLongestPause);
  }
}

void Proposals::on_disconnected(NodeId leader) {
  for (auto at = forwarded_.begin(); at != forwarded_.end();) {
    if (at->second.leader != leader) {
      ++at;
      continue;
    }
    for (Queued& queued : at->second.batch)
      answer(queued.waiter, Errc::commit_unknown);
    forwarded_bytes_ -= at->second.bytes;
    at = forwarded_.erase(at);
  }
}

void Proposals::on_applied(const ApplyBatch& batch) {
  settled_ = std::max(settled_, batch.last.index);
  auto result_of = [&, next = std::size_t{0}](EntryId id) mutable -> std::optional<Bytes> {
    while (next < batch.commands.size() && batch.commands[next].id.index < id.index)
      ++next;
    if (next < batch.commands.size() && batch.commands[next].id == id) return batch.results[next];
    const bool is_own = std::find(batch.own.begin(), batch.own.end(), id) != batch.own.end();
    return is_own ? std::optional<Bytes>(Bytes{}) : std::nullopt;
  };
  while (!placed_.empty() && placed_.begin()->first <= batch.last.index) {
    auto placed = placed_.extract(placed_.begin());
    const Index index = placed.key();
    if (auto result = result_of({placed.mapped().term, index})) {
      answer(placed.mapped().waiter, {}, Proposed{index, *std::move(result)});
    } else {
      // Another leader's entry was committed in this place, so ours never can be.
      answer(placed.mapped().waiter, Errc::proposal_dropped);
    }
  }
}

void Proposals::on_skipped(Index to) {
  settled_ = std::max(settled_, to);
  while (!placed_.empty() && placed_.begin()->first <= to) {
    auto placed = placed_.extract(placed_.begin());
    answer(placed.mapped().waiter, Errc::commit_unknown);
  }
}

void Proposals::tick(bool has_leader) {
  ++now_;
  erase_over(queue_, [&](Queued& queued) {
    if (queued.waiter.deadline > now_) return false;
    answer(queued.waiter, has_leader ? Errc::proposal_dropped : Errc::no_leader);
    return true;
  });
  erase_over(forwarded_, [&](auto& item) {
    // Those answered keep their place: the leader's answer counts from the first of the batch.
    bool is_over = true;
    for (Queued& queued : item.second.batch) {
      if (queued.waiter.deadline <= now_) answer(queued.waiter, Errc::commit_unknown);
      if (queued.waiter.handler) is_over = false;
    }
    if (is_over) forwarded_bytes_ -= item.second.bytes;
    return is_over;
  });
  erase_over(placed_, [&](auto& item) {
    if (item.second.waiter.deadline > now_) return false;
    answer(item.second.waiter, Errc::commit_unknown);
    return true;
  });
}

void Proposals::refuse_queued(Errc reason) {
  for (Queued& item : std::exchange(queue_, {}))
    answer(item.waiter, reason);
}

void Proposals::fail_all(Errc queued) {
  refuse_queued(queued);
  forwarded_bytes_ = 0;
  for (auto& [sequence, forwarded] : std::exchange(forwarded_, {})) {
    for (Queued& item : forwarded.batch)
      answer(item.waiter, Errc::commit_unknown);
  }
  for (auto& [index, placed] : std::exchange(placed_, {}))
    answer(placed.waiter, Errc::commit_unknown);
}

}  // namespace raftkit::driver
