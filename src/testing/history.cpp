#include "testing/history.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <istream>
#include <map>
#include <ostream>
#include <set>
#include <stdexcept>

#include "transport/json.hpp"

namespace raftkit::testing {

namespace {

using transport::json_string;
using transport::JsonValue;
using Outcome = HistoryOperation::Outcome;

constexpr std::array<std::string_view, 3> kOutcomes = {"ok", "fail", "unknown"};
constexpr std::array<std::string_view, 2> kModels = {"none", "list"};

/// As text: a number of 64 bits does not survive most readers of JSON.
std::string hex(std::uint64_t number) {
  std::array<char, 16> digits{};
  const auto end = std::to_chars(digits.begin(), digits.end(), number, 16).ptr;
  return {digits.begin(), end};
}

std::string or_null(const std::optional<std::uint64_t>& number) {
  return number ? std::to_string(*number) : "null";
}

void write(std::ostream& out, const History& history, const HistoryOperation& each) {
  out << R"({"type":"op","id":)" << each.id << R"(,"client":)" << each.client << R"(,"node":)"
      << each.node.value << R"(,"call":)" << each.call << R"(,"ret":)" << or_null(each.returned)
      << R"(,"outcome":")" << to_string(each.outcome) << R"(","in":{"op":")";
  if (history.model == History::Model::none) {
    out << R"(command","v":)" << each.input.number.value_or(0);
  } else {
    out << (each.input.number ? "append" : "read") << R"(","k":)" << unsigned{each.input.key};
    if (each.input.number) out << R"(,"v":)" << *each.input.number;
  }
  out << R"(},"out":)";
  if (each.output) {
    out << R"({"length":)" << each.output->length << R"(,"hash":")" << hex(each.output->hash)
        << R"("})";
  } else {
    out << "null";
  }
  if (each.index) out << R"(,"srv":{"index":)" << each.index->value << '}';
  if (each.took_effect)
    out << R"(,"srv":{"applied":)" << (*each.took_effect ? "true" : "false") << '}';
  out << "}\n";
}

// --- reading

/// Nothing of this leaves the file.
class Malformed : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// One line of a file. Throws what is wrong with it.
class Line {
 public:
  Line(std::string where, const JsonValue& value) : where_(std::move(where)), value_(value) {}

  [[noreturn]] void refuse(const std::string& why) const { throw Malformed(where_ + ": " + why); }
  [[nodiscard]] const JsonValue* find(std::string_view name) const {
    const JsonValue* found = value_.find(name);
    return found == nullptr || found->kind == JsonValue::Kind::null ? nullptr : found;
  }
  [[nodiscard]] std::optional<std::uint64_t> maybe_number(std::string_view name,
                                                          int base = 10) const {
    const JsonValue* found = find(name);
    if (found == nullptr) return std::nullopt;
    std::uint64_t number = 0;
    const char* const last = found->text.data() + found->text.size();
    const auto [end, code] = std::from_chars(found->text.data(), last, number, base);
    if (found->text.empty() || code != std::errc() || end != last)
      refuse("\"" + std::string(name) + "\" must be a whole number, not '" + found->text + "'");
    return number;
  }
  [[nodiscard]] std::uint64_t number(std::string_view name, int base = 10) const {
    const auto found = maybe_number(name, base);
    if (!found) refuse("\"" + std::string(name) + "\" is missing; it must be a number");
    return *found;
  }
  [[nodiscard]] std::string text(std::string_view name) const {
    const JsonValue* found = find(name);
    if (found == nullptr || found->kind != JsonValue::Kind::string)
      refuse("\"" + std::string(name) + "\" must be a text");
    return found->text;
  }
  template <class Enum, std::size_t count>
  [[nodiscard]] Enum one_of(std::string_view name,
                            const std::array<std::string_view, count>& names) const {
    const std::string word = text(name);
    const auto at = std::find(names.begin(), names.end(), word);
    if (at != names.end()) return static_cast<Enum>(at - names.begin());
    std::string known;
    for (const std::string_view each : names)
      known += (known.empty() ? "" : ", ") + std::string(each);
    refuse("\"" + std::string(name) + "\" must be one of " + known + ", not '" + word + "'");
  }
  [[nodiscard]] Line inner(std::string_view name) const {
    const JsonValue* found = find(name);
    if (found == nullptr || found->kind != JsonValue::Kind::object)
      refuse("\"" + std::string(name) + "\" must be an object");
    return {where_ + ", in \"" + std::string(name) + "\"", *found};
  }

