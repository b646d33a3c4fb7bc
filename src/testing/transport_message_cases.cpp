#include <algorithm>

#include "testing/transport_bench.hpp"

namespace raftkit::testing {

namespace {

std::vector<Message> one_of_each_kind() {
  AppendRequest append{{Term{3}, Index{8}}, Index{5}, {}};
  append.entries.push_back({{Term{3}, Index{9}}, EntryType::normal, content(100)});
  append.entries.push_back({{Term{4}, Index{10}}, EntryType::membership, content(5000)});
  append.entries.push_back({{Term{7}, Index{11}}, EntryType::normal, {}});
  ProposeRequest propose{{0xffffffffffffffff, 1}, {}};
  propose.proposals.push_back({EntryType::normal, content(10)});
  propose.proposals.push_back({EntryType::member_update, {}});
  const EntryId id{Term{6}, Index{0xffffffffffffffff}};
  return {VoteRequest{VoteKind::pre_vote, id, 0xffffffff},
          VoteResponse{VoteKind::transfer, true},
          append,
          AppendResponse{Index{7}, std::nullopt},
          AppendResponse{Index{7}, AppendResponse::Rejection{id}},
          HeartbeatRequest{Index{1}, 0xffffffffffffffff},
          HeartbeatResponse{2},
          TransferRequest{NodeId{3}},
          TimeoutNow{},
          propose,
          ProposeResponse{{1, 2}, id},
          ProposeResponse{{1, 2}, std::nullopt},
          ReadIndexRequest{ReadId{5}},
          ReadIndexResponse{ReadId{5}, Index{6}}};
}

std::vector<Envelope> of_class(const std::vector<Envelope>& envelopes, MessageClass wanted) {
  std::vector<Envelope> found;
  for (const Envelope& envelope : envelopes) {
    if (message_class(envelope.message) == wanted) found.push_back(envelope);
  }
  return found;
}

void expect_same_order(const TestNode& to, const std::vector<Envelope>& sent) {
  for (const auto message_class : {MessageClass::control, MessageClass::bulk}) {
    expect(of_class(to.messages(), message_class) == of_class(sent, message_class),
           "messages of a class do not arrive as they were sent");
  }
}

void every_kind_arrives_unaltered(Bench& bench) {
  const auto nodes = bench.connected(2);
  std::vector<Envelope> sent;
  for (Message& message : one_of_each_kind())
    sent.push_back(envelope(*nodes[0], *nodes[1], std::move(message)));
  sent.front().group = GroupId{9};
  nodes[0]->send(sent);
  nodes[1]->await_messages(sent.size());
  bench.wait_quietly();
  expect_same_order(*nodes[1], sent);
}

void order_within_a_class(Bench& bench) {
  const auto nodes = bench.connected(2);
  std::vector<Envelope> sent;
  for (std::uint64_t i = 1; i <= 3000; ++i) {
    const bool is_append = i % 3 != 0;
    sent.push_back(is_append ? append(*nodes[0], *nodes[1], i, content(i % 7 * 100))
                             : heartbeat(*nodes[0], *nodes[1], i));
  }
  for (std::size_t i = 0; i < sent.size(); i += 50) {
    const auto at = sent.begin() + static_cast<std::ptrdiff_t>(i);
    nodes[0]->send({at, at + 50});
  }
  nodes[1]->await_messages(sent.size());
  expect_same_order(*nodes[1], sent);
}

void both_directions_at_once(Bench& bench) {
  const auto nodes = bench.connected(3);
  constexpr std::uint64_t kRounds = 200;
  for (std::uint64_t round = 1; round <= kRounds; ++round) {
    for (TestNode* from : nodes) {
      std::vector<Envelope> batch;
      for (const TestNode* to : nodes) {
        if (from != to) batch.push_back(append(*from, *to, round, content(2000)));
      }
      from->send(std::move(batch));
    }
  }
  for (const TestNode* node : nodes)
    node->await_messages(2 * kRounds);
}

void a_large_message(Bench& bench) {
  const auto nodes = bench.connected(2);
  const auto large = append(*nodes[0], *nodes[1], 1, content(bench.options.large_message_bytes));
  nodes[0]->send({large, heartbeat(*nodes[0], *nodes[1], 1)});
  nodes[1]->await_messages(2);
  expect_same_order(*nodes[1], {large, heartbeat(*nodes[0], *nodes[1], 1)});
}

void only_to_whom_it_is_addressed(Bench& bench) {
  const auto nodes = bench.connected(3);
  std::vector<Envelope> sent;
  for (std::uint64_t i = 1; i <= 100; ++i)
    sent.push_back(heartbeat(*nodes[0], *nodes[1 + i % 2], i));
  nodes[0]->send(sent);
  nodes[1]->await_messages(50);
  nodes[2]->await_messages(50);
  bench.wait_quietly();
  for (const TestNode* node : {nodes[1], nodes[2]}) {
    const auto messages = node->messages();
    expect(std::all_of(messages.begin(),
                       messages.end(),
                       [&](const Envelope& message) { return message.to == node->id(); }),
           "a message arrives at another node than the one it is addressed to");
  }
  expect(nodes[0]->messages().empty(), "a node hears itself");
}

void nobody_speaks_for_another(Bench& bench) {
  const auto nodes = bench.connected(3);
  auto forged = heartbeat(*nodes[0], *nodes[1], 666);
  forged.from = nodes[2]->id();
  nodes[0]->send({forged});
  nodes[2]->send({heartbeat(*nodes[2], *nodes[1], 1)});
  nodes[1]->await_messages(1);
  bench.wait_quietly();
  const auto messages = nodes[1]->messages();
  expect(messages == std::vector{heartbeat(*nodes[2], *nodes[1], 1)},
         "a message arrives whose sender is not who it says");
}

void unknown_nodes(Bench& bench) {
  const auto nodes = bench.connected(2);
  auto stray = heartbeat(*nodes[0], *nodes[1], 1);
  stray.to = NodeId{99};
  nodes[0]->send({stray, heartbeat(*nodes[0], *nodes[1], 2)});
  nodes[1]->await_messages(1);
  expect(nodes[1]->messages() == std::vector{heartbeat(*nodes[0], *nodes[1], 2)},
         "a message to nobody arrives somewhere");
}

/// Payloads that know how many of them are still held.
class CountedPayloads {
 public:
  Bytes make(std::size_t size) {
    *alive_ += size;
    const Bytes memory = content(size);
    const std::shared_ptr<const void> owner(
        memory.data(), [memory, alive = alive_](const void*) { *alive -= memory.size(); });
    return Bytes::aliasing(owner, memory.span());
  }
  [[nodiscard]] std::size_t alive_bytes() const { return *alive_; }

