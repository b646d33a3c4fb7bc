// The table of options: one row each, from which flags, environment, file, help and documentation
// are made. An embedder adds rows of its own to those of raftkit.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "raftkit/config_value.hpp"
#include "raftkit/result.hpp"

namespace raftkit::config {

/// The path in the option of this name, if the table has it, is that of a file which replaces flags
/// and environment.
inline constexpr std::string_view kConfigFileOption = "config-file";

enum class OptionScope {
  every_start,
  first_start,  ///< ignored as soon as there is a log
};

/// What is written about an option; the rest follows from its value.
struct Option {
  std::string name;   ///< of the flag, without dashes
  std::string group;  ///< heading in help and documentation
  std::string help;   ///< one or two sentences on one line
  std::string unit = {};
  std::string file_key = {};      ///< empty: the name. A dot stands for a nested map
  std::string default_text = {};  ///< empty: what the variable holds when the row is added
  OptionScope scope = OptionScope::every_start;
};

struct OptionRow {
  Option option;  ///< with nothing left empty that has a default
  std::unique_ptr<OptionValue> value;
};

/// What the texts say about the program.
struct Program {
  std::string name;
  std::string version_text;  ///< what --version prints, with its line ends
  std::string environment_prefix = "ETCD_";
};

struct Run;

/// Owner: one thread at a time; parse() changes the bound variables, not the table.
class OptionTable {
 public:
  /// Sees all options read and within their limits; what it refuses ends the program with status 1.
  using Check = std::function<Result<void>(Run&)>;

  explicit OptionTable(Program program) : program_(std::move(program)) {}

  /// Names must be new to the table, and none of "help", "h", "version". A mistake here makes every
  /// parse() fail with its description.
  void add(Option option, std::unique_ptr<OptionValue> value);
  /// Checks run in the order of their addition until one refuses.
  void add_check(Check check) { checks_.push_back(std::move(check)); }

  [[nodiscard]] const Program& program() const { return program_; }
  [[nodiscard]] const std::vector<OptionRow>& rows() const { return rows_; }
  [[nodiscard]] const std::vector<Check>& checks() const { return checks_; }
  /// The row of that name, or nullptr.
  [[nodiscard]] const OptionRow* find(std::string_view name) const;
  /// "ETCD_DATA_DIR" for "data-dir".
  [[nodiscard]] std::string environment_variable(std::string_view name) const;
  /// Errors: invalid_option: what is wrong with the rows.
  [[nodiscard]] const Result<void>& validity() const { return validity_; }

 private:
  Program program_;
  std::vector<OptionRow> rows_;
  std::vector<Check> checks_;
  Result<void> validity_;
};

/// The invocations that the program knows: what goes to standard error with a malformed flag.
[[nodiscard]] std::string usage_text(const Program& program);
/// Every option with its default, by group: what --help prints.
[[nodiscard]] std::string help_text(const OptionTable& table);
/// Every option with everything about it, by group, as Markdown tables.
[[nodiscard]] std::string markdown_text(const OptionTable& table);

}  // namespace raftkit::config
