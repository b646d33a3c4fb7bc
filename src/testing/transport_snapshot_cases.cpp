#include <algorithm>

#include "testing/transport_bench.hpp"

namespace raftkit::testing {

namespace {

SnapshotMeta meta() {
  Membership membership;
  membership.voters = {NodeId{1}, NodeId{2}, NodeId{3}};
  return {{Term{6}, Index{1000}}, std::make_shared<const Membership>(membership)};
}

std::string text(std::size_t size) {
  return std::string(content(size).view());
}

std::unique_ptr<SnapshotSource> source(std::string content,
                                       std::optional<Errc> failure = std::nullopt) {
  return std::make_unique<TestSource>(meta(), std::move(content), failure);
}

using Outcome = std::shared_ptr<std::optional<Result<void>>>;

/// Waits for the end of a transfer.
Result<void> ended(const TestNode& node, const Outcome& outcome) {
  // The outcome is written under the lock that reports() takes.
  node.await("the end of a snapshot transfer", [&] {
    (void)node.reports();
    return outcome->has_value();
  });
  return **outcome;
}

void expect_failure(const TestNode& node, const Outcome& outcome, Errc expected) {
  const auto result = ended(node, outcome);
  expect(!result, "a transfer succeeds that cannot have");
  expect(result.error() == expected, "a transfer fails with: " + result.error().message());
}

std::size_t snapshot_requests(const TestNode& node) {
  const auto messages = node.messages();
  return static_cast<std::size_t>(
      std::count_if(messages.begin(), messages.end(), [](const Envelope& envelope) {
        return std::holds_alternative<SnapshotRequest>(envelope.message);
      }));
}

void a_snapshot_arrives(Bench& bench) {
  const auto nodes = bench.connected(2);
  for (const std::size_t size : {std::size_t{0}, std::size_t{1}, std::size_t{5'000'000}}) {
    const std::size_t before = nodes[1]->messages().size();
    const auto outcome = nodes[0]->send_snapshot(*nodes[1], source(text(size)));
    const auto result = ended(*nodes[0], outcome);
    expect(result.has_value(), "a snapshot fails: " + (result ? "" : result.error().message()));
    const auto received = nodes[1]->snapshots().back();
    {
      const std::lock_guard lock(received->mutex);
      expect(received->committed, "a transfer succeeds before its snapshot is committed");
      expect(received->content == text(size), "a snapshot arrives altered");
    }
    nodes[1]->await_messages(before + 1);
    expect(nodes[1]->messages().back() == envelope(*nodes[0], *nodes[1], SnapshotRequest{meta()}),
           "the SnapshotRequest arrives altered");
  }
}

void messages_go_on_meanwhile(Bench& bench) {
  const auto nodes = bench.connected(2);
  const auto alive = std::make_shared<std::atomic<int>>(0);
  const auto endless =
      nodes[0]->send_snapshot(*nodes[1], std::make_unique<TestSource>(meta(), alive));
  nodes[1]->await("a snapshot to begin", [&] { return !nodes[1]->snapshots().empty(); });
  nodes[0]->send({heartbeat(*nodes[0], *nodes[1], 1)});
  nodes[1]->await_messages(1);
  const auto back = nodes[1]->send_snapshot(*nodes[0], source(text(100'000)));
  expect(ended(*nodes[1], back).has_value(), "snapshots do not go both ways at once");

  expect_failure(*nodes[0], nodes[0]->send_snapshot(*nodes[1], source("x")), Errc::already_exists);
  expect(!endless->has_value(), "a second transfer ends the first");
  nodes[0]->stop();
  expect_failure(*nodes[0], endless, Errc::stopped);
  expect(*alive == 0, "a source lives on after stop");
  expect(snapshot_requests(*nodes[1]) == 0, "half a snapshot is delivered");
}

void a_refused_snapshot(Bench& bench) {
  const auto nodes = bench.connected(2);
  nodes[1]->set_snapshot_policy({Errc::overloaded, std::nullopt, std::nullopt});
  expect_failure(
      *nodes[0], nodes[0]->send_snapshot(*nodes[1], source(text(3'000'000))), Errc::overloaded);
  bench.wait_quietly();
  expect(snapshot_requests(*nodes[1]) == 0, "a refused snapshot is delivered");

  nodes[1]->set_snapshot_policy({});
  expect(ended(*nodes[0], nodes[0]->send_snapshot(*nodes[1], source("x"))).has_value(),
         "after a refusal nothing works any more");
}

void a_sink_that_fails(Bench& bench) {
  const auto nodes = bench.connected(2);
  nodes[1]->set_snapshot_policy({std::nullopt, Errc::out_of_space, std::nullopt});
  expect_failure(
      *nodes[0], nodes[0]->send_snapshot(*nodes[1], source(text(8'000'000))), Errc::out_of_space);
  nodes[1]->set_snapshot_policy({std::nullopt, std::nullopt, Errc::io_error});
  expect_failure(
      *nodes[0], nodes[0]->send_snapshot(*nodes[1], source(text(10'000))), Errc::io_error);
  bench.wait_quietly();
  expect(snapshot_requests(*nodes[1]) == 0, "a snapshot is delivered that was not committed");
}

void a_source_that_fails(Bench& bench) {
  const auto nodes = bench.connected(2);
  const auto outcome =
      nodes[0]->send_snapshot(*nodes[1], source(text(600'000), Errc::corrupt_data));
  expect_failure(*nodes[0], outcome, Errc::corrupt_data);
  bench.wait_quietly();
  for (const auto& received : nodes[1]->snapshots()) {
    const std::lock_guard lock(received->mutex);
    expect(!received->committed, "a snapshot is committed whose source failed");
  }
  expect(snapshot_requests(*nodes[1]) == 0, "a snapshot is delivered whose source failed");
}

void a_receiver_that_dies(Bench& bench) {
  const auto nodes = bench.connected(2);
  const auto alive = std::make_shared<std::atomic<int>>(0);
  const auto outcome =
      nodes[0]->send_snapshot(*nodes[1], std::make_unique<TestSource>(meta(), alive));
  nodes[1]->await("a snapshot to begin", [&] { return !nodes[1]->snapshots().empty(); });
  nodes[1]->kill();
  expect_failure(*nodes[0], outcome, Errc::peer_unreachable);
  expect(*alive == 0, "a source lives on after its transfer");
}

void a_sender_that_dies(Bench& bench) {
  const auto nodes = bench.connected(2);
  const auto alive = std::make_shared<std::atomic<int>>(0);
  const auto outcome =
      nodes[0]->send_snapshot(*nodes[1], std::make_unique<TestSource>(meta(), alive));
  nodes[1]->await("a snapshot to begin", [&] { return !nodes[1]->snapshots().empty(); });
  nodes[0]->kill();
  expect(*alive == 0, "a source lives on after its transport");
  nodes[1]->await("the sink to be let go",
                  [&] { return nodes[1]->snapshots().front().use_count() <= 2; });
  expect(snapshot_requests(*nodes[1]) == 0, "half a snapshot is delivered");
}

void snapshots_to_nowhere(Bench& bench) {
  const auto nodes = bench.connected(2);
  nodes[0]->set_peers({});
  expect_failure(*nodes[0], nodes[0]->send_snapshot(*nodes[1], source("x")), Errc::peer_not_found);
  nodes[0]->set_peers({nodes[1]});
  nodes[1]->kill();
  expect_failure(
      *nodes[0], nodes[0]->send_snapshot(*nodes[1], source("x")), Errc::peer_unreachable);
}

void stopping_both_ends(Bench& bench) {
  const auto nodes = bench.connected(2);
  const auto alive = std::make_shared<std::atomic<int>>(0);
  for (std::size_t from : {std::size_t{0}, std::size_t{1}}) {
    (void)nodes[from]->send_snapshot(*nodes[1 - from], std::make_unique<TestSource>(meta(), alive));
    nodes[1 - from]->await("a snapshot to begin",
                           [&] { return !nodes[1 - from]->snapshots().empty(); });
  }
  nodes[1]->stop();
  nodes[0]->stop();
  expect(*alive == 0, "a source lives on after stop");
}

}  // namespace

CaseDefinitions<Bench> snapshot_cases() {
  return {
      {"a snapshot arrives and is committed before it is delivered", a_snapshot_arrives},
      {"a snapshot disturbs neither messages nor other snapshots", messages_go_on_meanwhile},
      {"a snapshot that the handler refuses fails there", a_refused_snapshot},
      {"a snapshot whose sink fails ends with the sink's error", a_sink_that_fails},
      {"a snapshot whose source fails is not committed", a_source_that_fails},
      {"a snapshot fails when its receiver dies", a_receiver_that_dies},
      {"a snapshot is dropped when its sender dies", a_sender_that_dies},
      {"a snapshot to nobody fails", snapshots_to_nowhere},
      {"both ends of a snapshot can be stopped", stopping_both_ends},
  };
}

}  // namespace raftkit::testing
