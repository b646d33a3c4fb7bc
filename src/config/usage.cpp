#include <algorithm>

#include "raftkit/config_table.hpp"

namespace raftkit::config {

namespace {

// In the order in which the table first names them.
std::vector<std::string> groups_of(const OptionTable& table) {
  std::vector<std::string> groups;
  for (const OptionRow& row : table.rows()) {
    if (std::find(groups.begin(), groups.end(), row.option.group) == groups.end())
      groups.push_back(row.option.group);
  }
  return groups;
}

std::string help_entry(const OptionRow& row) {
  const Option& option = row.option;
  std::string text = "  --" + option.name + " '" + option.default_text + "'\n    " + option.help;
  if (!option.unit.empty()) text += " Unit: " + option.unit + ".";
  if (!row.value->limits().empty()) text += " Must be " + row.value->limits() + ".";
  if (option.scope == OptionScope::first_start) text += " Counts only at the first start.";
  return text + "\n";
}

// A cell must stay one cell: bars and line ends would cut it.
std::string cell(std::string_view text) {
  std::string result;
  for (const char character : text) {
    if (character == '|') result += '\\';
    result += character == '\n' ? ' ' : character;
  }
  return result;
}

std::string code_cell(std::string_view text) {
  return text.empty() ? "–" : "`" + cell(text) + "`";
}

std::string_view file_type_name(FileType type) {
  switch (type) {
    case FileType::string:
      return "string";
    case FileType::integer:
      return "integer";
    case FileType::boolean:
      return "boolean";
    case FileType::nanoseconds:
      return "integer, ns";
    case FileType::string_list:
      return "list";
  }
  return "unknown";
}

std::string file_cell(const OptionRow& row) {
  if (row.option.name == kConfigFileOption) return "–";
  return code_cell(row.option.file_key) + " (" +
         std::string(file_type_name(row.value->file_type())) + ")";
}

std::string markdown_row(const OptionTable& table, const OptionRow& row) {
  const Option& option = row.option;
  const bool is_first_start = option.scope == OptionScope::first_start;
  std::string type(row.value->type());
  if (!option.unit.empty()) type += ", " + option.unit;
  const std::string limits = row.value->limits();
  std::string line = "| " + code_cell("--" + option.name);
  line += " | " + code_cell(table.environment_variable(option.name));
  line += " | " + file_cell(row);
  line += " | " + cell(type);
  line += " | " + code_cell(option.default_text);
  line += " | " + (limits.empty() ? "–" : cell(limits));
  line += " | " + std::string(is_first_start ? "first start" : "every start");
  return line + " | " + cell(option.help) + " |\n";
}

}  // namespace

std::string usage_text(const Program& program) {
  const std::string& name = program.name;
  return "Usage:\n\n"
         "  " +
         name +
         " [flags]\n"
         "    Start " +
         name +
         ".\n\n"
         "  " +
         name +
         " --version\n"
         "    Show the version of " +
         name +
         ".\n\n"
         "  " +
         name +
         " -h | --help\n"
         "    Show the help information about " +
         name +
         ".\n\n"
         "  " +
         name +
         " --config-file\n"
         "    Path to the configuration file. If one is given, other command line flags and\n"
         "    environment variables are ignored.\n";
}

std::string help_text(const OptionTable& table) {
  std::string text;
  for (const std::string& group : groups_of(table)) {
    text += "\n" + group + ":\n";
    for (const OptionRow& row : table.rows())
      if (row.option.group == group) text += help_entry(row);
  }
  return text;
}

std::string markdown_text(const OptionTable& table) {
  std::string text;
  for (const std::string& group : groups_of(table)) {
    text += text.empty() ? "" : "\n";
    text += "### " + group +
            "\n\n"
            "| Flag | Environment | File key | Type | Default | Bounds | Counts at | Meaning |\n"
            "|---|---|---|---|---|---|---|---|\n";
    for (const OptionRow& row : table.rows())
      if (row.option.group == group) text += markdown_row(table, row);
  }
  return text;
}

}  // namespace raftkit::config
