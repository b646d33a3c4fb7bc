#include "testing/history_page.hpp"

#include <algorithm>
#include <array>
#include <cstdio>
#include <ostream>
#include <sstream>
#include <string_view>
#include <utility>

#include "testing/history_page_template.hpp"
#include "transport/json.hpp"

namespace raftkit::testing {

namespace {

using Kind = HistoryFinding::Kind;
using Outcome = HistoryOperation::Outcome;

std::string escaped(std::string_view text) {
  std::string safe;
  for (const char letter : text) {
    switch (letter) {
      case '&':
        safe += "&amp;";
        break;
      case '<':
        safe += "&lt;";
        break;
      case '>':
        safe += "&gt;";
        break;
      default:
        safe += letter;
    }
  }
  return safe;
}

/// As json_string, and nothing in it ends the script that it stands in.
std::string quoted(std::string_view text) {
  std::string safe;
  for (const char letter : transport::json_string(text)) {
    if (letter == '<') {
      safe += "\\u003c";
    } else {
      safe += letter;
    }
  }
  return safe;
}

/// As exact as the times are.
std::string milliseconds_of(std::uint64_t time) {
  return in_milliseconds(time, 6);
}
std::string or_null(const std::optional<std::uint64_t>& time) {
  return time ? milliseconds_of(*time) : "null";
}

std::string describe(const ListValue& value) {
  std::array<char, 64> text{};
  std::snprintf(text.data(),
                text.size(),
                "length %llu (hash %llx)",
                static_cast<unsigned long long>(value.length),
                static_cast<unsigned long long>(value.hash));
  return text.data();
}

/// `[`, each of `items` as `write` puts it, `]`.
template <class Items, class Write>
void write_array(std::ostream& out, const char* name, const Items& items, const Write& write) {
  out << ",\n\"" << name << "\":[";
  const char* separator = "\n";
  for (const auto& item : items) {
    out << std::exchange(separator, ",\n");
    write(item);
  }
  out << ']';
}

/// The states around each operation that has a place in the order of its list.
using States = std::vector<std::optional<std::pair<ListValue, ListValue>>>;

States states_of(const History& history, const HistoryFinding& finding) {
  States states(history.operations.size());
  for (const auto& list : finding.lists) {
    ListValue state;
    const auto place = [&](std::size_t position) {
      const ListValue before = state;
      if (const auto number = history.operations[position].input.number) state.append(*number);
      states[position] = {before, state};
    };
    std::for_each(list.order.begin(), list.order.end(), place);
    if (list.stuck) place(*list.stuck);
  }
  return states;
}

void write_operations(std::ostream& out, const History& history, const HistoryFinding& finding) {
  const States states = states_of(history, finding);
  std::size_t position = 0;
  write_array(out, "ops", history.operations, [&](const HistoryOperation& each) {
    const auto& around = states[position++];
    const bool is_list = history.model == History::Model::list;
    const std::string number = std::to_string(each.input.number.value_or(0));
    const std::string does = is_list && !each.input.number ? "read"
                             : is_list                     ? "append " + number
                                                           : "command " + number;
    // A bar has room for a few letters: how long the list is now, and whether it grew.
    const std::string brief =
        each.output ? (each.input.number ? "+" : "") + std::to_string(each.output->length) : does;
    out << "{\"id\":" << each.id << ",\"client\":" << each.client << ",\"node\":" << each.node.value
        << ",\"call\":" << milliseconds_of(each.call) << ",\"ret\":" << or_null(each.returned)
        << ",\"outcome\":\"" << to_string(each.outcome) << "\",\"key\":" << unsigned{each.input.key}
        << ",\"does\":" << quoted(does) << ",\"brief\":" << quoted(brief)
        << ",\"what\":" << quoted(describe(history, each)) << ",\"answer\":"
        << (each.output ? quoted("length " + std::to_string(each.output->length)) : "null")
        << ",\"index\":" << (each.index ? to_string(*each.index) : "null");
    if (around)
      out << ",\"before\":" << quoted(describe(around->first))
          << ",\"after\":" << quoted(describe(around->second));
    out << '}';
  });
}

std::string data_of(const History& history, const HistoryFinding& finding) {
  std::ostringstream out;
  const auto write_number = [&](std::size_t number) { out << number; };
  out << "{\"end\":" << milliseconds_of(history.end)
      << ",\"failure\":" << (history.failure ? "true" : "false") << ",\"kind\":\""
      << (finding.kind == Kind::model ? "model" : "other")
      << "\",\"reason\":" << quoted(finding.reason)
      << ",\"impossible\":" << (finding.impossible ? std::to_string(*finding.impossible) : "null");
  write_array(out, "core", finding.core, write_number);
  write_operations(out, history, finding);
  write_array(out, "lists", finding.lists, [&](const HistoryFinding::List& list) {
    out << "{\"key\":" << unsigned{list.key};
    write_array(out, "order", list.order, write_number);
    out << '}';
  });
  write_array(out, "faults", history.faults, [&](const History::Fault& each) {
    out << "{\"name\":" << quoted(each.name) << ",\"who\":" << quoted(each.who)
        << ",\"t0\":" << milliseconds_of(each.begin) << ",\"t1\":" << milliseconds_of(each.end)
        << '}';
  });
  write_array(out, "leaders", history.leaders, [&](const History::Leader& each) {
    out << "{\"node\":" << each.node.value << ",\"term\":" << each.term.value
        << ",\"t0\":" << milliseconds_of(each.begin) << ",\"t1\":" << or_null(each.end) << '}';
  });
  write_array(out, "power", history.power, [&](const History::Power& each) {
    out << "{\"node\":" << each.node.value << ",\"up\":" << int{each.is_up}
        << ",\"t\":" << milliseconds_of(each.time) << '}';
  });
  out << '}';
  return out.str();
}

std::string title_of(const History& history, const HistoryFinding& finding) {
  const std::string seed = "Seed " + std::to_string(history.seed) + ": ";
  if (finding.kind == Kind::model)
    return seed + "nobody could have seen list " +
           std::to_string(history.operations[*finding.impossible].input.key) + " like this";
  if (finding.kind == Kind::log_position) return seed + "an answer from the past";
  return seed + (history.failure ? "failed" : "nothing is wrong");
}

std::string summary_of(const History& history, const HistoryFinding& finding) {
  std::array<std::size_t, 3> counts{};
  for (const HistoryOperation& each : history.operations)
    ++counts.at(static_cast<std::size_t>(each.outcome));
  std::ostringstream out;
  out << "<h1>" << escaped(title_of(history, finding)) << "</h1>\n";
  if (history.failure) out << "<pre>FAILED: " << escaped(*history.failure) << "</pre>\n";
  out << "<dl><dt>repeat with</dt><dd><code>"
      << escaped(history.reproduce.empty() ? "(not known)" : history.reproduce)
      << "</code></dd>\n<dt>trace</dt><dd><code>" << std::hex << history.trace_hash << std::dec
      << "</code></dd>\n<dt>cluster</dt><dd>" << history.nodes << " voters at the beginning, "
      << in_milliseconds(history.end) << " simulated ms</dd>\n<dt>requests</dt><dd>" << counts[0]
      << " answered, " << counts[1] << " refused, " << counts[2]
      << " without an answer</dd></dl>\n";
  if (!finding.is_complete)
    out << "<p>Some list was too much for the search: what it did not find may still be "
           "there.</p>\n";
  if (!finding.impossible) return out.str();
  out << "<h2>What cannot be</h2>\n<div class=\"wrong\"><p><strong>✗ "
      << escaped(describe_in_full(history, history.operations[*finding.impossible]))
      << "</strong></p>\n<p>" << escaped(finding.reason)
      << "</p></div>\n<h2>Why, in short</h2>\n<p>" << escaped(finding.core_says)
      << "</p>\n<ol class=\"core\">\n";
  for (const std::size_t position : finding.core)
    out << "<li>" << escaped(describe_in_full(history, history.operations[position])) << "</li>\n";
  out << "</ol>\n";
  return out.str();
}

}  // namespace

void write_page(std::ostream& out, const History& history, const HistoryFinding& finding) {
  std::string_view rest = kHistoryPage;
  // In the order in which they stand in the page.
  const std::array<std::pair<std::string_view, std::string>, 3> parts = {
      {{"{{title}}", escaped(title_of(history, finding))},
       {"{{summary}}", summary_of(history, finding)},
       {"{{data}}", data_of(history, finding)}}};
  for (const auto& [place, text] : parts) {
    const std::size_t at = rest.find(place);
    out << rest.substr(0, at) << text;
    rest.remove_prefix(at + place.size());
  }
  out << rest;
}

}  // namespace raftkit::testing
