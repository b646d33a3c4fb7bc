#include "config/environment.hpp"

#include <set>
#include <unistd.h>

#include "config/assign.hpp"
#include "config/text.hpp"
#include "config/unknown_name.hpp"

namespace raftkit::config {

namespace {

// etcd refuses even equal values: which of the two an operator will change next is anybody's guess.
Result<void> check_conflicts(const OptionTable& table,
                             const Environment& environment,
                             const Flags& flags) {
  for (const std::string& name : flags.given) {
    const std::string variable = table.environment_variable(name);
    if (environment.count(variable) != 0)
      return Error(Errc::invalid_option,
                   "conflicting environment variable " + quoted(variable) +
                       " is shadowed by the command-line flag --" + name +
                       ": unset the variable or remove the flag");
  }
  return {};
}

Result<void> assign_variable(const OptionRow& row,
                             const std::string& variable,
                             const std::string& value,
                             Run& run) {
  const auto assigned = assign(row, value);
  if (!assigned)
    return Error(
        Errc::invalid_option,
        "invalid value " + quoted(value) + " for " + variable + ": " + assigned.error().message());
  run.sources[row.option.name] = ValueSource::environment;
  run.notices.push_back({LogLevel::info,
                         "environment_variable_used",
                         "recognized and used environment variable",
                         {{"variable", variable}, {"value", value}}});
  return {};
}

// "ETCD_WAL_DIR" -> "wal-dir".
std::string flag_name(std::string_view variable, std::string_view prefix) {
  std::string name = lower_case(variable.substr(prefix.size()));
  for (char& character : name)
    if (character == '_') character = '-';
  return name;
}

Notice unrecognized(const OptionTable& table, const std::string& variable) {
  const Program& program = table.program();
  const UnknownName unknown = look_up(table, flag_name(variable, program.environment_prefix));
  std::string text = "unrecognized environment variable " + variable;
  if (unknown.is_etcds) text += " (etcd has this option, " + program.name + " has not)";
  if (unknown.nearest)
    text += " (did you mean " + table.environment_variable(*unknown.nearest) + "?)";
  return {LogLevel::warn, "environment_variable_unrecognized", std::move(text)};
}

Notice empty(const std::string& variable) {
  return {LogLevel::warn,
          "environment_variable_empty",
          "environment variable " + variable + " is empty and therefore ignored"};
}

}  // namespace

Result<void> apply_environment(const OptionTable& table,
                               const Environment& environment,
                               const Flags& flags,
                               Run& run) {
  if (auto checked = check_conflicts(table, environment, flags); !checked) return checked;
  std::set<std::string> recognized;
  for (const OptionRow& row : table.rows()) {
    const std::string variable = table.environment_variable(row.option.name);
    const auto found = environment.find(variable);
    if (found == environment.end()) continue;
    recognized.insert(variable);
    if (found->second.empty()) {
      run.notices.push_back(empty(variable));
      continue;
    }
    if (auto assigned = assign_variable(row, variable, found->second, run); !assigned)
      return assigned;
  }
  for (const auto& [variable, value] : environment) {
    const bool is_ours = variable.starts_with(table.program().environment_prefix);
    if (is_ours && recognized.count(variable) == 0)
      run.notices.push_back(unrecognized(table, variable));
  }
  return {};
}

Environment process_environment() {
  Environment result;
  for (char** entry = environ; entry != nullptr && *entry != nullptr; ++entry) {
    const auto [name, value] = cut(*entry, '=');
    result.emplace(name, value);  // of repetitions the first counts, as for getenv
  }
  return result;
}

}  // namespace raftkit::config
