// Observations that no sound replica gives: each invariant must be noticed when it is violated. A
// check that cannot fail is worth nothing.
#include "raftkit/testing/invariants.hpp"

#include <functional>

#include <catch2/catch.hpp>

#include "support/core_group.hpp"

using namespace raftkit;           // NOLINT(google-build-using-namespace): domain words of the test
using namespace raftkit::test;     // NOLINT(google-build-using-namespace): as above
using namespace raftkit::testing;  // NOLINT(google-build-using-namespace): as above

namespace {

/// What a sound node 1 of three showed, with one entry of term 1 behind the bootstrap.
///
/// Each move is one that a sound node may make; the tests change something about the last one.
struct Observed {
  explicit Observed(Peers peers = Peers::honest, const RaftOptions& tuned = {.id = NodeId{1}})
      : invariants(tuned, initial(), peers) {
    now.id = NodeId{1};
    now.term = Term{1};
    now.first = Index{2};
    now.last = now.stable = Index{2};
    now.commit = now.applied = Index{1};
    now.membership = voters(3);
    invariants.look(now, false);
  }

  static InitialState initial() {
    InitialState initial = bootstrapped(voters(3));
    initial.entries = entries_of(2, {1});
    return initial;
  }

  void look(bool has_ready = true) { invariants.look(now, has_ready); }

  /// What the node would hand out now, with these entries and messages.
  Ready ready(std::vector<Entry> entries = {}, std::vector<Envelope> send_after = {}) {
    Ready ready;
    ready.soft_state = {now.leader, now.role};
    PersistBatch& batch = ready.persist.emplace();
    batch.id = PersistId{++batches};
    batch.hard_state = {now.term, now.voted_for, now.commit};
    batch.sync_hard_state = now.term != written.term || now.voted_for != written.voted_for;
    if (!entries.empty()) batch.stamp = PersistStamp{now.term, entries.back().id};
    batch.append = std::move(entries);
    batch.send_after = std::move(send_after);
    written = *batch.hard_state;
    return ready;
  }
  void take(const Ready& ready) { invariants.take(ready, now, false); }

  void receive(std::uint64_t from, Message message) {
    invariants.step(envelope(from, 1, std::move(message)));
  }
  [[nodiscard]] Envelope envelope(std::uint64_t from, std::uint64_t to, Message message) const {
    return {{}, NodeId{from}, NodeId{to}, now.term, std::move(message)};
  }

  void campaign() {
    now.role = Role::candidate;
    now.term.value += 1;
    now.voted_for = NodeId{1};
    now.leader.reset();
    look();
    take(ready());
  }
  void hear_votes() {
    for (std::uint64_t voter = 1; voter <= 2; ++voter)
      receive(voter, VoteResponse{VoteKind::election, true});
  }
  void win() {
    now.role = Role::leader;
    now.leader = NodeId{1};
    now.last = Index{3};
    for (std::uint64_t id = 1; id <= 3; ++id) {
      now.progress.push_back({.node = NodeId{id},
                              .match = Index{id == 1 ? 2U : 0U},
                              .next = Index{3},
                              .pending_snapshot = {}});
    }
  }
  /// Leads term 2, and its first entry (index 3) is handed out.
  void lead() {
    campaign();
    hear_votes();
    win();
    look();
    take(ready(entries_of(3, {2})));
  }
  /// `id` holds all up to `index`.
  void acknowledge(std::uint64_t id, std::uint64_t index) {
    receive(id, AppendResponse{Index{index}, std::nullopt});
    ProgressStatus& progress = now.progress[id - 1];
    progress.match = Index{index};
    progress.next = Index{index + 1};
  }
  void follow(std::uint64_t leader) {
    now.role = Role::follower;
    now.leader = NodeId{leader};
    now.progress.clear();
  }

  [[nodiscard]] std::string violation() const {
    return invariants.violation() ? invariants.violation()->id : "";
  }

  Invariants invariants;
  RaftStatus now;
  HardState written{Term{1}, std::nullopt, Index{1}};
  std::uint64_t batches = 0;
};

/// Something wrong, and what must be noticed about it.
struct Wrong {
  const char* id;
  std::function<void(Observed&)> happens;
};

void check_noticed(
    const std::vector<Wrong>& wrongs,
    const std::function<void(Observed&)>& before = [](Observed&) {}) {
  for (const Wrong& wrong : wrongs) {
    Observed observed;
    before(observed);
    REQUIRE(observed.violation().empty());
    wrong.happens(observed);
    CHECK(observed.violation() == wrong.id);
  }
}

void lead(Observed& observed) {
  observed.lead();
}

MembershipPtr changed(const std::function<void(Membership&)>& change) {
  Membership membership = *voters(3);
  change(membership);
  return std::make_shared<const Membership>(std::move(membership));
}

Entry change_at(std::uint64_t term, std::uint64_t index) {
  return {at(term, index), EntryType::membership, {}};
}

}  // namespace

