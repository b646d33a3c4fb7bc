// One core among peers that may be wrong about everything. What reaches it comes from a leader that
// keeps the protocol, from members that answer as they should, and from somebody who says anything.
//
// Whatever is said, the core's own promises must hold and no assertion may be violated: nobody may
// stop a node by talking to it. There is one exception. A leader is believed, and if it spreads
// entries of a kind that this version does not know, the node that has to apply one stops with
// INV-KNOWN-ENTRY-TYPE: to skip what other members act on would be worse.
//
// (step() itself may say that the node has to stop: a leader that knows this log to be longer than
// it is, or a second leader of one term. To believe them is as wrong as not to.)
//
// That a message comes from whom it says it comes from is the transport's promise. Only so does a
// core know its own promises, which return to it from its disk, and its own reads, which members
// pass on and which may find that it leads by now.
#include <array>
#include <deque>
#include <limits>
#include <tuple>

#include <catch2/catch.hpp>
#include <rapidcheck.h>

#include "core/random.hpp"
#include "support/core_group.hpp"
#include "testing/check.hpp"
#include "testing/log_image.hpp"

namespace raftkit::test {

using testing::fail;
using testing::require;

namespace {

constexpr std::uint64_t kMax = std::numeric_limits<std::uint64_t>::max();

enum class Action : std::uint8_t {
  tick,
  write,
  apply,
  propose,
  answer,
  answer_all,
  elect,      // this node, if it may
  lead,       // somebody else, as it should be
  replicate,  // that leader
  confirm,    // the same: a heartbeat
  ask,        // this node, for something
  lie,
  count,
};

using Step = std::tuple<int, std::uint32_t>;

struct World {
  std::size_t voters = 3;
  StorageMode mode = StorageMode::asynchronous;
  std::uint32_t tuning = 0;
};

class HostilePeers {
 public:
  explicit HostilePeers(const World& world)
      : written_({bootstrapped(voters(world.voters)).base, voters(world.voters)}),
        node_(*testing::CheckedNode::create(options_of(world),
                                            bootstrapped(voters(world.voters)),
                                            testing::Peers::any,
                                            [](const testing::Invariants::Violation& found) {
                                              fail(found.id + ": " + found.what);
                                            })),
        members_(voters(world.voters)) {
    drain();
  }

  /// Whether the run can go on.
  bool take(const Step& step) {
    const auto [choice, number] = step;
    random_ = core::Random(number);
    switch (static_cast<Action>(choice)) {
      case Action::tick:
        for (std::uint32_t ticks = any(12); ticks > 0; --ticks)
          node_.tick();
        break;
      case Action::write:
        complete_write();
        break;
      case Action::apply:
        apply();
        break;
      case Action::propose:
        static_cast<void>(node_.propose({Proposal{EntryType::normal, Bytes::copy_of("p")}}));
        break;
      case Action::answer:
      case Action::answer_all:
        for (std::size_t left = choice % 2 == 0 ? 1 : sent_.size(); left > 0; --left)
          answer();
        break;
      case Action::elect:
        elect();
        break;
      case Action::lead:
        lead();
        break;
      case Action::replicate:
        if (leader_.second == node_.term()) replicate(written_.last());
        break;
      case Action::confirm:
        if (leader_.second == node_.term())
          hear(leader_.first, node_.term(), HeartbeatRequest{any_written(), any(3)});
        break;
      case Action::ask:
        ask();
        break;
      case Action::lie:
        hear(NodeId{any_of({0, 1, 2, 2, 3, 3, 9, kMax})}, any_term(), any_message());
        break;
      case Action::count:
        break;
    }
    drain();
    return is_sound();
  }

  /// All that is under way comes to its end.
  void finish() {
    while (is_sound() && (complete_write() || apply()))
      drain();
  }

