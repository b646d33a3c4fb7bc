#include "raftkit/config_parse.hpp"

#include "config/environment.hpp"
#include "config/flags.hpp"
#include "config/limits.hpp"
#include "config/text.hpp"
#include "config/yaml.hpp"

namespace raftkit::config {

namespace {

std::string config_file_path(const OptionTable& table, const Environment& environment) {
  const OptionRow* const row = table.find(kConfigFileOption);
  if (row == nullptr) return {};
  if (std::string path = row->value->text(); !path.empty()) return path;
  const auto variable = environment.find(table.environment_variable(kConfigFileOption));
  return variable == environment.end() ? std::string() : variable->second;
}

Notice file_is_used(const std::string& path, const Flags& flags) {
  Notice notice{LogLevel::info,
                "config_file_used",
                "loading the configuration from a file; other flags and environment variables are "
                "ignored",
                {{"file", path}}};
  std::vector<std::string> ignored;
  for (const std::string& name : flags.given)
    if (name != kConfigFileOption) ignored.push_back("--" + name);
  if (!ignored.empty()) notice.fields.push_back({"ignored_flags", join(ignored)});
  return notice;
}

Result<void> load_file(const OptionTable& table,
                       const std::string& path,
                       const Flags& flags,
                       Run& run) {
  for (const OptionRow& row : table.rows())
    row.value->reset();
  const bool is_flag = flags.given.count(std::string(kConfigFileOption)) != 0;
  run.sources[std::string(kConfigFileOption)] =
      is_flag ? ValueSource::flag : ValueSource::environment;
  run.notices.push_back(file_is_used(path, flags));
  if (auto assigned = table.find(kConfigFileOption)->value->set(path); !assigned) return assigned;
  return apply_file(table, path, run);
}

Result<void> load(const OptionTable& table,
                  const Flags& flags,
                  const Environment& environment,
                  Run& run) {
  if (const auto path = config_file_path(table, environment); !path.empty())
    return load_file(table, path, flags, run);
  for (const std::string& name : flags.given)
    run.sources[name] = ValueSource::flag;
  return apply_environment(table, environment, flags, run);
}

Result<void> load_and_check(const OptionTable& table,
                            const Flags& flags,
                            const Environment& environment,
                            Run& run) {
  if (auto loaded = load(table, flags, environment, run); !loaded) return loaded;
  if (auto checked = check_limits(table, run); !checked) return checked;
  for (const auto& check : table.checks())
    if (auto checked = check(run); !checked) return checked;
  return {};
}

}  // namespace

ParseOutcome parse(const OptionTable& table,
                   std::span<const std::string> arguments,
                   const Environment& environment) {
  const Program& program = table.program();
  if (!table.validity()) return refusal(program, table.validity().error());
  for (const OptionRow& row : table.rows())
    row.value->reset();
  const Flags flags = parse_flags(table, arguments);
  switch (flags.end) {
    case FlagsEnd::help:
      return Stop{0, help_text(table), usage_text(program), {}};
    case FlagsEnd::malformed:
      return Stop{2, {}, flags.complaint + "\n" + usage_text(program), flags.complaint};
    case FlagsEnd::stray_word:
      return refusal(program, Error(Errc::invalid_option, flags.complaint));
    case FlagsEnd::complete:
      break;
  }
  if (flags.version == VersionAsked::yes) return Stop{0, program.version_text, {}, {}};
  Run run;
  if (const auto loaded = load_and_check(table, flags, environment, run); !loaded)
    return refusal(program, loaded.error());
  return run;
}

Stop refusal(const Program& program, const Error& error) {
  const std::string text =
      program.name + ": " + error.message() + ". See '" + program.name + " --help'.\n";
  return {1, {}, text, error.message()};
}

std::vector<std::string> arguments_of(int argc, const char* const* argv) {
  if (argc <= 1) return {};
  return {argv + 1, argv + argc};
}

}  // namespace raftkit::config