TEST_CASE("A sound life of a replica passes", "[testing][invariants]") {
  Observed observed;

  observed.lead();
  observed.acknowledge(1, 3);
  observed.look();
  observed.acknowledge(2, 3);
  observed.now.commit = Index{3};
  observed.look();
  observed.invariants.persisted(PersistId{observed.batches});
  observed.now.stable = Index{3};
  observed.look();
  Ready ready = observed.ready();
  ready.apply = entries_of(2, {1, 2});
  observed.take(ready);
  observed.now.applied = Index{3};
  observed.look(true);
  observed.now.term = Term{3};
  observed.now.voted_for.reset();
  observed.follow(2);
  observed.look();

  CHECK(observed.violation().empty());
}

TEST_CASE("Positions in a wrong order are noticed", "[testing][invariants]") {
  check_noticed({
      {"INV-APPLIED-IS-COMMITTED", [](Observed& o) { o.now.applied = Index{2}, o.look(); }},
      {"INV-COMMIT-IN-LOG",
       [](Observed& o) {
         o.receive(2, HeartbeatRequest{Index{3}, 0});
         o.now.commit = Index{3}, o.look();
       }},
      {"INV-STABLE-IN-LOG", [](Observed& o) { o.now.stable = Index{3}, o.look(); }},
      {"INV-COMPACT-COMMITTED", [](Observed& o) { o.now.first = Index{3}, o.look(); }},
      {"INV-COMMIT-FORWARD",
       [](Observed& o) {
         o.receive(2, HeartbeatRequest{Index{2}, 0});
         o.now.commit = Index{2}, o.look();
         o.now.commit = Index{1}, o.look();
       }},
      {"INV-APPLIED-FORWARD", [](Observed& o) { o.now.applied = Index{0}, o.look(); }},
      {"INV-COMPACT-FORWARD", [](Observed& o) { o.now.first = Index{1}, o.look(); }},
      {"INV-ONE-IDENTITY", [](Observed& o) { o.now.id = NodeId{2}, o.look(); }},
  });
}

TEST_CASE("A term, a vote or a leader that changes where it must not is noticed",
          "[testing][invariants]") {
  const auto follow_two = [](Observed& o) {
    o.now.voted_for = NodeId{2};
    o.follow(2);
    o.look();
    o.take(o.ready());
  };
  check_noticed(
      {
          {"INV-TERM-FORWARD", [](Observed& o) { o.now.term = Term{0}, o.look(); }},
          {"INV-ONE-VOTE", [](Observed& o) { o.now.voted_for = NodeId{3}, o.look(); }},
          {"INV-ONE-VOTE", [](Observed& o) { o.now.voted_for.reset(), o.look(); }},
          {"INV-ONE-LEADER-PER-TERM", [](Observed& o) { o.now.leader = NodeId{3}, o.look(); }},
          {"INV-FOLLOWS-ANOTHER",
           [](Observed& o) {
             o.now.term = Term{2};
             o.now.voted_for.reset();
             o.follow(1);
             o.look();
           }},
      },
      follow_two);
}

TEST_CASE("A leader that forgets in between still is the only one of its term",
          "[testing][invariants]") {
  Observed observed;
  observed.follow(2);
  observed.look();
  observed.now.leader.reset();
  observed.look();
  observed.now.leader = NodeId{3};
  observed.look();
  CHECK(observed.violation() == "INV-ONE-LEADER-PER-TERM");
}

TEST_CASE("What depends on others is not asked of a replica among liars", "[testing][invariants]") {
  Observed observed(Peers::any);
  observed.follow(2);
  observed.look();
  observed.now.leader = NodeId{3};
  observed.look();
  CHECK(observed.violation().empty());
}

