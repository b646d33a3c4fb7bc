#include "config/limits.hpp"

namespace raftkit::config {

namespace {

std::string origin(const OptionTable& table, const OptionRow& row, const Run& run) {
  switch (run.source(row.option.name)) {
    case ValueSource::environment:
      return " (set by " + table.environment_variable(row.option.name) + ")";
    case ValueSource::file:
      return " (set in the configuration file)";
    case ValueSource::preset:
    case ValueSource::flag:
      break;
  }
  return {};
}

}  // namespace

Result<void> check_limits(const OptionTable& table, const Run& run) {
  for (const OptionRow& row : table.rows()) {
    if (row.value->is_within_limits()) continue;
    const std::string unit = row.option.unit.empty() ? "" : " " + row.option.unit;
    return Error(Errc::invalid_option,
                 "--" + row.option.name + "=" + row.value->text() + origin(table, row, run) +
                     ": must be " + row.value->limits() + unit);
  }
  return {};
}

}  // namespace raftkit::config
