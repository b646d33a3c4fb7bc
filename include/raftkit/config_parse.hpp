// From a command line, an environment and a file to values, with etcd's precedence, exit statuses
// and streams. Nothing here prints or exits: the caller is told what to print and how to exit.
#pragma once

#include <map>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "raftkit/config_table.hpp"
#include "raftkit/log_sink.hpp"

namespace raftkit::config {

/// Where a value comes from.
enum class ValueSource { preset, file, environment, flag };

/// "default", "file", "environment", "flag".
[[nodiscard]] std::string_view to_string(ValueSource source);

/// Something to be logged as soon as there is a log.
struct Notice {
  LogLevel level = LogLevel::info;
  std::string_view event;  ///< a literal
  std::string text;
  std::vector<LogField> fields = {};
};

void log_notices(LogSink& sink, std::span<const Notice> notices);

/// The program may run: the bound variables hold the values.
struct Run {
  std::map<std::string, ValueSource, std::less<>> sources;  ///< of the options that were set
  std::vector<Notice> notices;

  [[nodiscard]] ValueSource source(std::string_view option) const;
  /// By flag, environment or file, whatever the value; what etcd's rules mean by "set".
  [[nodiscard]] bool is_set(std::string_view option) const {
    return source(option) != ValueSource::preset;
  }
};

/// The program has to end: after printing both texts, with this status.
struct Stop {
  int exit_status = 0;
  std::string standard_output;
  std::string standard_error;
  std::string reason;  ///< what was refused, without decoration, to be logged; empty if nothing was
};

using ParseOutcome = std::variant<Run, Stop>;

/// Names and values; a value may be empty.
using Environment = std::map<std::string, std::string, std::less<>>;

/// Reads flags; then the file that --config-file or its variable names, which replaces everything
/// else; or, without one, the environment. Then checks limits and runs the table's checks.
///
/// Status 0: --help (usage to standard error, options to standard output), --version. Status 2: a
/// flag that cannot be read. Status 1: everything else that is wrong: a stray word, a variable that
/// is set beside its flag, a bad value in the environment, the file, a value out of its limits.
/// After a Stop the bound variables hold anything. `arguments` are without the program's name.
[[nodiscard]] ParseOutcome parse(const OptionTable& table,
                                 std::span<const std::string> arguments,
                                 const Environment& environment);

/// How parse() reports an error of status 1; for checks that have to wait, such as those of a first
/// start.
[[nodiscard]] Stop refusal(const Program& program, const Error& error);

/// The words after the program's name.
[[nodiscard]] std::vector<std::string> arguments_of(int argc, const char* const* argv);
/// A copy of this process's environment. Threads: not while another thread changes it.
[[nodiscard]] Environment process_environment();

/// One option as it is in force now.
struct EffectiveOption {
  std::string name;
  std::string value;
  ValueSource source = ValueSource::preset;
};

/// All options in the order of the table.
[[nodiscard]] std::vector<EffectiveOption> effective_options(const OptionTable& table,
                                                             const Run& run);
/// One line for each of them, so that whoever reads a log sees how the node was configured: at
/// level info for what somebody chose, at level debug for defaults.
void log_options(LogSink& sink, const OptionTable& table, const Run& run);

}  // namespace raftkit::config