TEST_CASE("Roles that do not follow each other are noticed", "[testing][invariants]") {
  check_noticed({
      {"INV-PRE-VOTE-LEAVES-NO-TRACE",
       [](Observed& o) {
         o.now.role = Role::pre_candidate;
         o.now.term = Term{2}, o.look();
       }},
      {"INV-PRE-VOTE-LEAVES-NO-TRACE",
       [](Observed& o) {
         o.now.role = Role::pre_candidate;
         o.now.voted_for = NodeId{1}, o.look();
       }},
      {"INV-CANDIDATE-FOLLOWS-NOBODY",
       [](Observed& o) {
         o.now.role = Role::pre_candidate;
         o.now.leader = NodeId{2}, o.look();
       }},
      {"INV-CANDIDATE-IN-NEW-TERM",
       [](Observed& o) {
         o.now.role = Role::candidate;
         o.now.voted_for = NodeId{1}, o.look();
       }},
      {"INV-CANDIDATE-VOTES-FOR-ITSELF",
       [](Observed& o) {
         o.now.role = Role::candidate;
         o.now.term = Term{2}, o.look();
       }},
      {"INV-LEADER-WAS-CANDIDATE",
       [](Observed& o) {
         o.win();
         o.now.voted_for = NodeId{1}, o.look();
       }},
      {"INV-ONLY-LEADERS-TRACK",
       [](Observed& o) {
         o.win();
         o.follow(2);
         o.now.last = Index{2};
         o.now.progress.resize(1), o.look();
       }},
  });
}

TEST_CASE("A leader that campaigns is noticed", "[testing][invariants]") {
  check_noticed(
      {
          {"INV-CANDIDATE-IN-NEW-TERM",
           [](Observed& o) {
             o.now.progress.clear();
             o.campaign();
           }},
          {"INV-PRE-VOTE-LEAVES-NO-TRACE",
           [](Observed& o) {
             o.now.progress.clear();
             o.now.leader.reset();
             o.now.role = Role::pre_candidate, o.look();
           }},
          {"INV-LEADER-KNOWS-ITSELF", [](Observed& o) { o.now.leader.reset(), o.look(); }},
      },
      [](Observed& o) {
        o.lead();
        CHECK(o.violation().empty());
      });
}

TEST_CASE("An election without a quorum's votes is noticed", "[testing][invariants]") {
  const auto win = [](Observed& o) { o.win(), o.look(); };
  check_noticed(
      {
          {"INV-ELECTED-BY-QUORUM", [&](Observed& o) { win(o); }},
          {"INV-ELECTED-BY-QUORUM",
           [&](Observed& o) {
             o.receive(1, VoteResponse{VoteKind::election, true});
             o.receive(1, VoteResponse{VoteKind::election, true});
             win(o);
           }},
          {"INV-ELECTED-BY-QUORUM",
           [&](Observed& o) {
             o.receive(1, VoteResponse{VoteKind::election, true});
             o.receive(2, VoteResponse{VoteKind::election, false});
             o.receive(2, VoteResponse{VoteKind::election, true});
             win(o);
           }},
          {"INV-ELECTED-BY-QUORUM",
           [&](Observed& o) {
             o.receive(1, VoteResponse{VoteKind::election, true});
             o.receive(2, VoteResponse{VoteKind::pre_vote, true});
             o.receive(9, VoteResponse{VoteKind::election, true});
             win(o);
           }},
          {"INV-ELECTED-BY-QUORUM",
           [&](Observed& o) {
             o.receive(1, VoteResponse{VoteKind::election, true});
             Envelope old = o.envelope(2, 1, VoteResponse{VoteKind::election, true});
             old.term = Term{1};
             o.invariants.step(old);
             win(o);
           }},
          {"INV-LEADER-BEGINS-WITH-ITS-TERM",
           [](Observed& o) {
             o.hear_votes();
             o.win();
             o.now.last = Index{2}, o.look();
           }},
      },
      [](Observed& o) { o.campaign(); });
}

TEST_CASE("A campaign of whoever may not is noticed", "[testing][invariants]") {
  check_noticed({
      {"INV-ONLY-VOTERS-CAMPAIGN",
       [](Observed& o) {
         o.invariants.membership_applied();
         o.now.membership = changed([](Membership& m) { m.voters.erase(m.voters.begin()); });
         o.look();
         o.campaign();
       }},
      {"INV-CHANGE-APPLIED-BEFORE-CAMPAIGN",
       [](Observed& o) {
         o.receive(2, AppendRequest{at(1, 2), Index{3}, {}});
         o.now.last = o.now.commit = Index{3};
         o.look();
         Ready ready = o.ready({change_at(1, 3)});
         ready.apply = entries_of(2, {1});
         o.take(ready);
         o.campaign();
       }},
  });
}

