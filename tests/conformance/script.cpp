#include "conformance/script.hpp"

#include <algorithm>
#include <charconv>
#include <fstream>
#include <optional>

namespace raftkit::conformance {

namespace {

constexpr std::string_view kBlanks = " \t\r\n";
constexpr std::string_view kSeparator = "----";

std::string trimmed(std::string_view text) {
  const auto first = text.find_first_not_of(kBlanks);
  if (first == std::string_view::npos) return {};
  return std::string(text.substr(first, text.find_last_not_of(kBlanks) - first + 1));
}

/// "(a, b (c, d))" without the outer parentheses: split at the commas that are not nested.
std::vector<std::string> split_list(std::string_view text) {
  std::vector<std::string> values;
  std::string value;
  int depth = 0;
  for (const char each : text) {
    if (each == '(') ++depth;
    if (each == ')') --depth;
    if (each == ',' && depth == 0) {
      values.push_back(trimmed(value));
      value.clear();
    } else {
      value += each;
    }
  }
  if (!trimmed(value).empty() || !values.empty()) values.push_back(trimmed(value));
  return values;
}

Argument read_argument(std::string_view& rest) {
  Argument argument;
  const auto end_of_key = std::min(rest.find_first_of(" \t="), rest.size());
  argument.key = rest.substr(0, end_of_key);
  rest.remove_prefix(end_of_key);
  if (!rest.starts_with('=')) return argument;
  rest.remove_prefix(1);
  argument.has_value = true;
  if (!rest.starts_with('(')) {
    const auto end = std::min(rest.find_first_of(" \t"), rest.size());
    argument.values.emplace_back(rest.substr(0, end));
    rest.remove_prefix(end);
    return argument;
  }
  std::size_t end = 0;
  for (int depth = 0; end < rest.size(); ++end) {
    if (rest[end] == '(') ++depth;
    if (rest[end] == ')' && --depth == 0) break;
  }
  if (end == rest.size()) throw BadCommand("a parenthesis is not closed");
  argument.values = split_list(rest.substr(1, end - 1));
  rest.remove_prefix(end + 1);
  return argument;
}

void read_directive(std::string_view line, Case& test) {
  const auto end = std::min(line.find_first_of(" \t"), line.size());
  test.command = line.substr(0, end);
  for (std::string_view rest = line.substr(end);;) {
    const auto next = rest.find_first_not_of(" \t");
    if (next == std::string_view::npos) return;
    rest.remove_prefix(next);
    test.arguments.push_back(read_argument(rest));
  }
}

class Reader {
 public:
  explicit Reader(std::vector<std::string> lines) : lines_(std::move(lines)) {}

  /// Empty at the end of the file.
  std::optional<Case> next() {
    while (at_ < lines_.size()) {
      const std::string line = trimmed(lines_[at_]);
      if (line.empty() || line.front() == '#' || line.starts_with("subtest ")) {
        ++at_;
        continue;
      }
      Case test;
      test.line = at_ + 1;
      read_directive(directive(), test);
      read_input(test);
      test.expected_line = at_ + 1;
      read_expected(test);
      return test;
    }
    return std::nullopt;
  }

 private:
  std::string directive() {
    std::string line = trimmed(lines_[at_++]);
    while (line.ends_with('\\') && at_ < lines_.size()) {
      line.back() = ' ';
      line += trimmed(lines_[at_++]);
    }
    return line;
  }

  void read_input(Case& test) {
    while (at_ < lines_.size() && lines_[at_] != kSeparator)
      test.input += lines_[at_++] + "\n";
    if (at_ == lines_.size())
      throw BadCommand("line " + std::to_string(test.line) + ": ---- is missing");
    ++at_;
    test.input = trimmed(test.input);
  }

  void read_expected(Case& test) {
    if (at_ < lines_.size() && lines_[at_] == kSeparator) {
      ++at_;
      while (at_ + 1 < lines_.size() &&
             !(lines_[at_] == kSeparator && lines_[at_ + 1] == kSeparator))
        test.expected += lines_[at_++] + "\n";
      if (at_ + 1 >= lines_.size())
        throw BadCommand("line " + std::to_string(test.line) + ": the closing ---- are missing");
      at_ += 2;
      if (at_ < lines_.size() && !trimmed(lines_[at_]).empty())
        throw BadCommand("line " + std::to_string(at_ + 1) + ": must be blank");
      return;
    }
    while (at_ < lines_.size() && !trimmed(lines_[at_]).empty())
      test.expected += lines_[at_++] + "\n";
    ++at_;
  }

  std::vector<std::string> lines_;
  std::size_t at_ = 0;
};

}  // namespace

const Argument* Case::find(std::string_view key) const {
  const auto found = std::find_if(
      arguments.begin(), arguments.end(), [&](const Argument& each) { return each.key == key; });
  return found == arguments.end() ? nullptr : &*found;
}

std::string Case::text(std::string_view key, std::string_view otherwise) const {
  const Argument* argument = find(key);
  if (argument == nullptr) return std::string(otherwise);
  if (argument->values.size() != 1) throw BadCommand(std::string(key) + " needs one value");
  return argument->values.front();
}

bool Case::flag(std::string_view key, bool otherwise) const {
  const std::string value = text(key, otherwise ? "true" : "false");
  for (const char* yes : {"1", "t", "T", "true", "True", "TRUE"}) {
    if (value == yes) return true;
  }
  for (const char* no : {"0", "f", "F", "false", "False", "FALSE"}) {
    if (value == no) return false;
  }
  throw BadCommand(std::string(key) + "=" + value + ": not true or false");
}

std::uint64_t Case::number(std::string_view key, std::uint64_t otherwise) const {
  return find(key) == nullptr ? otherwise : to_number(text(key, ""));
}

std::vector<std::string> Case::words() const {
  std::vector<std::string> words;
  for (const Argument& argument : arguments) {
    if (!argument.has_value) words.push_back(argument.key);
  }
  return words;
}

std::vector<NodeId> Case::nodes() const {
  std::vector<NodeId> nodes;
  for (const std::string& word : words())
    nodes.emplace_back(to_number(word));
  return nodes;
}

std::vector<Case> read_script(const std::string& path) {
  std::ifstream file(path);
  if (!file) throw BadCommand("cannot read " + path);
  std::vector<std::string> lines;
  for (std::string line; std::getline(file, line);)
    lines.push_back(std::move(line));
  Reader reader(std::move(lines));
  std::vector<Case> cases;
  while (auto test = reader.next())
    cases.push_back(*std::move(test));
  return cases;
}

std::uint64_t to_number(const std::string& text) {
  std::uint64_t number = 0;
  const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (failed != std::errc() || end != text.data() + text.size())
    throw BadCommand("'" + text + "' is not a number");
  return number;
}

std::vector<NodeId> to_nodes(const Argument* argument) {
  std::vector<NodeId> nodes;
  if (argument == nullptr) return nodes;
  for (const std::string& value : argument->values)
    nodes.emplace_back(to_number(value));
  return nodes;
}

}  // namespace raftkit::conformance
