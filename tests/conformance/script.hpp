// Files of commands with the output that each must produce.
#pragma once

#include <cstddef>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "raftkit/types.hpp"

namespace raftkit::conformance {

/// A command that cannot be carried out: the file, or the runner, is wrong.
struct BadCommand : std::runtime_error {
  using std::runtime_error::runtime_error;
};

struct Argument {
  std::string key;
  bool has_value = false;
  std::vector<std::string> values;
};

struct Case {
  std::size_t line = 0;           ///< of the command, from 1
  std::size_t expected_line = 0;  ///< of the first line of `expected`
  std::string command;
  std::vector<Argument> arguments;
  std::string input;
  std::string expected;

  [[nodiscard]] const Argument* find(std::string_view key) const;
  /// The only value of an argument; `otherwise` if it is absent.
  [[nodiscard]] std::string text(std::string_view key, std::string_view otherwise) const;
  [[nodiscard]] bool flag(std::string_view key, bool otherwise) const;
  [[nodiscard]] std::uint64_t number(std::string_view key, std::uint64_t otherwise) const;
  /// The arguments without a value.
  [[nodiscard]] std::vector<std::string> words() const;
  /// The numbers among them.
  [[nodiscard]] std::vector<NodeId> nodes() const;
};

[[nodiscard]] std::vector<Case> read_script(const std::string& path);

[[nodiscard]] std::uint64_t to_number(const std::string& text);
[[nodiscard]] std::vector<NodeId> to_nodes(const Argument* argument);

}  // namespace raftkit::conformance