TEST_CASE("A membership that changes by itself or by too much is noticed",
          "[testing][invariants]") {
  const auto apply = [](Observed& o, const std::function<void(Membership&)>& change) {
    o.invariants.membership_applied();
    o.now.membership = changed(change);
    o.look();
  };
  check_noticed({
      {"INV-MEMBERSHIP-CHANGES-WHEN-APPLIED",
       [](Observed& o) { o.now.membership = voters(4), o.look(); }},
      {"INV-MEMBERSHIP-CHANGES-WHEN-APPLIED",
       [&](Observed& o) {
         apply(o, [](Membership& m) { m.voters.pop_back(); });
         o.now.membership = voters(3), o.look();
       }},
      {"INV-QUORUMS-OVERLAP",
       [&](Observed& o) { apply(o, [](Membership& m) { m.voters.resize(1); }); }},
      {"INV-QUORUMS-OVERLAP",
       [&](Observed& o) {
         apply(o, [](Membership& m) { m.voters_outgoing = {NodeId{1}, NodeId{2}}; });
       }},
      {"INV-QUORUMS-OVERLAP",
       [&](Observed& o) {
         apply(o, [](Membership& m) { m.voters_outgoing = std::exchange(m.voters, {NodeId{4}}); });
         REQUIRE(o.violation().empty());
         apply(o, [](Membership&) {});
       }},
      {"INV-MEMBERSHIP-CONSISTENT",
       [&](Observed& o) { apply(o, [](Membership& m) { m.learners = {NodeId{1}}; }); }},
  });
}

TEST_CASE("A leader's wrong ideas of its members are noticed", "[testing][invariants]") {
  check_noticed(
      {
          {"INV-TRACKER-COMPLETE", [](Observed& o) { o.now.progress.pop_back(), o.look(); }},
          {"INV-TRACKER-COMPLETE",
           [](Observed& o) { o.now.progress[2].node = NodeId{4}, o.look(); }},
          {"INV-PROGRESS-MATCH-BELOW-NEXT",
           [](Observed& o) {
             o.acknowledge(2, 3);
             o.now.progress[1].next = Index{3}, o.look();
           }},
          {"INV-PROGRESS-IN-LOG", [](Observed& o) { o.now.progress[1].next = Index{5}, o.look(); }},
          {"INV-MATCH-IS-ACKNOWLEDGED",
           [](Observed& o) { o.now.progress[1].match = Index{1}, o.look(); }},
          {"INV-MATCH-IS-ACKNOWLEDGED",  // its own copy is not durable yet
           [](Observed& o) {
             o.now.progress[0].match = Index{3};
             o.now.progress[0].next = Index{4}, o.look();
           }},
          {"INV-MATCH-IS-ACKNOWLEDGED",  // in another term
           [](Observed& o) {
             Envelope old = o.envelope(2, 1, AppendResponse{Index{3}, std::nullopt});
             old.term = Term{1};
             o.invariants.step(old);
             o.now.progress[1].match = Index{1}, o.look();
           }},
          {"INV-MATCH-IS-ACKNOWLEDGED",  // a refusal is none
           [](Observed& o) {
             o.receive(2, AppendResponse{Index{2}, AppendResponse::Rejection{at(0, 0)}});
             o.now.progress[1].match = Index{1}, o.look();
           }},
      },
      lead);
}

TEST_CASE("A leader's wrong dealings with its members are noticed", "[testing][invariants]") {
  check_noticed(
      {
          {"INV-PROGRESS-FORWARD",
           [](Observed& o) {
             o.acknowledge(2, 3);
             o.look();
             o.now.progress[1].match = Index{2}, o.look();
           }},
          {"INV-PROGRESS-KNOWS-LEARNERS",
           [](Observed& o) { o.now.progress[1].learner = true, o.look(); }},
          {"INV-PROGRESS-SNAPSHOT-SILENT",
           [](Observed& o) {
             o.now.progress[1].state = ProgressState::snapshot;
             o.now.progress[1].pending_snapshot = Index{1}, o.look();
           }},
          {"INV-PROGRESS-SNAPSHOT-SILENT",
           [](Observed& o) { o.now.progress[1].pending_snapshot = Index{1}, o.look(); }},
          {"INV-INFLIGHT-BOUND",
           [](Observed& o) { o.now.progress[1].inflight_messages = 1, o.look(); }},
          {"INV-INFLIGHT-BOUND",
           [](Observed& o) {
             o.now.progress[1].state = ProgressState::replicate;
             o.now.progress[1].inflight_messages = 513, o.look();
           }},
          {"INV-TRANSFER-TO-VOTER",
           [](Observed& o) { o.now.transfer_target = NodeId{1}, o.look(); }},
          {"INV-TRANSFER-TO-VOTER",
           [](Observed& o) { o.now.transfer_target = NodeId{4}, o.look(); }},
          {"INV-LEADER-APPENDS-ONLY", [](Observed& o) { o.now.last = Index{2}, o.look(); }},
      },
      lead);
}