 private:
  static RaftOptions options_of(const World& world) {
    RaftOptions options{.id = NodeId{1}, .election_timeout_ticks = 5, .storage_mode = world.mode};
    options.pre_vote = world.tuning % 2 == 0;
    options.check_quorum = world.tuning / 2 % 2 == 0;
    if (options.check_quorum && world.tuning / 4 % 2 == 0)
      options.lease_reads =
          world.tuning / 64 % 2 == 0 ? LeaseReads::by_ticks : LeaseReads::by_clock;
    options.priority = world.tuning / 128 % 2;
    options.log_window_bytes = world.tuning / 8 % 2 == 0 ? 0 : 1 << 20;
    options.step_down_on_removal = world.tuning / 16 % 2 == 0;
    if (world.tuning / 32 % 2 == 0) options.max_inflight_messages = 2;
    return options;
  }

  // --- numbers

  std::uint32_t any(std::uint32_t bound) { return random_.below(bound); }
  std::uint64_t any_of(std::initializer_list<std::uint64_t> values) {
    return values.begin()[any(static_cast<std::uint32_t>(values.size()))];
  }
  Term any_term() {
    const std::uint64_t now = node_.term().value;
    // Nothing much happens any more once the last term has been reached.
    if (any(100) == 0) return Term{any_of({kMax, kMax - 1, kMax / 2})};
    return Term{any_of({0, now - 1, now, now, now, now, now, now, now, now + 1, now + 1, now + 3})};
  }
  Index any_index() {
    const RaftStatus status = node_.status();
    if (any(8) == 0) return Index{any_of({0, 1, kMax, kMax - 1, kMax / 2, kMax / 2 + 1})};
    const Index near{any_of({status.first.value, status.commit.value, status.last.value})};
    return Index{near.value - 2 + any(5)};
  }
  Index any_written() {
    const Index commit = node_.status().commit;
    return commit + any(static_cast<std::uint32_t>(written_.last() - commit) + 1);
  }
  /// One that the log holds, mostly.
  EntryId any_id() {
    const Index index = any_index();
    const bool is_known = index == written_.base().index || written_.holds(index);
    return {is_known && any(4) > 0 ? written_.id_at(index).term : any_term(), index};
  }

  // --- messages

  Entry any_entry(EntryId id) {
    const auto type = static_cast<EntryType>(any_of({0, 0, 0, 0, 0, 1, 1, 2, 7}));
    Bytes payload = type == EntryType::membership && any(3) > 0
                        ? encode(any_change())
                        : Bytes::copy_of(std::string(any(4), '\xff'));
    return {id, type, std::move(payload)};
  }
  MembershipChange any_change() {
    MembershipChange change;
    change.transition = static_cast<Transition>(any(3));
    for (std::uint32_t steps = any(3); steps > 0; --steps) {
      MemberStep step;
      step.operation = static_cast<MemberOperation>(any(4));
      step.member.id = NodeId{1 + any(6)};
      change.steps.push_back(step);
    }
    return change;
  }
  AppendRequest any_append() {
    AppendRequest request{any_id(), any_index(), {}};
    EntryId id = request.previous;
    for (std::uint32_t left = any(4); left > 0; --left) {
      id = {any(4) > 0 ? id.term : any_term(), any(12) > 0 ? id.index + 1 : any_index()};
      request.entries.push_back(any_entry(id));
      is_told_nonsense_ = true;
    }
    return request;
  }
  SnapshotMeta any_snapshot() {
    if (any(8) == 0) return {};
    Membership membership = *members_;
    const auto any_node = [this] { return NodeId{any(6)}; };
    if (any(3) == 0) membership.voters.push_back(any_node());
    if (any(6) == 0) membership.voters.clear();
    if (any(3) == 0) membership.learners.push_back(any_node());
    if (any(4) == 0) membership.voters_outgoing = {any_node(), any_node()};
    if (any(6) == 0) membership.learners_next.push_back(any_node());
    membership.auto_leave = any(6) == 0;
    return {any_id(), std::make_shared<const Membership>(std::move(membership))};
  }
  Message any_message() {
    const auto kind = static_cast<VoteKind>(any(3));
    switch (any(13)) {
      case 0:
        return VoteRequest{kind, any_id()};
      case 1:
        return VoteResponse{kind, any(2) == 0, any_id(), any(4) == 0};
      case 2:
      case 3:
        return any_append();
      case 4:
        return AppendResponse{any_index(), std::nullopt};
      case 5:
        return AppendResponse{any_index(), AppendResponse::Rejection{any_id()}};
      case 6:
        return HeartbeatRequest{any_index(), any_of({0, 1, kMax})};
      case 7:
        return HeartbeatResponse{any_of({0, 1, 2, kMax})};
      case 8:
        return SnapshotRequest{any_snapshot()};
      case 9:
        return any(2) == 0 ? Message(TransferRequest{NodeId{any(5)}}) : Message(TimeoutNow{});
      case 10:
        return ProposeRequest{{}, {any_proposal()}};
      case 11:
        return ReadIndexRequest{ReadId{any(3)}};
      default:
        return any(2) == 0 ? Message(ReadIndexResponse{ReadId{any(3)}, any_index()})
                           : Message(ProposeResponse{});
    }
  }
  Proposal any_proposal() {
    Entry entry = any_entry({});
    return {entry.type, std::move(entry.payload)};
  }

