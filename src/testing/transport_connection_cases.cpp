#include <algorithm>

#include "testing/transport_bench.hpp"

namespace raftkit::testing {

namespace {

bool has(const TestNode& node, const Envelope& wanted) {
  const auto messages = node.messages();
  return std::find(messages.begin(), messages.end(), wanted) != messages.end();
}

void connections_are_reported(Bench& bench) {
  TestNode& one = bench.add(1);
  TestNode& two = bench.add(2);
  one.set_peers({&two});
  one.await_connected(two);
  two.stop();
  one.await("a report that the connection broke", [&] {
    const auto reports = one.reports();
    return std::any_of(reports.begin(), reports.end(), [](const PeerReport& report) {
      return report.state == PeerState::disconnected;
    });
  });
  one.await("a report that nobody is there",
            [&] { return one.state_of(two) == PeerState::refused; });
  one.set_peers({&bench.add(2)});
  one.await("a new connection", [&] {
    const auto reports = one.reports();
    return !reports.empty() && reports.back().state == PeerState::connected;
  });
}

void a_failure_is_reported_once(Bench& bench) {
  TestNode& one = bench.add(1);
  TestNode& two = bench.add(2);
  two.stop();
  one.set_peers({&two});
  one.await("a report that nobody is there",
            [&] { return one.state_of(two) == PeerState::refused; });
  const std::size_t before = one.reports().size();
  bench.wait_quietly();
  expect(one.reports().size() == before, "the same failure is reported again and again");
}

void nothing_old_after_a_reconnect(Bench& bench) {
  auto nodes = bench.connected(2);
  TestNode& one = *nodes[0];
  // What waits for a peer that takes nothing must not reach its successor.
  auto release = nodes[1]->block();
  for (std::uint64_t i = 1; i <= 200; ++i)
    one.send({append(one, *nodes[1], i, content(50'000)), heartbeat(one, *nodes[1], i)});
  release();
  nodes[1]->kill();
  // Nor what is sent while nobody is there.
  one.send({heartbeat(one, *nodes[1], 1000)});
  one.await("that the loss is noticed",
            [&] { return one.state_of(*nodes[1]) != PeerState::connected; });
  one.send({heartbeat(one, *nodes[1], 1001)});

  TestNode& successor = bench.add(2);
  one.set_peers({&successor});
  one.await_connected(successor);
  const auto fresh = heartbeat(one, successor, 2000);
  one.send({fresh});
  successor.await_messages(1);
  bench.wait_quietly();
  expect(successor.messages() == std::vector{fresh},
         "something that was sent before the reconnect arrives after it");
}

void removed_peers(Bench& bench) {
  const auto nodes = bench.connected(3);
  TestNode& one = *nodes[0];
  const auto last_words = heartbeat(one, *nodes[1], 1);
  one.run([&](Transport& transport) {
    std::vector<Envelope> batch = {last_words};
    transport.send(batch);
    transport.set_peers({{nodes[2]->id(), nodes[2]->peer_urls()}});
    batch = {heartbeat(one, *nodes[1], 2), heartbeat(one, *nodes[2], 3)};
    transport.send(batch);
  });
  nodes[1]->await_messages(1);
  nodes[2]->await_messages(1);
  bench.wait_quietly();
  expect(nodes[1]->messages() == std::vector{last_words}, "a node that is no peer gets messages");

  const std::size_t reports = one.reports().size();
  nodes[1]->stop();
  bench.wait_quietly();
  expect(one.reports().size() == reports, "there are reports about a node that is no peer");
}

void added_peers(Bench& bench) {
  const auto nodes = bench.connected(2);
  nodes[0]->set_peers({});
  nodes[0]->set_peers({nodes[1]});
  TestNode& third = bench.add(3);
  nodes[0]->set_peers({nodes[1], &third, nodes[0]});
  third.set_peers({nodes[0]});
  nodes[0]->await_connected(*nodes[1]);
  nodes[0]->await_connected(third);
  third.await_connected(*nodes[0]);
  nodes[0]->send({heartbeat(*nodes[0], third, 1), heartbeat(*nodes[0], *nodes[1], 2)});
  third.send({heartbeat(third, *nodes[0], 3)});
  third.await_messages(1);
  nodes[1]->await_messages(1);
  nodes[0]->await_messages(1);
}

void a_refused_caller(Bench& bench) {
  TestNode& one = bench.add(1);
  TestNode& two = bench.add(2);
  two.refuse(one.id(), Errc::store_mismatch);
  one.set_peers({&two});
  one.await("a report that it was rejected, by the peer", [&] {
    return one.was_reported(two, PeerState::rejected, Errc::store_mismatch, PeerReport::By::peer);
  });
  two.await("a report that it rejects",
            [&] { return two.was_reported(one, PeerState::rejected, Errc::store_mismatch); });
  one.send({heartbeat(one, two, 1)});
  bench.wait_quietly();
  expect(two.messages().empty(), "a message of a node that was refused arrives");

  two.refuse(one.id(), std::nullopt);
  one.await_connected(two);
  one.send({heartbeat(one, two, 2)});
  two.await_messages(1);
}

void an_introduction(Bench& bench) {
  TestNode& one = bench.add(1);
  TestNode& two = bench.add(2);
  one.set_peers({&two});
  one.await_connected(two);
  const LocalIdentity& self = one.identity();
  expect(two.introduction_of(one) ==
             Introduction{self.node, self.store, TestNode::kKnowsUpTo, self.peer_urls},
         "a caller is introduced with something else than it is");
  const auto answer = one.introduction_of(two);
  expect(answer && answer->node == two.id() && answer->store == two.identity().store,
         "whoever answers is introduced as somebody else");
}

/// What it knows when it calls is all that the other side knows of it.
void a_caller_that_is_no_peer(Bench& bench) {
  const auto nodes = bench.connected(2);
  TestNode& one = *nodes[0];
  TestNode& two = *nodes[1];
  const auto is_hung_up_on = [&](PeerState state, Errc code, PeerReport::By by) {
    one.await("that it is hung up on", [&] {
      one.send({heartbeat(one, two, 1)});
      return one.was_reported(two, state, code, by);
    });
  };
  two.set_peers({});
  is_hung_up_on(PeerState::disconnected, Errc::peer_unreachable, PeerReport::By::us);
  one.await_connected(two);  // let in again, and still no peer
  two.refuse(one.id(), Errc::peer_not_found);
  is_hung_up_on(PeerState::rejected, Errc::peer_not_found, PeerReport::By::peer);
  two.refuse(one.id(), std::nullopt);
  one.await_connected(two);
  two.set_peers({&one});
  two.await_connected(one);
}

void a_refused_answer(Bench& bench) {
  TestNode& one = bench.add(1);
  TestNode& two = bench.add(2);
  one.refuse(two.id(), Errc::store_mismatch);
  one.set_peers({&two});
  one.await("a report that it rejects",
            [&] { return one.was_reported(two, PeerState::rejected, Errc::store_mismatch); });
  one.send({heartbeat(one, two, 1)});
  bench.wait_quietly();
  expect(two.messages().empty(), "a message to a node that was refused arrives");
}

void another_cluster(Bench& bench) {
  TestNode& one = bench.add(1);
  TestNode& other = bench.add(2, ClusterId{0xc2});
  one.set_peers({&other});
  one.await("a report that it was rejected, by the peer", [&] {
    return one.was_reported(
        other, PeerState::rejected, Errc::cluster_mismatch, PeerReport::By::peer);
  });
  other.await("a report that it rejects",
              [&] { return other.was_reported(one, PeerState::rejected, Errc::cluster_mismatch); });
  const auto reports = one.reports();
  const auto& text = reports.back().error.message();
  expect(text.find("c1") != std::string::npos && text.find("c2") != std::string::npos,
         "the report does not name both clusters: " + text);
  one.send({heartbeat(one, other, 1)});
  bench.wait_quietly();
  expect(other.messages().empty(), "a message crosses from one cluster to another");
}

void one_connection_breaks_and_the_others_do_not_care(Bench& bench) {
  const auto nodes = bench.connected(3);
  nodes[1]->kill();
  for (std::uint64_t i = 1; i <= 100; ++i)
    nodes[0]->send({heartbeat(*nodes[0], *nodes[1], i), heartbeat(*nodes[0], *nodes[2], i)});
  nodes[2]->await_messages(100);
}

void stopping_while_busy(Bench& bench) {
  const auto nodes = bench.connected(3);
  for (std::uint64_t i = 1; i <= 300; ++i) {
    for (TestNode* from : nodes) {
      std::vector<Envelope> batch;
      for (const TestNode* to : nodes) {
        if (from != to) batch.push_back(append(*from, *to, i, content(20'000)));
      }
      from->send(std::move(batch));
    }
    if (i == 150) nodes[1]->stop();
    if (i >= 150) nodes[1]->check_calls();
    if (i == 150) break;
  }
  nodes[0]->stop();
  nodes[2]->stop();
  for (const TestNode* node : nodes)
    node->check_calls();
}

void stopping_before_anything(Bench& bench) {
  TestNode& one = bench.add(1);
  one.stop();
  TestNode& again = bench.add(1);
  again.set_peers({});
  again.stop();
}

void a_restart_is_noticed_by_all(Bench& bench) {
  const auto nodes = bench.connected(3);
  nodes[1]->kill();
  TestNode& successor = bench.add(2);
  successor.set_peers({nodes[0], nodes[2]});
  successor.await_connected(*nodes[0]);
  successor.await_connected(*nodes[2]);
  for (TestNode* node : {nodes[0], nodes[2]}) {
    const auto greeting = heartbeat(*node, successor, 7);
    node->await("that it reaches the restarted node", [&] {
      node->send({greeting});
      return has(successor, greeting);
    });
  }
}

}  // namespace

CaseDefinitions<Bench> connection_cases() {
  return {
      {"connections are reported as they come and go", connections_are_reported},
      {"the same failure is reported once", a_failure_is_reported_once},
      {"nothing old arrives after a reconnect", nothing_old_after_a_reconnect},
      {"a removed peer gets what was queued and nothing else", removed_peers},
      {"added peers are reached", added_peers},
      {"callers and those who answer introduce themselves", an_introduction},
      {"a caller that the handler refuses is rejected", a_refused_caller},
      {"a caller that is no peer any more is hung up on, and may call again",
       a_caller_that_is_no_peer},
      {"an answer that the handler refuses is rejected", a_refused_answer},
      {"nodes of different clusters reject each other", another_cluster},
      {"a broken connection does not disturb the others",
       one_connection_breaks_and_the_others_do_not_care},
      {"a node can be stopped while it is busy", stopping_while_busy},
      {"a node can be stopped before it did anything", stopping_before_anything},
      {"a restarted node is reached again", a_restart_is_noticed_by_all},
  };
}

}  // namespace raftkit::testing