TEST_CASE("A commit without reason is noticed", "[testing][invariants]") {
  check_noticed({
      {"INV-COMMIT-IS-TOLD", [](Observed& o) { o.now.commit = Index{2}, o.look(); }},
      {"INV-COMMIT-BY-QUORUM",
       [](Observed& o) {
         o.lead();
         o.acknowledge(2, 3);
         o.now.commit = Index{3}, o.look();
       }},
      {"INV-COMMIT-OWN-TERM",
       [](Observed& o) {
         o.lead();
         o.acknowledge(2, 2);
         o.now.commit = Index{2}, o.look();
       }},
  });
}

TEST_CASE("In a joint phase a commit needs both majorities to pass", "[testing][invariants]") {
  Observed observed;
  observed.lead();
  observed.acknowledge(1, 3);
  observed.acknowledge(2, 3);
  observed.invariants.membership_applied();
  observed.now.membership = changed([](Membership& m) {
    m.voters_outgoing = std::exchange(m.voters, {NodeId{3}});
    m.members.clear();
  });
  observed.now.commit = Index{3};
  observed.look();
  CHECK(observed.violation() == "INV-COMMIT-BY-QUORUM");
}

TEST_CASE("Calling durable what is not written is noticed", "[testing][invariants]") {
  Observed observed;
  observed.now.last = Index{3};
  observed.look();
  observed.take(observed.ready(entries_of(3, {1})));
  observed.now.stable = Index{3};

  SECTION("after the write") {
    observed.invariants.persisted(PersistId{1});
    observed.look(false);
    CHECK(observed.violation().empty());
  }
  SECTION("before it") {
    observed.look(false);
    CHECK(observed.violation() == "INV-STABLE-IS-WRITTEN");
  }
  SECTION("when only a write before it is done, which the entry has replaced") {
    observed.now.stable = Index{2};
    Ready replaced = observed.ready(entries_of(3, {1}));
    replaced.persist->truncate_from = Index{3};
    observed.take(replaced);
    observed.invariants.persisted(PersistId{1});
    observed.now.stable = Index{3};
    observed.look(false);
    CHECK(observed.violation() == "INV-STABLE-IS-WRITTEN");
  }
}

TEST_CASE("What is to be done and not handed out is noticed", "[testing][invariants]") {
  check_noticed({
      {"INV-WRITES-HANDED-OUT", [](Observed& o) { o.now.voted_for = NodeId{2}, o.look(false); }},
      {"INV-WRITES-HANDED-OUT", [](Observed& o) { o.now.last = Index{3}, o.look(false); }},
      {"INV-SOFT-STATE-HANDED-OUT", [](Observed& o) { o.follow(2), o.look(false); }},
      {"INV-COMMITTED-HANDED-OUT",
       [](Observed& o) {
         o.receive(2, HeartbeatRequest{Index{2}, 0});
         o.now.commit = Index{2};
         o.look();
         o.take(o.ready());
       }},
      {"INV-WRITTEN-IS-STABLE",
       [](Observed& o) {
         o.now.last = Index{3};
         o.look();
         o.take(o.ready(entries_of(3, {1})));
         o.invariants.persisted(PersistId{1});
         o.look(false);
       }},
      {"INV-READY-IS-COMPLETE", [](Observed& o) { o.invariants.take(o.ready(), o.now, true); }},
  });
}