 private:
  std::string where_;
  const JsonValue& value_;
};

void read_header(const Line& line, History& history) {
  if (const auto version = line.number("v"); version != 1)
    line.refuse("version " + std::to_string(version) + " is not known, only 1");
  history.model = line.one_of<History::Model>("model", kModels);
  history.seed = line.number("seed");
  history.nodes = line.number("nodes");
  history.reproduce = line.text("args");
  history.trace_hash = line.number("trace", 16);
  history.end = line.number("end");
  if (line.find("failure") != nullptr) history.failure = line.text("failure");
}

void read_input(const Line& line, History::Model model, ListInput& input) {
  const std::string word = line.text("op");
  const bool is_list = model == History::Model::list;
  if (is_list ? word != "append" && word != "read" : word != "command")
    line.refuse(std::string("\"op\" must be ") + (is_list ? "append or read" : "command") +
                ", not '" + word + "'");
  if (word != "read") input.number = line.number("v");
  if (!is_list) return;
  const std::uint64_t key = line.number("k");
  if (key >= kLists)
    line.refuse("\"k\" must be below " + std::to_string(kLists) + ", not " + std::to_string(key));
  input.key = static_cast<std::uint8_t>(key);
}

HistoryOperation read_operation(const Line& line, History::Model model) {
  HistoryOperation each;
  each.id = line.number("id");
  each.client = line.number("client");
  each.node = NodeId{line.number("node")};
  each.call = line.number("call");
  each.returned = line.maybe_number("ret");
  each.outcome = line.one_of<Outcome>("outcome", kOutcomes);
  read_input(line.inner("in"), model, each.input);
  if (line.find("out") != nullptr) {
    const Line out = line.inner("out");
    each.output = ListValue{out.number("length"), out.number("hash", 16)};
  }
  if (line.find("srv") != nullptr) {
    const Line server = line.inner("srv");
    if (const auto index = server.maybe_number("index")) each.index = Index{*index};
    if (const JsonValue* applied = server.find("applied")) {
      if (applied->kind != JsonValue::Kind::boolean)
        server.refuse("\"applied\" must be true or false");
      each.took_effect = applied->text == "true";
    }
  }
  if (each.returned.has_value() == (each.outcome == Outcome::unknown))
    line.refuse("\"ret\" must be null if the outcome is unknown, and a time if it is not");
  if (each.returned && *each.returned < each.call)
    line.refuse("it returns at " + std::to_string(*each.returned) + ", before its call at " +
                std::to_string(each.call));
  if (each.output.has_value() != (each.outcome == Outcome::ok && model == History::Model::list))
    line.refuse("\"out\" must be there if a list's operation is ok, and null otherwise");
  return each;
}

void read_line(const Line& line, History& history) {
  const std::string type = line.text("type");
  if (type == "header") {
    read_header(line, history);
  } else if (type == "op") {
    history.operations.push_back(read_operation(line, history.model));
  } else if (type == "fault") {
    const std::string who = line.inner("args").text("who");
    history.faults.push_back({line.text("name"), who, line.number("t0"), line.number("t1")});
  } else if (type == "leader") {
    history.leaders.push_back({NodeId{line.number("node")},
                               Term{line.number("term")},
                               line.number("t"),
                               line.maybe_number("t1")});
  } else if (type == "node") {
    const bool is_up = line.number("up") != 0;
    history.power.push_back({NodeId{line.number("node")}, is_up, line.number("t")});
  }  // a later version may know more
}

