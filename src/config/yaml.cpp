#include "config/yaml.hpp"

#include <algorithm>
#include <cerrno>
#include <fstream>
#include <system_error>
#include <yaml-cpp/yaml.h>

#include "config/assign.hpp"
#include "config/text.hpp"
#include "config/unknown_name.hpp"
#include "config/yaml_scalar.hpp"

namespace raftkit::config {

namespace {

constexpr std::size_t kMaxFileBytes = std::size_t{1} << 20;

Result<std::string> read_text(const std::string& path) {
  errno = 0;
  std::ifstream file(path, std::ios::binary);
  std::string content(kMaxFileBytes + 1, '\0');
  if (file) file.read(content.data(), static_cast<std::streamsize>(content.size()));
  if (!file.is_open() || file.bad())
    return Error(Errc::io_error, std::generic_category().message(errno));
  content.resize(static_cast<std::size_t>(file.gcount()));
  if (content.size() > kMaxFileBytes) return Error(Errc::invalid_option, "it is larger than 1 MiB");
  return content;
}

std::string_view expectation(FileType type) {
  switch (type) {
    case FileType::string:
      return "a string";
    case FileType::integer:
      return "a whole number";
    case FileType::boolean:
      return "true or false";
    case FileType::nanoseconds:
      return "a whole number of nanoseconds";
    case FileType::string_list:
      return "a list of strings";
  }
  return "something else";
}

std::string description(const YAML::Node& node) {
  if (node.IsSequence()) return "a list";
  if (node.IsMap()) return "a map";
  const Scalar scalar = resolve(node);
  switch (scalar.kind) {
    case ScalarKind::null:
      return "nothing";
    case ScalarKind::boolean:
      return "the boolean " + node.Scalar();
    case ScalarKind::integer:
    case ScalarKind::real:
      return "the number " + node.Scalar();
    case ScalarKind::string:
      break;
  }
  return "the string " + quoted(scalar.text);
}

Error wrong_type(FileType type, const YAML::Node& node) {
  return {Errc::invalid_option,
          "must be " + std::string(expectation(type)) + ", not " + description(node)};
}

// The text that the option reads. Errors: invalid_option.
Result<std::string> list_text(const YAML::Node& node) {
  std::vector<std::string> items;
  for (const auto& item : node) {
    const bool is_string = item.IsScalar() && resolve(item).kind == ScalarKind::string;
    if (!is_string) return wrong_type(FileType::string, item);
    if (item.Scalar().find(',') != std::string::npos)
      return Error(Errc::invalid_option, "must not contain a comma: " + quoted(item.Scalar()));
    items.push_back(item.Scalar());
  }
  return join(items);
}

Result<std::string> option_text(FileType type, const YAML::Node& node) {
  if (type == FileType::string_list && node.IsSequence()) return list_text(node);
  if (!node.IsScalar()) return wrong_type(type, node);
  const Scalar scalar = resolve(node);
  const bool is_fitting = (type == FileType::string && scalar.kind == ScalarKind::string) ||
                          (type == FileType::boolean && scalar.kind == ScalarKind::boolean) ||
                          (type == FileType::integer && scalar.kind == ScalarKind::integer) ||
                          (type == FileType::nanoseconds && scalar.kind == ScalarKind::integer);
  if (!is_fitting) return wrong_type(type, node);
  return type == FileType::nanoseconds ? scalar.text + "ns" : scalar.text;
}

// One key of the file with what stands there; keys of nested maps are joined with dots.
struct Entry {
  std::string key;
  YAML::Node node;
};

bool is_key_of(const OptionRow& row, std::string_view key) {
  return row.option.name != kConfigFileOption && row.option.file_key == key;
}

bool has_nested_keys(const OptionTable& table, const std::string& key) {
  const auto& rows = table.rows();
  return std::any_of(rows.begin(), rows.end(), [&](const OptionRow& row) {
    return row.option.file_key.starts_with(key + '.');
  });
}

void collect(const OptionTable& table,
             const YAML::Node& map,
             const std::string& prefix,
             std::vector<Entry>& entries) {
  for (const auto& pair : map) {
    const std::string key = prefix + lower_case(pair.first.IsScalar() ? pair.first.Scalar() : "?");
    if (pair.second.IsMap() && has_nested_keys(table, key)) {
      collect(table, pair.second, key + '.', entries);
    } else {
      entries.push_back({key, pair.second});
    }
  }
}

Notice unrecognized(const OptionTable& table, const std::string& path, const Entry& entry) {
  std::string text = "unrecognized key " + quoted(entry.key) + " in the configuration file";
  const UnknownName unknown = look_up(table, entry.key);
  if (unknown.is_etcds) text += " (etcd has this option, " + table.program().name + " has not)";
  if (unknown.nearest) text += " (did you mean " + *unknown.nearest + "?)";
  return {LogLevel::warn, "config_file_key_unrecognized", std::move(text), {{"file", path}}};
}

Result<void> apply_entry(const OptionRow& row, const Entry& entry, Run& run) {
  if (entry.node.IsNull()) return {};
  const auto text = option_text(row.value->file_type(), entry.node);
  auto assigned = text ? assign(row, *text) : Result<void>(text.error());
  if (!assigned)
    return Error(Errc::invalid_option,
                 "line " + std::to_string(entry.node.Mark().line + 1) + ": " + entry.key +
                     (text ? ": invalid value " + quoted(*text) + ": " : " ") +
                     assigned.error().message());
  run.sources[row.option.name] = ValueSource::file;
  return {};
}

Result<void> apply_entries(const OptionTable& table,
                           const std::string& path,
                           const std::vector<Entry>& entries,
                           Run& run) {
  for (const OptionRow& row : table.rows()) {
    const auto last = std::find_if(entries.rbegin(), entries.rend(), [&](const Entry& entry) {
      return is_key_of(row, entry.key);
    });
    if (last == entries.rend()) continue;
    if (auto applied = apply_entry(row, *last, run); !applied) return applied;
  }
  for (const Entry& entry : entries) {
    const bool is_known =
        std::any_of(table.rows().begin(), table.rows().end(), [&](const OptionRow& row) {
          return is_key_of(row, entry.key);
        });
    if (!is_known) run.notices.push_back(unrecognized(table, path, entry));
  }
  return {};
}

Result<void> apply_content(const OptionTable& table, const std::string& path, Run& run) try {
  const auto content = read_text(path);
  if (!content) return content.error();
  const YAML::Node document = YAML::Load(*content);
  if (!document.IsDefined() || document.IsNull()) return {};
  if (!document.IsMap())
    return Error(Errc::invalid_option,
                 "must be a map of keys and values, not " + description(document));
  std::vector<Entry> entries;
  collect(table, document, "", entries);
  return apply_entries(table, path, entries, run);
} catch (const YAML::Exception& exception) {
  return Error(Errc::invalid_option,
               "line " + std::to_string(exception.mark.line + 1) + ": " + exception.msg);
}

}  // namespace

Result<void> apply_file(const OptionTable& table, const std::string& path, Run& run) {
  auto applied = apply_content(table, path, run);
  if (applied) return applied;
  return Error(
      applied.error().code(),
      "cannot use the configuration file " + quoted(path) + ": " + applied.error().message());
}

}  // namespace raftkit::config