TEST_CASE("A batch that must not be written is noticed", "[testing][invariants]") {
  const auto take = [](Observed& o, const std::function<void(PersistBatch&)>& spoil) {
    o.now.last = Index{3};
    o.look();
    Ready ready = o.ready(entries_of(3, {1}));
    spoil(*ready.persist);
    o.take(ready);
  };
  check_noticed({
      {"INV-BATCHES-NUMBERED",
       [&](Observed& o) { take(o, [](PersistBatch& b) { b.id = PersistId{0}; }); }},
      {"INV-TERM-FORWARD",
       [&](Observed& o) { take(o, [](PersistBatch& b) { b.hard_state->term = Term{0}; }); }},
      {"INV-COMMIT-FORWARD",
       [&](Observed& o) { take(o, [](PersistBatch& b) { b.hard_state->commit = Index{0}; }); }},
      {"INV-VOTE-IS-SYNCED",
       [&](Observed& o) { take(o, [](PersistBatch& b) { b.hard_state->voted_for = NodeId{3}; }); }},
      {"INV-WRITE-IS-STAMPED",
       [&](Observed& o) { take(o, [](PersistBatch& b) { b.stamp.reset(); }); }},
      {"INV-STAMP-NAMES-THE-LOG",
       [&](Observed& o) { take(o, [](PersistBatch& b) { b.stamp->term = Term{0}; }); }},
      {"INV-STAMP-NAMES-THE-LOG",
       [&](Observed& o) { take(o, [](PersistBatch& b) { b.stamp->last = at(1, 2); }); }},
      {"INV-LOG-CONTIGUOUS",
       [&](Observed& o) { take(o, [](PersistBatch& b) { b.append = entries_of(4, {1}); }); }},
      {"INV-LOG-CONTIGUOUS",
       [&](Observed& o) { take(o, [](PersistBatch& b) { b.truncate_from = Index{4}; }); }},
      {"INV-LOG-TERMS-ASCEND",
       [&](Observed& o) { take(o, [](PersistBatch& b) { b.append = entries_of(3, {0}); }); }},
      {"INV-LOG-NOT-ABOVE-TERM",
       [&](Observed& o) { take(o, [](PersistBatch& b) { b.append = entries_of(3, {2}); }); }},
      {"INV-COMMITTED-NEVER-REPLACED",
       [&](Observed& o) { take(o, [](PersistBatch& b) { b.truncate_from = Index{1}; }); }},
      {"INV-RESTORE-WITH-SNAPSHOT",
       [&](Observed& o) {
         take(o, [](PersistBatch& b) { b.snapshot = SnapshotMeta{at(1, 9), voters(3)}; });
       }},
      {"INV-WRITES-HANDED-OUT",
       [&](Observed& o) {
         take(o, [](PersistBatch& b) {
           b.hard_state->voted_for.reset(), b.append.clear(), b.stamp.reset();
         });
       }},
  });
}

TEST_CASE("A snapshot that must not be installed is noticed", "[testing][invariants]") {
  const auto restore = [](Observed& o, const SnapshotMeta& snapshot) {
    o.receive(2, SnapshotRequest{snapshot});
    o.now.first = snapshot.last.index + 1;
    o.now.last = o.now.stable = o.now.commit = snapshot.last.index;
    if (snapshot.last.index > Index{1}) o.look();
    Ready ready = o.ready();
    ready.restore = ready.persist->snapshot = snapshot;
    ready.persist->stamp = PersistStamp{o.now.term, snapshot.last};
    o.take(ready);
  };
  check_noticed({
      {"",
       [&](Observed& o) {
         restore(o, {at(1, 9), voters(3)});
       }},
      {"INV-SNAPSHOT-FORWARD",
       [&](Observed& o) {
         restore(o, {at(1, 1), voters(3)});
       }},
      {"INV-LOG-NOT-ABOVE-TERM",
       [&](Observed& o) {
         restore(o, {at(2, 9), voters(3)});
       }},
      {"INV-SNAPSHOT-HAS-MEMBERSHIP",
       [&](Observed& o) {
         restore(o, {at(1, 9), voters(4)});
       }},
      {"INV-APPLY-AFTER-RESTORE",
       [&](Observed& o) {
         restore(o, {at(1, 9), voters(3)});
         o.receive(2, AppendRequest{at(1, 9), Index{10}, {}});
         o.now.last = o.now.commit = Index{10};
         o.look();
         o.now.stable = Index{10};
         Ready ready = o.ready(entries_of(10, {1}));
         ready.apply = entries_of(10, {1});
         o.take(ready);
       }},
      {"INV-CAMPAIGN-WITH-A-LOG",
       [&](Observed& o) {
         restore(o, {at(1, 9), voters(3)});
         o.campaign();
       }},
  });
}

TEST_CASE("A leader that removes entries is noticed", "[testing][invariants]") {
  Observed observed;
  observed.lead();
  Ready ready = observed.ready(entries_of(3, {2}));
  ready.persist->truncate_from = Index{3};
  observed.take(ready);
  CHECK(observed.violation() == "INV-LEADER-APPENDS-ONLY");
}

