#include "raftkit/config_parse.hpp"

namespace raftkit::config {

std::string_view to_string(ValueSource source) {
  switch (source) {
    case ValueSource::preset:
      return "default";
    case ValueSource::file:
      return "file";
    case ValueSource::environment:
      return "environment";
    case ValueSource::flag:
      return "flag";
  }
  return "unknown";
}

void log_notices(LogSink& sink, std::span<const Notice> notices) {
  for (const Notice& notice : notices) {
    if (sink.enabled(notice.level))
      sink.write({notice.level, notice.event, notice.text, notice.fields});
  }
}

ValueSource Run::source(std::string_view option) const {
  const auto found = sources.find(option);
  return found == sources.end() ? ValueSource::preset : found->second;
}

std::vector<EffectiveOption> effective_options(const OptionTable& table, const Run& run) {
  std::vector<EffectiveOption> options;
  for (const OptionRow& row : table.rows())
    options.push_back({row.option.name, row.value->text(), run.source(row.option.name)});
  return options;
}

void log_options(LogSink& sink, const OptionTable& table, const Run& run) {
  for (const EffectiveOption& option : effective_options(table, run)) {
    const bool is_chosen = option.source != ValueSource::preset;
    sink.log(is_chosen ? LogLevel::info : LogLevel::debug,
             "option",
             "option in force",
             {{"name", option.name},
              {"value", option.value},
              {"source", std::string(to_string(option.source))}});
  }
}

}  // namespace raftkit::config