/// A client that does two things at a time is two clients, or a clock that went back.
void check_clients(const History& history, const std::string& name) {
  std::map<std::uint64_t, std::vector<const HistoryOperation*>> by_client;
  std::set<std::uint64_t> ids;
  for (const HistoryOperation& each : history.operations) {
    if (!ids.insert(each.id).second)
      throw Malformed(name + ": two operations have the id " + std::to_string(each.id));
    by_client[each.client].push_back(&each);
  }
  for (auto& [client, its] : by_client) {
    std::stable_sort(its.begin(), its.end(), [](const auto* left, const auto* right) {
      return left->call < right->call;
    });
    for (std::size_t i = 1; i < its.size(); ++i) {
      const std::uint64_t end = its[i - 1]->returned.value_or(its[i - 1]->call + 1);
      if (its[i]->call >= end) continue;
      throw Malformed(name + ": client " + std::to_string(client) + " calls operation " +
                      std::to_string(its[i]->id) + " at " + std::to_string(its[i]->call) +
                      ", before its operation " + std::to_string(its[i - 1]->id) + " ends at " +
                      std::to_string(end) + "; a client does one thing at a time");
    }
  }
}

}  // namespace

std::string_view to_string(Outcome outcome) {
  return kOutcomes.at(static_cast<std::size_t>(outcome));
}

std::string describe(const History& history, const HistoryOperation& operation) {
  const auto number = std::to_string(operation.input.number.value_or(0));
  if (history.model == History::Model::none) return "command " + number;
  const std::string list = "list " + std::to_string(operation.input.key);
  return operation.input.number ? "append " + number + " to " + list : "read " + list;
}

void write_history(std::ostream& out, const History& history) {
  out << R"({"type":"header","v":1,"model":")"
      << kModels.at(static_cast<std::size_t>(history.model)) << R"(","seed":")" << history.seed
      << R"(","nodes":)" << history.nodes << R"(,"clock":"ns-since-start","args":)"
      << json_string(history.reproduce) << R"(,"trace":")" << hex(history.trace_hash)
      << R"(","end":)" << history.end << R"(,"failure":)"
      << (history.failure ? json_string(*history.failure) : "null") << "}\n";
  for (const HistoryOperation& each : history.operations)
    write(out, history, each);
  for (const auto& fault : history.faults)
    out << R"({"type":"fault","name":)" << json_string(fault.name) << R"(,"t0":)" << fault.begin
        << R"(,"t1":)" << fault.end << R"(,"args":{"who":)" << json_string(fault.who) << "}}\n";
  for (const auto& leader : history.leaders)
    out << R"({"type":"leader","node":)" << leader.node.value << R"(,"term":)" << leader.term.value
        << R"(,"t":)" << leader.begin << R"(,"t1":)" << or_null(leader.end) << "}\n";
  for (const auto& power : history.power)
    out << R"({"type":"node","node":)" << power.node.value << R"(,"up":)" << int{power.is_up}
        << R"(,"t":)" << power.time << "}\n";
}

Result<History> read_history(std::istream& in, const std::string& name) {
  History history;
  std::string text;
  try {
    for (std::size_t number = 1; std::getline(in, text); ++number) {
      const std::string where = name + ":" + std::to_string(number);
      const auto value = transport::parse_json(text);
      if (!value) return Error(Errc::malformed, where + ": " + value.error().message());
      const Line line(where, *value);
      if ((number == 1) != (line.text("type") == "header"))
        line.refuse("the header must be the first line, and only that");
      read_line(line, history);
    }
    if (history.nodes == 0) return Error(Errc::malformed, name + ": it is empty");
    check_clients(history, name);
  } catch (const Malformed& malformed) {
    return Error(Errc::malformed, malformed.what());
  }
  return history;
}

}  // namespace raftkit::testing
