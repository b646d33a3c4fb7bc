#include <algorithm>
#include <array>
#include <cstdio>
#include <iomanip>
#include <ostream>

#include "inspect/print.hpp"

namespace raftkit::inspect {

namespace {

/// "64.0 MiB"
std::string in_units(std::uint64_t bytes) {
  constexpr std::array kUnits = {"KiB", "MiB", "GiB", "TiB"};
  if (bytes < 1024) return std::to_string(bytes) + " B";
  double value = static_cast<double>(bytes) / 1024;
  std::size_t unit = 0;
  for (; value >= 1024 && unit + 1 < kUnits.size(); ++unit)
    value /= 1024;
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), "%.1f %s", value, kUnits.at(unit));
  return text.data();
}

std::string count(std::uint64_t number, const std::string& thing) {
  return std::to_string(number) + " " + thing + (number == 1 ? "" : "s");
}

std::string to_text(const Range& range) {
  if (range.is_empty()) return "none";
  if (range.first == range.last) return to_string(range.first);
  return to_string(range.first) + " to " + to_string(range.last);
}

std::string to_text(const HardState& state) {
  return "term " + to_string(state.term) + ", voted for " +
         (state.voted_for ? to_string(*state.voted_for) : "nobody") + ", commit " +
         to_string(state.commit);
}

std::string to_text(const EntryId& id) {
  return "index " + to_string(id.index) + " of term " + to_string(id.term);
}

std::string to_text(const std::vector<NodeId>& nodes) {
  std::string text;
  for (const NodeId node : nodes)
    text += (text.empty() ? "" : " ") + to_string(node);
  return text.empty() ? "none" : text;
}

std::string to_text(const Membership& membership) {
  std::string text = "voters " + to_text(membership.voters);
  if (membership.is_joint()) text += ", outgoing " + to_text(membership.voters_outgoing);
  if (!membership.learners.empty()) text += ", learners " + to_text(membership.learners);
  return text;
}

/// What is no printable ASCII as \xNN.
std::string printable(std::string_view bytes) {
  std::string text;
  for (const char c : bytes) {
    std::array<char, 8> code{};
    const auto value = static_cast<unsigned char>(c);
    if (c == '\\') {
      text += "\\\\";
    } else if (value >= 0x20 && value < 0x7f) {
      text += c;
    } else {
      std::snprintf(code.data(), code.size(), "\\x%02x", static_cast<unsigned>(value));
      text += code.data();
    }
  }
  return text;
}

void print(std::ostream& out, const RecordReport& record) {
  out << "      at " << std::setw(10) << record.offset << "  " << std::left << std::setw(11)
      << name_of(record.kind) << std::right;
  if (record.group.value != 0) out << " group " << record.group.value;
  if (record.hard_state) out << " " << to_text(*record.hard_state) << ";";
  if (record.snapshot) out << " snapshot " << to_text(*record.snapshot) << ";";
  if (record.truncate_from) out << " truncates from " << to_string(*record.truncate_from) << ";";
  if (record.keep_from) out << " keeps from " << to_string(*record.keep_from) << ";";
  if (!record.entries.is_empty()) out << " entries " << to_text(record.entries);
  out << '\n';
}

void print(std::ostream& out, const SegmentReport& segment) {
  out << "    " << segment.name << "  ";
  if (!segment.damage.empty()) {
    out << "DAMAGED\n";
    return;
  }
  if (segment.frames == 0) {
    out << in_units(segment.bytes) << ", not used yet";
  } else {
    out << in_units(segment.used_bytes) << " of " << in_units(segment.bytes) << " used, "
        << count(segment.frames, "frame");
  }
  for (const auto& [group, range] : segment.entries)
    out << ", entries " << to_text(range)
        << (group.value == 0 ? "" : " of group " + std::to_string(group.value));
  if (segment.is_sealed) out << ", sealed";
  if (segment.torn_bytes > 0)
    out << "; " << in_units(segment.torn_bytes)
        << " behind that are a torn end, which does not count";
  out << '\n';
  for (const RecordReport& record : segment.records)
    print(out, record);
}