  void hear(NodeId from, Term term, Message message) {
    const bool is_own = from == NodeId{1} && (std::holds_alternative<VoteResponse>(message) ||
                                              std::holds_alternative<AppendResponse>(message));
    if (is_own) return;
    const auto* read = std::get_if<ReadIndexRequest>(&message);
    const bool is_not_asked = read != nullptr && read->read.value > reads_;
    if (from == NodeId{1} && is_not_asked) return;
    static_cast<void>(node_.step({{}, from, NodeId{1}, term, std::move(message)}));
  }

  /// The new leader's log is this node's up to some place behind the commit index.
  void lead() {
    if (node_.term() == Term{kMax}) return;
    leader_ = {NodeId{2 + any(2)}, Term{node_.term().value + 1}};
    replicate(any_written());
  }
  /// What follows is its own.
  void replicate(Index previous) {
    AppendRequest request{written_.id_at(previous), any_written(), {}};
    for (std::uint64_t i = 1; i <= 1 + any(2); ++i)
      request.entries.push_back({{leader_.second, previous + i}, EntryType::normal, {}});
    hear(leader_.first, leader_.second, std::move(request));
  }

  /// As an honest member would.
  void answer() {
    if (sent_.empty()) return;
    const Envelope envelope = std::move(sent_.front());
    sent_.pop_front();
    const auto reply = [&](Message message) {
      hear(envelope.to, envelope.term, std::move(message));
    };
    if (const auto* vote = std::get_if<VoteRequest>(&envelope.message)) {
      reply(VoteResponse{vote->kind, true});
    } else if (const auto* append = std::get_if<AppendRequest>(&envelope.message)) {
      // Sometimes as a member that begins from nothing.
      const bool is_fresh = any(6) == 0;
      reply(is_fresh ? AppendResponse{append->previous.index, AppendResponse::Rejection{}}
                     : AppendResponse{append->previous.index + append->entries.size(), {}});
    } else if (const auto* heartbeat = std::get_if<HeartbeatRequest>(&envelope.message)) {
      reply(HeartbeatResponse{heartbeat->read_round});
    } else if (const auto* snapshot = std::get_if<SnapshotRequest>(&envelope.message)) {
      node_.report_snapshot(envelope.to, static_cast<SnapshotOutcome>(any(2)));
      reply(AppendResponse{snapshot->snapshot.last.index, std::nullopt});
    }
    drain();
  }

  void elect() {
    if (node_.soft_state().role == Role::leader) return;
    sent_.clear();
    node_.campaign();
    for (int round = 0; round < 3; ++round) {
      drain();
      while (complete_write() || apply())
        drain();
      for (std::size_t left = sent_.size(); left > 0; --left)
        answer();
    }
  }

  void ask() {
    const NodeId peer{1 + any(5)};
    switch (any(8)) {
      case 0:
        return node_.campaign();
      case 1:
        return node_.transfer_leadership(peer);
      case 2:
        return node_.forget_leader();
      case 3:
        return node_.report_unreachable(peer);
      case 4:
        static_cast<void>(node_.read_index(ReadId{++reads_}));
        return;
      case 5:
        static_cast<void>(node_.propose_membership_change(any_change()));
        return;
      default:
        return compact();
    }
  }

  // --- what a driver does

