#include <algorithm>

#include "raftkit/config_table.hpp"

#include "config/text.hpp"

namespace raftkit::config {

namespace {

bool is_reserved(std::string_view name) {
  return name == "help" || name == "h" || name == "version";
}

bool is_well_formed(std::string_view name) {
  return !name.empty() && name.front() != '-' && name.find('=') == std::string_view::npos;
}

}  // namespace

void OptionTable::add(Option option, std::unique_ptr<OptionValue> value) {
  if (!is_well_formed(option.name) || is_reserved(option.name) || find(option.name) != nullptr) {
    validity_ = Error(Errc::invalid_option,
                      "the option table is wrong: " + quoted(option.name) +
                          " is malformed, reserved or defined twice");
    return;
  }
  if (option.file_key.empty()) option.file_key = option.name;
  if (option.default_text.empty()) option.default_text = value->text();
  rows_.push_back({std::move(option), std::move(value)});
}

const OptionRow* OptionTable::find(std::string_view name) const {
  const auto found = std::find_if(
      rows_.begin(), rows_.end(), [&](const OptionRow& row) { return row.option.name == name; });
  return found == rows_.end() ? nullptr : &*found;
}

std::string OptionTable::environment_variable(std::string_view name) const {
  std::string variable = program_.environment_prefix;
  for (const char character : name) {
    const bool is_lower = character >= 'a' && character <= 'z';
    variable += character == '-' ? '_'
                : is_lower       ? static_cast<char>(character - 'a' + 'A')
                                 : character;
  }
  return variable;
}

}  // namespace raftkit::config