void print(std::ostream& out, const GroupReport& group) {
  const LoadedLog& log = group.log;
  out << "    group " << group.group.value << ": " << to_text(log.hard_state) << '\n'
      << "      entries " << to_text(Range{log.base.index + 1, log.last});
  for (const TermRun& run : log.terms)
    out << (run == log.terms.front() ? "; term " : ", term ") << to_string(run.term) << " from "
        << to_string(run.first);
  out << "\n      snapshot at " << to_text(log.snapshot.last);
  if (log.snapshot.membership != nullptr) out << ", " << to_text(*log.snapshot.membership);
  out << '\n';
  for (const EntryReport& entry : group.entries) {
    out << "      entry " << to_string(entry.id.index) << "  term " << to_string(entry.id.term)
        << "  " << name_of(entry.type) << "  " << in_units(entry.bytes);
    if (entry.bytes > 0)
      out << "  \"" << printable(entry.begins_with) << '"'
          << (entry.begins_with.size() < entry.bytes ? " ..." : "");
    out << '\n';
  }
}

void print(std::ostream& out, const LogReport& log) {
  out << "  log: " << (log.is_leveldb ? "LevelDB" : "write-ahead log") << " in " << log.directory
      << ", " << in_units(log.bytes) << '\n';
  for (const SegmentReport& segment : log.segments)
    print(out, segment);
  for (const GroupReport& group : log.groups)
    print(out, group);
}

void print(std::ostream& out, const SnapshotReport& snapshot) {
  out << "    " << snapshot.name << "  " << in_units(snapshot.bytes);
  if (snapshot.meta)
    out << ", " << to_text(snapshot.meta->last) << ", " << to_text(*snapshot.meta->membership);
  if (snapshot.content_bytes)
    out << "; all " << in_units(*snapshot.content_bytes) << " of content verify";
  out << (snapshot.damage.empty() ? "\n" : ", DAMAGED\n");
}

}  // namespace

std::string_view name_of(EntryType type) {
  switch (type) {
    case EntryType::normal:
      return "normal";
    case EntryType::membership:
      return "membership";
    case EntryType::member_update:
      return "member_update";
  }
  return "unknown";
}

std::string_view name_of(RecordReport::Kind kind) {
  switch (kind) {
    case RecordReport::Kind::batch:
      return "batch";
    case RecordReport::Kind::compaction:
      return "compaction";
    case RecordReport::Kind::checkpoint:
      return "checkpoint";
    case RecordReport::Kind::seal:
      return "seal";
    case RecordReport::Kind::mark:
      return "mark";
  }
  return "unknown";
}

void print_text(std::ostream& out, const Report& report) {
  out << report.directory << '\n';
  if (report.identity)
    out << "  identity: member " << to_string(report.identity->member) << " of cluster "
        << to_string(report.identity->cluster) << ", data directory "
        << to_hex(report.identity->store.value) << ", state machine "
        << (report.identity->kind == StateMachineKind::on_disk ? "on disk" : "in memory") << '\n';
  if (report.is_member && !report.identity) out << "  identity: none\n";
  if (report.log) print(out, *report.log);
  if (report.is_member || !report.snapshots.empty())
    out << "  snapshots: " << report.snapshots.size() << '\n';
  for (const SnapshotReport& snapshot : report.snapshots)
    print(out, snapshot);
  if (report.state)
    out << "  state machine: " << count(report.state->files, "file") << ", "
        << in_units(report.state->bytes) << ", which only itself can read\n";
  for (const LeftoverReport& leftover : report.leftovers)
    out << "  left over: " << leftover.path << ", " << in_units(leftover.bytes) << '\n';
  for (const std::string& damage : report.damages)
    out << "  DAMAGE: " << damage << '\n';
}

}  // namespace raftkit::inspect
