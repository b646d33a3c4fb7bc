// Three cores in one thread, no network, no disk: what the protocol itself costs.
//
// usage: core-bench BURST SECONDS [--batched] [--ready-per-input]
// Proposes BURST commands of 256 bytes at the leader, one call each (with --batched all in one
// call), and delivers until nothing is left to do; again for SECONDS. The nodes take turns: each
// takes in all messages that have arrived, then its Ready is taken and carried out; with
// --ready-per-input that is done after each message and each proposal. Prints "NANOSECONDS
// ALLOCATIONS" per proposal that all three nodes have applied.
#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <new>
#include <string>
#include <string_view>
#include <vector>

#include "raftkit/raw_node.hpp"

namespace {

std::size_t allocations = 0;

}  // namespace

// The program's only thread counts what it allocates.
void* operator new(std::size_t size) {
  ++allocations;
  if (void* memory = std::malloc(size)) return memory;
  throw std::bad_alloc();
}
void operator delete(void* memory) noexcept {
  std::free(memory);
}
void operator delete(void* memory, std::size_t) noexcept {
  std::free(memory);
}

namespace {

using namespace raftkit;

constexpr std::size_t kPayloadBytes = 256;
constexpr std::uint64_t kLogMost = 4096;   // entries in a node's log before it is compacted
constexpr std::uint64_t kLogLeast = 1024;  // and after

[[noreturn]] void fail(const std::string& what) {
  std::cerr << "core-bench: " << what << "\n";
  std::exit(1);
}

void check(const Result<void>& result) {
  if (!result) fail(result.error().message());
}

struct Member {
  RawNode node;
  HardState hard_state;
  Index last;  // of the log
  Index compacted;
  std::size_t applied = 0;  // normal entries with a payload
};

class Group {
 public:
  Group(bool batched, bool ready_per_input) : batched_(batched), ready_per_input_(ready_per_input) {
    Membership membership;
    for (const std::uint64_t id : {1U, 2U, 3U}) {
      membership.voters.emplace_back(id);
      membership.members.push_back({NodeId{id}, "", {}, {}, {}});
    }
    const auto shared = std::make_shared<const Membership>(std::move(membership));
    for (const std::uint64_t id : {1U, 2U, 3U}) {
      const RaftOptions options{.id = NodeId{id}, .max_inflight_messages = 4096};
      auto node = RawNode::create(options,
                                  {.hard_state = {Term{1}, std::nullopt, Index{1}},
                                   .membership = shared,
                                   .applied = Index{1},
                                   .base = {Term{1}, Index{1}},
                                   .older_terms = {},
                                   .entries = {}});
      if (!node) fail(node.error().message());
      members_.push_back({*std::move(node), {}, Index{1}, Index{1}, 0});
    }
    leader().node.campaign();
    settle();
    if (leader().node.soft_state().role != Role::leader) fail("the first node does not lead");
  }

  void burst(std::size_t size) {
    const std::size_t calls = batched_ ? 1 : size;
    for (std::size_t call = 0; call < calls; ++call) {
      SmallVector<Proposal, 1> proposals;
      proposals.reserve(size / calls);
      for (std::size_t i = 0; i < size / calls; ++i)
        proposals.push_back(proposal(call + i));
      propose(std::move(proposals));
    }
    settle();
  }

  /// By all three.
  [[nodiscard]] std::size_t applied() const {
    for (const Member& member : members_) {
      if (member.applied != members_.front().applied) fail("a node has not applied everything");
    }
    return members_.front().applied;
  }

 private:
  static Proposal proposal(std::size_t number) {
    return {EntryType::normal, Bytes::build(kPayloadBytes, [&](std::span<std::byte> bytes) {
              std::fill(bytes.begin(), bytes.end(), std::byte{0});
              bytes.front() = static_cast<std::byte>(number);
            })};
  }

  Member& leader() { return members_.front(); }

  void propose(SmallVector<Proposal, 1> proposals) {
    if (const auto outcome = leader().node.propose(std::move(proposals)); !outcome)
      fail(outcome.error().message());
    if (ready_per_input_) process(leader());
  }

  void settle() {
    for (Member& member : members_)
      process(member);
    while (!network_.empty()) {
      std::swap(arriving_, network_);
      for (Envelope& envelope : arriving_) {
        Member& member = members_[envelope.to.value - 1];
        check(member.node.step(std::move(envelope)));
        if (ready_per_input_) process(member);
      }
      arriving_.clear();
      for (Member& member : members_)
        process(member);
    }
  }

  void process(Member& member) {
    while (member.node.has_ready()) {
      member.node.take_ready(ready_);
      for (Envelope& envelope : ready_.send_now)
        network_.push_back(std::move(envelope));
      if (ready_.persist) persist(member, *ready_.persist);
      for (const Entry& entry : ready_.apply)
        if (!entry.payload.empty()) ++member.applied;
      if (ready_.apply.empty()) continue;
      const Index last = ready_.apply.back().id.index;
      member.node.applied(last);
      if (member.last - member.compacted > kLogMost) {
        member.compacted = last - kLogLeast;
        member.node.compact(member.compacted);
      }
    }
  }

  void persist(Member& member, PersistBatch& batch) {
    if (batch.hard_state) member.hard_state = *batch.hard_state;
    if (!batch.append.empty()) member.last = batch.append.back().id.index;
    for (Envelope& envelope : batch.send_after) {
      if (envelope.to == envelope.from) {
        check(member.node.step(std::move(envelope)));
      } else {
        network_.push_back(std::move(envelope));
      }
    }
    member.node.persisted(batch.id);
  }

  bool batched_;
  bool ready_per_input_;
  std::vector<Member> members_;
  std::vector<Envelope> network_;
  std::vector<Envelope> arriving_;
  Ready ready_;
};

double seconds_since(std::chrono::steady_clock::time_point begin) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

}  // namespace

int main(int argc, char** argv) {
  const std::vector<std::string_view> arguments(argv + 1, argv + argc);
  bool batched = false;
  bool ready_per_input = false;
  bool valid = arguments.size() >= 2;
  for (std::size_t i = 2; i < arguments.size(); ++i) {
    batched |= arguments[i] == "--batched";
    ready_per_input |= arguments[i] == "--ready-per-input";
    valid &= arguments[i] == "--batched" || arguments[i] == "--ready-per-input";
  }
  const std::size_t burst = valid ? std::strtoull(argv[1], nullptr, 10) : 0;
  const double seconds = valid ? std::strtod(argv[2], nullptr) : 0;
  if (burst == 0 || seconds <= 0) {
    std::cerr << "usage: core-bench BURST SECONDS [--batched] [--ready-per-input]\n";
    return 2;
  }

  Group group(batched, ready_per_input);
  for (const auto begin = std::chrono::steady_clock::now(); seconds_since(begin) < seconds / 4;)
    group.burst(burst);
  const std::size_t applied_before = group.applied();
  const std::size_t allocations_before = allocations;
  const auto begin = std::chrono::steady_clock::now();
  while (seconds_since(begin) < seconds)
    group.burst(burst);
  const double took = seconds_since(begin);
  const auto proposals = static_cast<double>(group.applied() - applied_before);
  std::printf("%.1f %.2f\n",
              took * 1e9 / proposals,
              static_cast<double>(allocations - allocations_before) / proposals);
  return 0;
}
