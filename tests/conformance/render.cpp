#include "conformance/render.hpp"

#include <algorithm>
#include <cstdio>

#include "conformance/script.hpp"

namespace raftkit::conformance {

namespace {

std::string show_list(const std::vector<NodeId>& nodes) {
  std::string text = "[";
  for (const NodeId node : nodes)
    text += (text.size() > 1 ? " " : "") + std::to_string(node.value);
  return text + "]";
}

/// The length of the UTF-8 sequence that `text` begins with; 0 if it is none.
std::size_t utf8_length(std::string_view text) {
  const auto byte = [&](std::size_t at) { return static_cast<unsigned char>(text[at]); };
  const std::size_t length = byte(0) < 0xC2   ? 0
                             : byte(0) < 0xE0 ? 2
                             : byte(0) < 0xF0 ? 3
                             : byte(0) < 0xF5 ? 4
                                              : 0;
  if (length == 0 || text.size() < length) return 0;
  for (std::size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xC0) != 0x80) return 0;
  }
  return length;
}

std::string quoted(std::string_view text) {
  static constexpr std::string_view kNames = "\"\"\\\\\nn\tt\rr\aa\bb\ff\vv";
  std::string out = "\"";
  while (!text.empty()) {
    const char next = text.front();
    std::size_t taken = 1;
    const auto name = kNames.find(next);
    if (name != std::string_view::npos && name % 2 == 0) {
      out += '\\';
      out += kNames[name + 1];
    } else if (next >= 0x20 && next < 0x7F) {
      out += next;
    } else if (const std::size_t length = utf8_length(text); length > 0) {
      out += text.substr(0, length);
      taken = length;
    } else {
      char escape[5];
      std::snprintf(escape, sizeof escape, "\\x%02x", static_cast<unsigned char>(next));
      out += escape;
    }
    text.remove_prefix(taken);
  }
  return out + "\"";
}

constexpr std::string_view kOperations = "vlru";  // in the order of MemberOperation

std::string show_steps(const std::vector<MemberStep>& steps) {
  std::string text;
  for (const MemberStep& step : steps) {
    if (!text.empty()) text += ' ';
    text += kOperations[static_cast<std::size_t>(step.operation)];
    text += std::to_string(step.member.id.value);
  }
  return text;
}

std::string_view show(VoteKind kind, bool is_answer) {
  if (kind == VoteKind::pre_vote) return is_answer ? "MsgPreVoteResp" : "MsgPreVote";
  return is_answer ? "MsgVoteResp" : "MsgVote";
}

struct Describe {
  MessageText& text;

  void operator()(const VoteRequest& m) const {
    text.type = show(m.kind, false);
    text.log = m.last;
  }
  void operator()(const VoteResponse& m) const {
    text.type = show(m.kind, true);
    if (!m.granted) text.hint = Index{0};
  }
  void operator()(const AppendRequest& m) const {
    text.type = "MsgApp";
    text.log = m.previous;
    text.commit = m.commit;
    text.entries.assign(m.entries.begin(), m.entries.end());
  }
  void operator()(const AppendResponse& m) const {
    text.type = "MsgAppResp";
    text.log.index = m.index;
    if (!m.rejection) return;
    text.log.term = m.rejection->hint.term;
    text.hint = m.rejection->hint.index;
  }
  void operator()(const HeartbeatRequest& m) const {
    text.type = "MsgHeartbeat";
    text.commit = m.commit;
  }
  void operator()(const HeartbeatResponse&) const { text.type = "MsgHeartbeatResp"; }
  void operator()(const SnapshotRequest& m) const {
    text.type = "MsgSnap";
    text.snapshot = m.snapshot;
  }
  void operator()(const TransferRequest& m) const {
    text.type = "MsgTransferLeader";
    text.from = m.target;
  }
  void operator()(const TimeoutNow&) const { text.type = "MsgTimeoutNow"; }
  void operator()(const ProposeRequest& m) const {
    text.type = "MsgProp";
    for (const Proposal& proposal : m.proposals)
      text.entries.push_back({{}, proposal.type, proposal.payload});
  }
  void operator()(const ProposeResponse&) const { throw BadCommand("not a message of the core"); }
  void operator()(const ReadIndexRequest&) const { text.type = "MsgReadIndex"; }
  void operator()(const ReadIndexResponse& m) const {
    text.type = "MsgReadIndexResp";
    text.log.index = m.index;
  }
};

}  // namespace

std::string show_id(NodeId node) {
  if (node == NodeId{0}) return "None";
  if (node == kAppendThread) return "AppendThread";
  if (node == kApplyThread) return "ApplyThread";
  return to_hex(node.value);
}

std::string show(Role role) {
  switch (role) {
    case Role::follower:
      return "StateFollower";
    case Role::pre_candidate:
      return "StatePreCandidate";
    case Role::candidate:
      return "StateCandidate";
    case Role::leader:
      return "StateLeader";
  }
  return "?";
}

