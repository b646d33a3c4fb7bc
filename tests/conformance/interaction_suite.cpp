#include "conformance/interaction_suite.hpp"

#include <algorithm>
#include <cctype>
#include <map>

namespace raftkit::conformance {

namespace {

/// What differs from the defaults, which are Node's: nothing is limited, and nothing is on that is
/// not asked for.
RaftOptions options_of(const Case& test) {
  RaftOptions options;
  options.election_timeout_ticks = 3;
  options.heartbeat_interval_ticks = 1;
  options.pre_vote = test.flag("prevote", false);
  options.check_quorum = test.flag("checkquorum", false);
  options.step_down_on_removal = test.flag("step-down-on-removal", false);
  options.check_membership_changes = !test.flag("disable-conf-change-validation", false);
  options.storage_mode = test.flag("async-storage-writes", false) ? StorageMode::asynchronous
                                                                  : StorageMode::synchronous;
  const std::string reads = test.text("read-only", "safe");
  if (reads != "safe" && reads != "lease-based") throw BadCommand("read-only=" + reads);
  if (reads == "lease-based") options.lease_reads = LeaseReads::by_ticks;
  options.forward_proposals = test.flag("forwarding", true);
  options.max_append_bytes = test.number("max-append-size", RaftOptions::kUnlimited);
  options.max_apply_bytes = test.number("max-committed-size-per-ready", RaftOptions::kUnlimited);
  options.max_uncommitted_bytes = test.number("max-uncommitted-size", RaftOptions::kUnlimited);
  options.max_inflight_messages = test.number("inflight", 0x7fffffff);
  options.max_inflight_bytes = test.number("inflight-bytes", RaftOptions::kUnlimited);
  options.log_window_bytes = RaftOptions::kUnlimited;
  return options;
}

std::vector<NodeId> sorted(std::vector<NodeId> nodes) {
  std::sort(nodes.begin(), nodes.end());
  return nodes;
}

}  // namespace

std::string InteractionSuite::run(const Case& test) {
  out_.clear();
  try {
    dispatch(test);
  } catch (const CommandError& error) {
    // A silent command says only what went wrong.
    out_ = is_silent_ ? error.what() : out_ + error.what();
  }
  return out_.empty() ? "ok\n" : out_;
}

void InteractionSuite::write(const std::string& text) {
  if (!is_silent_) out_ += text;
}

Member& InteractionSuite::first(const Case& test) {
  const auto words = test.words();
  if (words.empty()) throw BadCommand(test.command + " needs a node");
  return group_.member(NodeId{to_number(words.front())});
}

void InteractionSuite::dispatch(const Case& test) {
  using Command = std::function<void()>;
  const auto word = [&](std::size_t at) {
    const auto words = test.words();
    if (words.size() <= at) throw BadCommand(test.command + ": an argument is missing");
    return words[at];
  };
  const auto ticks = [&](std::uint32_t count) {
    for (std::uint32_t i = 0; i < count; ++i)
      first(test).core.tick();
  };
  const std::map<std::string, Command> commands = {
      {"add-nodes", [&] { add_nodes(test); }},
      {"campaign", [&] { first(test).core.campaign(); }},
      {"compact",
       [&] {
         const Index index{to_number(word(1))};
         first(test).store.compact(index);
         first(test).core.compact(index);
         write(first(test).store.show());
       }},
      {"deliver-msgs", [&] { deliver(test); }},
      {"forget-leader", [&] { first(test).core.forget_leader(); }},
      {"log-level", [&] { set_level(word(0)); }},
      {"process-append-thread",
       [&] { for_each(test, "processing append thread", &Group::process_append); }},
      {"process-apply-thread",
       [&] { for_each(test, "processing apply thread", &Group::process_apply); }},
      {"process-ready", [&] { for_each(test, "handling Ready", &Group::process_ready); }},
      {"propose",
       [&] {
         SmallVector<Proposal, 1> proposals;
         proposals.push_back({EntryType::normal, Bytes::copy_of(word(1))});
         const auto proposed = first(test).core.propose(std::move(proposals));
         if (!proposed) Group::require(proposed.error());
       }},
      {"propose-conf-change", [&] { propose_change(test); }},
      {"raft-log", [&] { write(first(test).store.show()); }},
      {"raft-state", [&] { raft_state(); }},
      {"read-index",
       [&] { Group::require(first(test).core.read_index(ReadId{to_number(word(1))})); }},
      {"report-snapshot",
       [&] {
         const auto outcome = word(2) == "sent" ? SnapshotOutcome::sent : SnapshotOutcome::failed;
         first(test).core.report_snapshot(NodeId{to_number(word(1))}, outcome);
       }},
      {"restart", [&] { group_.restart(first(test).options.id); }},
      {"report-unreachable",
       [&] { first(test).core.report_unreachable(NodeId{to_number(word(1))}); }},
      {"send-snapshot",
       [&] { write(group_.send_snapshot(first(test).options.id, NodeId{to_number(word(1))})); }},
      {"set-randomized-election-timeout",
       [&] {
         const auto timeout = static_cast<std::uint32_t>(test.number("timeout", 0));
         first(test).core.set_randomized_election_timeout(timeout);
       }},
      {"stabilize", [&] { stabilize(test); }},
      {"status", [&] { status(first(test)); }},
      {"tick-election", [&] { ticks(first(test).options.election_timeout_ticks); }},
      {"tick-heartbeat", [&] { ticks(first(test).options.heartbeat_interval_ticks); }},
      {"transfer-leadership",
       [&] {
         group_.member(NodeId{test.number("from", 0)})
             .core.transfer_leadership(NodeId{test.number("to", 0)});
       }},
  };
  const auto command = commands.find(test.command);
  if (command == commands.end()) throw CommandError("unknown command");
  command->second();
}

void InteractionSuite::add_nodes(const Case& test) {
  NewMembers what;
  what.count = test.words().empty() ? 0 : to_number(test.words().front());
  what.options = options_of(test);
  const bool has_snapshot = test.find("voters") != nullptr || test.find("learners") != nullptr ||
                            test.find("index") != nullptr || test.find("content") != nullptr;
  if (has_snapshot) {
    const std::uint64_t index = test.number("index", 0);
    if (index <= 1) throw CommandError("index must be specified as > 1 due to bootstrap");
    const MembershipNames::Lists lists{to_nodes(test.find("voters")),
                                       to_nodes(test.find("learners"))};
    auto membership = std::make_shared<Membership>();
    membership->voters = sorted(lists.voters);
    membership->learners = sorted(lists.learners);
    what.snapshot = SnapshotMeta{{Term{1}, Index{index}}, membership};
    group_.names().remember(membership, lists);
  }
  group_.add(what);
}

void InteractionSuite::deliver(const Case& test) {
  std::vector<Group::Recipient> recipients;
  for (const Argument& argument : test.arguments) {
    if (!argument.has_value) recipients.push_back({NodeId{to_number(argument.key)}});
    if (argument.key != "drop") continue;
    for (const NodeId node : to_nodes(&argument)) {
      for (const Group::Recipient& before : recipients) {
        if (before.node == node && !before.drop)
          throw BadCommand("messages to one node are delivered and dropped");
      }
      recipients.push_back({node, true});
    }
  }
  std::string text;
  const auto count = group_.deliver(recipients, test.text("type", ""), text);
  write(count == 0 ? text + "no messages\n" : text);
}

void InteractionSuite::propose_change(const Case& test) {
  MembershipChange change;
  change.steps = read_steps(test.input);
  const std::string transition = test.text("transition", "auto");
  if (transition == "implicit") {
    change.transition = Transition::joint_implicit;
  } else if (transition == "explicit") {
    change.transition = Transition::joint_explicit;
  } else if (transition != "auto") {
    throw BadCommand("transition=" + transition);
  }
  if (test.flag("v1", false)) {
    if (change.steps.size() != 1 || change.transition != Transition::automatic)
      throw CommandError("v1 conf change can only have one operation and no transition");
    change.context = Bytes::copy_of(kFirstVersion);
  }
  const auto proposed = first(test).core.propose_membership_change(change);
  if (!proposed) Group::require(proposed.error());
}

void InteractionSuite::set_level(const std::string& level) {
  std::string lower = level;
  std::transform(lower.begin(), lower.end(), lower.begin(), [](unsigned char each) {
    return static_cast<char>(std::tolower(each));
  });
  const auto levels = {"debug", "info", "warn", "error", "fatal", "none"};
  if (std::find(levels.begin(), levels.end(), lower) == levels.end())
    throw BadCommand("log level " + level);
  is_silent_ = lower == "none";
}

void InteractionSuite::raft_state() {
  for (const NodeId node : group_.nodes()) {
    const RaftStatus state = group_.member(node).core.status();
    write(std::to_string(node.value) + ": " + show(state.role) +
          (state.membership->is_voter(node) ? " (Voter)" : " (Non-Voter)") +
          " Term:" + std::to_string(state.term.value) +
          " Lead:" + std::to_string(state.leader.value_or(NodeId{0}).value) + "\n");
  }
}

void InteractionSuite::status(Member& member) {
  for (const ProgressStatus& progress : member.core.status().progress)
    write(std::to_string(progress.node.value) + ": " + show(progress) + "\n");
}

void InteractionSuite::for_each(const Case& test, const std::string& what, Action action) {
  const auto nodes = test.nodes();
  if (nodes.empty()) throw BadCommand(test.command + " needs a node");
  for (const NodeId node : nodes) {
    Member& member = group_.member(node);
    if (nodes.size() == 1) {
      std::string text;
      (group_.*action)(member, text);
      write(text);
      return;
    }
    write("> " + std::to_string(node.value) + " " + what + "\n");
    indented([&](std::string& text) { (group_.*action)(member, text); });
  }
}

void InteractionSuite::indented(const std::function<void(std::string&)>& action) {
  std::string text;
  const auto copy = [&] {
    for (std::size_t at = 0; at < text.size();) {
      const std::size_t end = std::min(text.find('\n', at), text.size());
      write("  " + text.substr(at, end - at) + "\n");
      at = end + 1;
    }
  };
  try {
    action(text);
  } catch (const CommandError&) {
    copy();
    throw;
  }
  copy();
}

void InteractionSuite::stabilize(const Case& test) {
  const bool was_silent = is_silent_;
  if (test.find("log-level") != nullptr) set_level(test.text("log-level", ""));
  auto nodes = test.nodes();
  if (nodes.empty()) nodes = group_.nodes();
  try {
    while (stabilize_once(nodes)) {
    }
  } catch (const CommandError& error) {
    const std::string what = error.what();
    out_ = is_silent_ ? what : out_ + what;
  }
  is_silent_ = was_silent;
}

bool InteractionSuite::stabilize_once(const std::vector<NodeId>& nodes) {
  bool did_something = false;
  const auto begin = [&](NodeId node, const char* what) {
    did_something = true;
    write("> " + std::to_string(node.value) + " " + what + "\n");
  };
  for (const NodeId node : nodes) {
    Member& member = group_.member(node);
    if (!member.core.has_ready()) continue;
    begin(node, "handling Ready");
    indented([&](std::string& text) { group_.process_ready(member, text); });
  }
  for (const NodeId node : nodes) {
    if (!group_.has_parcel_for(node)) continue;
    begin(node, "receiving messages");
    indented([&](std::string& text) { group_.deliver({{node}}, "", text); });
  }
  for (const NodeId node : nodes) {
    Member& member = group_.member(node);
    if (member.append_work.empty()) continue;
    begin(node, "processing append thread");
    while (!member.append_work.empty())
      indented([&](std::string& text) { group_.process_append(member, text); });
  }
  for (const NodeId node : nodes) {
    Member& member = group_.member(node);
    if (member.apply_work.empty()) continue;
    begin(node, "processing apply thread");
    while (!member.apply_work.empty())
      indented([&](std::string& text) { group_.process_apply(member, text); });
  }
  return did_something;
}

}  // namespace raftkit::conformance