 private:
  std::shared_ptr<std::atomic<std::size_t>> alive_ = std::make_shared<std::atomic<std::size_t>>(0);
};

/// Sends much more than may be queued, in pieces.
void flood(TestNode& from, const TestNode& to, CountedPayloads& payloads, std::size_t total) {
  constexpr std::size_t kPiece = 100'000;
  std::uint64_t index = 0;
  for (std::size_t sent = 0; sent < total; sent += 10 * kPiece) {
    std::vector<Envelope> batch;
    for (int i = 0; i < 10; ++i)
      batch.push_back(append(from, to, ++index, payloads.make(kPiece)));
    from.send(std::move(batch));
  }
}

void a_dead_peer_costs_nothing(Bench& bench) {
  TestNode& alive = bench.add(1);
  TestNode& dead = bench.add(2);
  alive.set_peers({&dead});
  alive.await_connected(dead);
  dead.kill();
  CountedPayloads payloads;
  flood(alive, dead, payloads, 2 * bench.options.max_queue_bytes);
  expect(payloads.alive_bytes() <= bench.options.max_queue_bytes,
         "messages pile up for a dead peer");
  alive.await("that the queue of a dead peer is dropped",
              [&] { return payloads.alive_bytes() == 0; });
}

void a_stuck_peer_costs_its_queue(Bench& bench) {
  const auto nodes = bench.connected(3);
  const auto release = nodes[1]->block();
  CountedPayloads payloads;
  flood(*nodes[0], *nodes[1], payloads, 3 * bench.options.max_queue_bytes);
  const std::size_t held = payloads.alive_bytes();
  nodes[0]->send({heartbeat(*nodes[0], *nodes[2], 1)});
  nodes[2]->await_messages(1);
  release();
  expect(held <= bench.options.max_queue_bytes, "messages pile up for a peer that takes none");
  nodes[0]->await("a report that messages are dropped", [&] {
    return nodes[0]->was_reported(*nodes[1], PeerState::dropping, Errc::overloaded) ||
           nodes[0]->was_reported(*nodes[1], PeerState::disconnected, Errc::timed_out);
  });
  nodes[0]->await("that the peer takes messages again", [&] {
    nodes[0]->send({heartbeat(*nodes[0], *nodes[1], 42)});
    const auto messages = nodes[1]->messages();
    return std::find(messages.begin(), messages.end(), heartbeat(*nodes[0], *nodes[1], 42)) !=
           messages.end();
  });
}

}  // namespace

CaseDefinitions<Bench> message_cases() {
  return {
      {"messages of every kind arrive unaltered", every_kind_arrives_unaltered},
      {"messages of one class arrive in order", order_within_a_class},
      {"all nodes talk to all others at once", both_directions_at_once},
      {"a large message arrives", a_large_message},
      {"a message arrives only where it is addressed to", only_to_whom_it_is_addressed},
      {"nobody speaks for another node", nobody_speaks_for_another},
      {"messages to unknown nodes are dropped", unknown_nodes},
      {"messages to a dead peer are dropped", a_dead_peer_costs_nothing},
      {"a peer that takes nothing costs its queue and no more", a_stuck_peer_costs_its_queue},
  };
}

}  // namespace raftkit::testing