std::string show(const Entry& entry) {
  std::string text =
      std::to_string(entry.id.term.value) + "/" + std::to_string(entry.id.index.value) + " ";
  if (entry.type == EntryType::normal) return text + "EntryNormal " + quoted(entry.payload.view());
  const auto change = decode_membership_change(entry.payload);
  if (!change) throw BadCommand("an entry of the log is not a membership change");
  text += change->context.view() == kFirstVersion ? "EntryConfChange" : "EntryConfChangeV2";
  if (!change->steps.empty()) text += " " + show_steps(change->steps);
  return text;
}

std::string show_entries(const std::vector<Entry>& entries) {
  std::string text;
  for (const Entry& entry : entries)
    text += show(entry) + "\n";
  return text;
}

std::string show(const HardState& hard) {
  std::string text = "Term:" + std::to_string(hard.term.value);
  if (hard.voted_for) text += " Vote:" + std::to_string(hard.voted_for->value);
  return text + " Commit:" + std::to_string(hard.commit.value);
}

std::string show(const ProgressStatus& progress) {
  static constexpr const char* kStates[] = {"StateProbe", "StateReplicate", "StateSnapshot"};
  std::string text = kStates[static_cast<std::size_t>(progress.state)];
  text += " match=" + std::to_string(progress.match.value);
  text += " next=" + std::to_string(progress.next.value);
  if (progress.learner) text += " learner";
  if (progress.paused) text += " paused";
  if (progress.pending_snapshot > Index{0})
    text += " pendingSnap=" + std::to_string(progress.pending_snapshot.value);
  if (!progress.recently_active) text += " inactive";
  if (progress.inflight_messages > 0) {
    text += " inflight=" + std::to_string(progress.inflight_messages);
    if (progress.inflight_full) text += "[full]";
  }
  return text;
}

std::vector<MemberStep> read_steps(const std::string& text) {
  std::vector<MemberStep> steps;
  for (std::size_t at = text.find_first_not_of(" \t\n"); at < text.size();) {
    const std::size_t end = std::min(text.find_first_of(" \t\n", at), text.size());
    const auto operation = kOperations.find(text[at]);
    if (operation == std::string_view::npos)
      throw BadCommand("'" + text.substr(at, end - at) + "' is not a change");
    MemberStep& step = steps.emplace_back();
    step.operation = static_cast<MemberOperation>(operation);
    step.member.id = NodeId{to_number(text.substr(at + 1, end - at - 1))};
    at = std::min(text.find_first_not_of(" \t\n", end), text.size());
  }
  return steps;
}

void MembershipNames::remember(const MembershipPtr& membership, Lists lists) {
  known_.emplace_back(membership, std::move(lists));
}

std::string MembershipNames::show(const MembershipPtr& membership) const {
  Lists lists{membership->voters, membership->learners};
  for (const auto& [known, written] : known_) {
    if (known == membership) lists = written;
  }
  return "Voters:" + show_list(lists.voters) +
         " VotersOutgoing:" + show_list(membership->voters_outgoing) +
         " Learners:" + show_list(lists.learners) +
         " LearnersNext:" + show_list(membership->learners_next) +
         " AutoLeave:" + (membership->auto_leave ? "true" : "false");
}

std::string show(const SnapshotMeta& snapshot, const MembershipNames& names) {
  return "Index:" + std::to_string(snapshot.last.index.value) +
         " Term:" + std::to_string(snapshot.last.term.value) +
         " ConfState:" + names.show(snapshot.membership);
}

std::string MessageText::show(const MembershipNames& names, const std::string& indentation) const {
  std::string text = indentation + show_id(from) + "->" + show_id(to) + " " + type +
                     " Term:" + std::to_string(term.value) +
                     " Log:" + std::to_string(log.term.value) + "/" +
                     std::to_string(log.index.value);
  const std::string deeper = indentation + "  ";
  if (hint) text += " Rejected (Hint: " + std::to_string(hint->value) + ")";
  if (commit > Index{0}) text += " Commit:" + std::to_string(commit.value);
  if (vote) text += " Vote:" + std::to_string(vote->value);
  if (entries.size() == 1) text += " Entries:[" + conformance::show(entries.front()) + "]";
  if (entries.size() > 1) {
    text += " Entries:[";
    for (const Entry& entry : entries)
      text += "\n" + deeper + conformance::show(entry);
    text += "\n" + indentation + "]";
  }
  if (snapshot) text += "\n" + deeper + "Snapshot: " + conformance::show(*snapshot, names);
  if (!responses.empty()) {
    text += " Responses:[";
    for (const MessageText& response : responses)
      text += "\n" + response.show(names, deeper);
    text += "\n" + indentation + "]";
  }
  return text;
}

MessageText describe(const Envelope& envelope) {
  MessageText text;
  text.from = envelope.from;
  text.to = envelope.to;
  text.term = envelope.term;
  std::visit(Describe{text}, envelope.message);
  return text;
}

}  // namespace raftkit::conformance