TEST_CASE("A change before the one before it is in effect is noticed", "[testing][invariants]") {
  const auto append_change = [](Observed& o) {
    o.now.last.value += 1;
    o.look();
    o.take(o.ready({change_at(o.now.term.value, o.now.last.value)}));
  };
  check_noticed({
      {"INV-ONE-CHANGE-AT-A-TIME",  // what the predecessors left is not applied
       [&](Observed& o) {
         o.lead();
         append_change(o);
       }},
      {"INV-ONE-CHANGE-AT-A-TIME",
       [&](Observed& o) {
         o.lead();
         o.acknowledge(1, 3);
         o.acknowledge(2, 3);
         o.now.commit = o.now.applied = Index{3};
         append_change(o);
         REQUIRE(o.violation().empty());
         append_change(o);
       }},
      {"INV-CHANGE-PROVES-COMMIT",
       [&](Observed& o) {
         o.follow(2);
         append_change(o);
         REQUIRE(o.violation().empty());
         append_change(o);
       }},
  });
}

TEST_CASE("Applying what must not be applied is noticed", "[testing][invariants]") {
  const auto apply = [](Observed& o, const std::vector<Entry>& entries) {
    o.receive(2, AppendRequest{at(1, 2), Index{3}, {}});
    o.now.last = Index{3};
    o.look();
    o.now.commit = Index{2};
    o.look();
    Ready ready = o.ready(entries_of(3, {1}));
    ready.apply = entries;
    o.take(ready);
  };
  check_noticed({
      {"", [&](Observed& o) { apply(o, entries_of(2, {1})); }},
      {"INV-APPLY-CONTIGUOUS", [&](Observed& o) { apply(o, entries_of(3, {1})); }},
      {"INV-APPLIED-IS-COMMITTED",
       [&](Observed& o) {
         apply(o, entries_of(2, {1, 1}));
       }},
      {"INV-APPLY-FROM-LOG", [&](Observed& o) { apply(o, entries_of(2, {2})); }},
      {"INV-APPLIED-IS-STABLE",
       [&](Observed& o) {
         o.now.stable = Index{1};
         apply(o, entries_of(2, {1}));
       }},
      {"INV-READ-SEES-COMMITTED",
       [&](Observed& o) {
         apply(o, entries_of(2, {1}));
         o.invariants.read_index(ReadId{7});
         Ready ready = o.ready();
         ready.reads = {{ReadId{7}, Index{1}}};
         o.take(ready);
       }},
  });
}

TEST_CASE("A leader's own stale answer is noticed whoever its peers are", "[testing][invariants]") {
  Observed observed(Peers::any, {.id = NodeId{1}, .lease_reads = LeaseReads::by_ticks});
  observed.lead();
  observed.acknowledge(1, 3);
  observed.acknowledge(2, 3);
  observed.now.commit = Index{3};
  observed.look();
  observed.invariants.read_index(ReadId{7});
  Ready ready = observed.ready();
  ready.apply = entries_of(2, {1});

  SECTION("what is committed") {
    ready.reads = {{ReadId{7}, Index{3}}};
    observed.take(ready);
    CHECK(observed.violation().empty());
  }
  SECTION("what is applied") {
    ready.reads = {{ReadId{7}, Index{2}}};
    observed.take(ready);
    CHECK(observed.violation() == "INV-READ-SEES-COMMITTED");
  }
}

