#include <ostream>

#include "inspect/print.hpp"
#include "transport/json.hpp"

namespace raftkit::inspect {

namespace {

using transport::json_string;

/// Writes an object or an array; what stands between its parts is its business. Owner: a function.
class Json {
 public:
  Json(std::ostream& out, char opening) : out_(out), closing_(opening == '{' ? '}' : ']') {
    out_ << opening;
  }
  ~Json() { out_ << closing_; }
  Json(const Json&) = delete;
  Json& operator=(const Json&) = delete;

  /// Of an object: the value comes next.
  std::ostream& key(std::string_view name) { return item() << json_string(name) << ':'; }
  /// Of an array.
  std::ostream& item() {
    if (!is_first_) out_ << ',';
    is_first_ = false;
    return out_;
  }

  void number(std::string_view name, std::uint64_t value) { key(name) << value; }
  void text(std::string_view name, std::string_view value) { key(name) << json_string(value); }
  void yes_or_no(std::string_view name, bool value) { key(name) << (value ? "true" : "false"); }

 private:
  std::ostream& out_;
  char closing_;
  bool is_first_ = true;
};

template <class Items, class Print>
void print_array(std::ostream& out, const Items& items, const Print& print) {
  Json array(out, '[');
  for (const auto& item : items)
    print(array.item(), item);
}

void print(std::ostream& out, const EntryId& id) {
  Json object(out, '{');
  object.number("term", id.term.value);
  object.number("index", id.index.value);
}

void print_range(Json& into, const Range& range) {
  into.number("first", range.first.value);
  into.number("last", range.last.value);
}

void print(std::ostream& out, const HardState& state) {
  Json object(out, '{');
  object.number("term", state.term.value);
  if (state.voted_for) object.text("voted_for", to_string(*state.voted_for));
  object.number("commit", state.commit.value);
}

void print_nodes(std::ostream& out, const std::vector<NodeId>& nodes) {
  print_array(
      out, nodes, [](std::ostream& to, NodeId node) { to << json_string(to_string(node)); });
}

void print(std::ostream& out, const SnapshotMeta& snapshot) {
  Json object(out, '{');
  print(object.key("id"), snapshot.last);
  if (snapshot.membership == nullptr) return;
  print_nodes(object.key("voters"), snapshot.membership->voters);
  print_nodes(object.key("voters_outgoing"), snapshot.membership->voters_outgoing);
  print_nodes(object.key("learners"), snapshot.membership->learners);
}

void print(std::ostream& out, const RecordReport& record) {
  Json object(out, '{');
  object.number("offset", record.offset);
  object.text("kind", name_of(record.kind));
  object.number("group", record.group.value);
  if (record.hard_state) print(object.key("hard_state"), *record.hard_state);
  if (record.snapshot) print(object.key("snapshot"), *record.snapshot);
  if (record.truncate_from) object.number("truncate_from", record.truncate_from->value);
  if (record.keep_from) object.number("keep_from", record.keep_from->value);
  if (!record.entries.is_empty()) print_range(object, record.entries);
}

void print(std::ostream& out, const SegmentReport& segment) {
  Json object(out, '{');
  object.text("name", segment.name);
  object.number("bytes", segment.bytes);
  object.number("used_bytes", segment.used_bytes);
  object.number("torn_bytes", segment.torn_bytes);
  object.number("frames", segment.frames);
  object.yes_or_no("sealed", segment.is_sealed);
  print_array(object.key("entries"), segment.entries, [](std::ostream& to, const auto& written) {
    Json part(to, '{');
    part.number("group", written.first.value);
    print_range(part, written.second);
  });
  if (!segment.records.empty())
    print_array(object.key("records"), segment.records, [](std::ostream& to, const auto& record) {
      print(to, record);
    });
  if (!segment.damage.empty()) object.text("damage", segment.damage);
}

void print(std::ostream& out, const GroupReport& group) {
  Json object(out, '{');
  object.number("group", group.group.value);
  print(object.key("hard_state"), group.log.hard_state);
  print(object.key("base"), group.log.base);
  object.number("last", group.log.last.value);
  print_array(object.key("terms"), group.log.terms, [](std::ostream& to, const TermRun& run) {
    Json part(to, '{');
    part.number("first", run.first.value);
    part.number("term", run.term.value);
  });
  print(object.key("snapshot"), group.log.snapshot);
  if (group.entries.empty()) return;
  print_array(object.key("entries"), group.entries, [](std::ostream& to, const EntryReport& entry) {
    Json part(to, '{');
    part.number("index", entry.id.index.value);
    part.number("term", entry.id.term.value);
    part.text("type", name_of(entry.type));
    part.number("bytes", entry.bytes);
  });
}

void print(std::ostream& out, const LogReport& log) {
  Json object(out, '{');
  object.text("kind", log.is_leveldb ? "leveldb" : "wal");
  object.text("directory", log.directory);
  object.number("bytes", log.bytes);
  print_array(object.key("segments"), log.segments, [](std::ostream& to, const auto& segment) {
    print(to, segment);
  });
  print_array(object.key("groups"), log.groups, [](std::ostream& to, const auto& group) {
    print(to, group);
  });
}

void print(std::ostream& out, const SnapshotReport& snapshot) {
  Json object(out, '{');
  object.text("name", snapshot.name);
  object.number("bytes", snapshot.bytes);
  if (snapshot.meta) print(object.key("snapshot"), *snapshot.meta);
  if (snapshot.content_bytes) object.number("content_bytes", *snapshot.content_bytes);
  if (!snapshot.damage.empty()) object.text("damage", snapshot.damage);
}

}  // namespace

void print_json(std::ostream& out, const Report& report) {
  Json object(out, '{');
  object.text("directory", report.directory);
  if (report.identity) {
    Json identity(object.key("identity"), '{');
    identity.text("cluster", to_string(report.identity->cluster));
    identity.text("member", to_string(report.identity->member));
    identity.text("store", to_hex(report.identity->store.value));
    identity.text("state_machine",
                  report.identity->kind == StateMachineKind::on_disk ? "on_disk" : "in_memory");
  }
  if (report.log) print(object.key("log"), *report.log);
  print_array(object.key("snapshots"), report.snapshots, [](std::ostream& to, const auto& each) {
    print(to, each);
  });
  if (report.state) {
    Json state(object.key("state"), '{');
    state.number("files", report.state->files);
    state.number("bytes", report.state->bytes);
  }
  print_array(object.key("leftovers"), report.leftovers, [](std::ostream& to, const auto& each) {
    Json part(to, '{');
    part.text("path", each.path);
    part.number("bytes", each.bytes);
  });
  print_array(object.key("damages"), report.damages, [](std::ostream& to, const auto& damage) {
    to << json_string(damage);
  });
}

}  // namespace raftkit::inspect
