// A group of one with its own loop: elects itself and commits one command.
#include <cstdio>

#include "raftkit/raw_node.hpp"

using namespace raftkit;

int main() {
  Membership membership;
  membership.voters = {NodeId{1}};
  InitialState initial;
  initial.hard_state = {Term{1}, std::nullopt, Index{1}};
  initial.membership = std::make_shared<const Membership>(membership);
  initial.applied = Index{1};
  initial.base = {Term{1}, Index{1}};
  RaftOptions options;
  options.id = NodeId{1};
  auto node = RawNode::create(options, initial);
  if (!node) return 1;

  bool is_proposed = false;
  Ready ready;
  for (int tick = 0; tick < 100; ++tick) {
    node->tick();
    while (node->has_ready()) {
      node->take_ready(ready);
      if (ready.persist) {
        for (Envelope& own : ready.persist->send_after)
          (void)node->step(std::move(own));
        node->persisted(ready.persist->id);
      }
      for (const Entry& entry : ready.apply) {
        node->applied(entry.id.index);
        if (entry.payload.view() == "hello") {
          std::printf("committed %s\n", to_string(entry.id).c_str());
          return 0;
        }
      }
    }
    if (!is_proposed) {
      is_proposed =
          node->propose({Proposal{EntryType::normal, Bytes::copy_of("hello")}}).has_value();
    }
  }
  return 1;
}