  /// A node that has stopped must have had the one reason for it.
  bool is_sound() {
    const std::string& violation = node_.violation();
    if (violation.empty()) return true;
    require(is_told_nonsense_ && violation.starts_with("INV-KNOWN-ENTRY-TYPE"),
            "a peer has stopped this node: ",
            violation);
    return false;
  }

  void drain() {
    Ready ready;
    while (node_.has_ready()) {
      node_.take_ready(ready);
      sent_.insert(sent_.end(), ready.send_now.begin(), ready.send_now.end());
      if (ready.persist) {
        written_.apply(*ready.persist, 0);
        if (ready.persist->snapshot) to_apply_.clear();
        writes_.push_back(*std::move(ready.persist));
      }
      to_apply_.insert(to_apply_.end(), ready.apply.begin(), ready.apply.end());
      fetches_.insert(fetches_.end(), ready.fetch.begin(), ready.fetch.end());
    }
    constexpr std::size_t kEnough = 200;
    while (sent_.size() > kEnough)
      sent_.pop_front();
  }

  bool complete_write() {
    answer_fetches();
    if (writes_.empty()) return false;
    PersistBatch batch = std::move(writes_.front());
    writes_.pop_front();
    for (Envelope& envelope : batch.send_after) {
      if (envelope.to == NodeId{1}) static_cast<void>(node_.step(std::move(envelope)));
    }
    node_.persisted(batch.id);
    if (batch.snapshot) {
      members_ = batch.snapshot->membership;
      node_.snapshot_available(*batch.snapshot);
    }
    return true;
  }

  bool apply() {
    if (to_apply_.empty()) return false;
    const Entry entry = std::move(to_apply_.front());
    to_apply_.pop_front();
    if (entry.type != EntryType::normal) {
      if (auto members = node_.membership_applied(entry)) members_ = std::move(members);
    }
    node_.applied(entry.id.index);
    return true;
  }

  void answer_fetches() {
    for (const FetchRequest& request : std::exchange(fetches_, {})) {
      auto entries = written_.read(request.first, request.last, request.max_bytes);
      if (entries.empty()) {
        node_.fetch_failed(request.id);
      } else {
        node_.fetched(request.id, std::move(entries));
      }
    }
  }

  void compact() {
    const RaftStatus status = node_.status();
    const Index index = std::min(status.applied, status.stable);
    if (!written_.holds(index)) return;
    node_.snapshot_available({written_.id_at(index), members_});
    written_.compact(index);
    node_.compact(index);
  }

  testing::LogImage written_;
  testing::CheckedNode node_;
  MembershipPtr members_;
  core::Random random_{0};
  std::pair<NodeId, Term> leader_;
  std::deque<Envelope> sent_;
  std::deque<PersistBatch> writes_;
  std::deque<Entry> to_apply_;
  std::vector<FetchRequest> fetches_;
  std::uint64_t reads_ = 0;
  bool is_told_nonsense_ = false;
};

void check(std::size_t count, StorageMode mode) {
  CHECK(rc::check([=] {
    const auto tuning = *rc::gen::resize(rc::kNominalSize, rc::gen::inRange<std::uint32_t>(0, 256));
    constexpr double kLonger = 3;
    const auto steps = *rc::gen::scale(kLonger,
                                       rc::gen::container<std::vector<Step>>(rc::gen::tuple(
                                           rc::gen::inRange(0, static_cast<int>(Action::count)),
                                           rc::gen::inRange<std::uint32_t>(0, 1U << 20))));
    HostilePeers peers({count, mode, tuning});
    for (const Step& step : steps) {
      if (!peers.take(step)) return;
    }
    peers.finish();
  }));
}

}  // namespace

TEST_CASE("No sequence of messages makes one of three break its promises",
          "[core][property][hostile]") {
  check(3, StorageMode::asynchronous);
}

TEST_CASE("No sequence of messages makes one of five break its promises",
          "[core][property][hostile]") {
  check(5, StorageMode::asynchronous);
}

TEST_CASE("No sequence of messages makes a node with synchronous storage break its promises",
          "[core][property][hostile]") {
  check(3, StorageMode::synchronous);
}

}  // namespace raftkit::test