TEST_CASE("A message that must not leave is noticed", "[testing][invariants]") {
  const auto now_sent =
      [](Observed& o, std::uint64_t from, Message message, std::uint64_t term = 0) {
        Ready ready = o.ready();
        ready.send_now = {o.envelope(from, 2, std::move(message))};
        if (term > 0) ready.send_now[0].term = Term{term};
        o.take(ready);
      };
  check_noticed({
      {"INV-PROMISE-AFTER-WRITE",
       [&](Observed& o) {
         now_sent(o, 1, VoteResponse{VoteKind::election, false});
       }},
      {"INV-PROMISE-AFTER-WRITE", [&](Observed& o) { now_sent(o, 1, AppendResponse{}); }},
      {"INV-SPEAKS-FOR-ITSELF",
       [&](Observed& o) {
         now_sent(o, 3, VoteRequest{VoteKind::election, at(1, 2)});
       }},
      {"INV-MESSAGE-NOT-ABOVE-TERM",
       [&](Observed& o) {
         now_sent(o, 1, VoteRequest{VoteKind::election, at(1, 2)}, 2);
       }},
      {"",
       [&](Observed& o) {
         now_sent(o, 1, VoteRequest{VoteKind::pre_vote, at(1, 2)}, 2);
       }},
      {"INV-MESSAGE-NOT-ABOVE-TERM",
       [&](Observed& o) {
         now_sent(o, 1, VoteRequest{VoteKind::pre_vote, at(1, 2)}, 3);
       }},
      {"INV-ONLY-LEADERS-LEAD", [&](Observed& o) { now_sent(o, 1, HeartbeatRequest{}); }},
      {"INV-ONLY-LEADERS-LEAD", [&](Observed& o) { now_sent(o, 1, TimeoutNow{}); }},
      {"INV-ONLY-LEADERS-LEAD", [&](Observed& o) { now_sent(o, 1, AppendRequest{}); }},
      {"INV-ONLY-LEADERS-LEAD", [&](Observed& o) { now_sent(o, 1, SnapshotRequest{}); }},
      {"INV-HEARTBEAT-COMMITS-WHAT-MATCHES",
       [&](Observed& o) {
         o.lead();
         now_sent(o, 1, HeartbeatRequest{Index{1}, 0});
       }},
      {"",
       [&](Observed& o) {
         o.lead();
         now_sent(o, 1, append_of(at(1, 2), {2}, 1));
       }},
      {"INV-TELLS-WHAT-IS-COMMITTED",
       [&](Observed& o) {
         o.lead();
         now_sent(o, 1, append_of(at(1, 2), {2}, 2));
       }},
      {"INV-SENDS-ITS-LOG",
       [&](Observed& o) {
         o.lead();
         now_sent(o, 1, append_of(at(1, 2), {1}, 1));
       }},
      {"INV-SENDS-ITS-LOG",
       [&](Observed& o) {
         o.lead();
         now_sent(o, 1, append_of(at(2, 2), {2}, 1));
       }},
  });
}

TEST_CASE("A promise that the write does not make true is noticed", "[testing][invariants]") {
  const auto promise = [](Observed& o, std::uint64_t to, Message message) {
    o.take(o.ready({}, {o.envelope(1, to, std::move(message))}));
  };
  const VoteResponse vote{VoteKind::election, true};
  check_noticed({
      {"",
       [&](Observed& o) {
         o.now.voted_for = NodeId{2}, o.look();
         promise(o, 2, vote);
       }},
      {"INV-VOTE-IS-WRITTEN", [&](Observed& o) { promise(o, 2, vote); }},
      {"INV-VOTE-IS-WRITTEN",
       [&](Observed& o) {
         o.now.voted_for = NodeId{2}, o.look();
         promise(o, 3, vote);
       }},
      {"INV-ONE-VOTE",
       [&](Observed& o) {
         o.now.voted_for = NodeId{2}, o.look();
         promise(o, 2, vote);
         o.now.term = Term{2};
         o.now.voted_for.reset();
         o.look();
         Envelope late = o.envelope(1, 3, vote);
         late.term = Term{1};
         o.take(o.ready({}, {late}));
       }},
      {"INV-ACKNOWLEDGED-IS-WRITTEN",
       [&](Observed& o) {
         promise(o, 2, AppendResponse{Index{3}, std::nullopt});
       }},
  });
}

TEST_CASE("A handed out membership that is not the node's is noticed", "[testing][invariants]") {
  Observed observed;
  Ready ready = observed.ready();
  ready.membership = voters(4);
  observed.take(ready);
  CHECK(observed.violation() == "INV-MEMBERSHIP-HANDED-OUT");
}

TEST_CASE("A checked node reports what it notices and otherwise is a node",
          "[testing][invariants]") {
  auto node = CheckedNode::create({.id = NodeId{1}}, Observed::initial(), Peers::honest, report);
  REQUIRE(node);
  CHECK_FALSE(CheckedNode::create({}, Observed::initial(), Peers::honest, report));
  const auto hear = [&](std::uint64_t leader) {
    return node->step({{}, NodeId{leader}, NodeId{1}, Term{1}, HeartbeatRequest{Index{2}, 0}});
  };

  REQUIRE(hear(2));
  Ready ready;
  node->take_ready(ready);
  CHECK(ready.apply.size() == 1);
  // Two leaders in one term: that cannot be this node's fault, but honest peers do not do it.
  CHECK_THROWS_WITH(hear(3), Catch::Contains("INV-ONE-LEADER-PER-TERM"));
}
