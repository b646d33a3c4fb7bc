#include "config/yaml_scalar.hpp"

#include <algorithm>
#include <array>
#include <charconv>

#include "config/go_values.hpp"

namespace raftkit::config {

namespace {

constexpr std::array<std::string_view, 5> kNulls = {"", "~", "null", "Null", "NULL"};
constexpr std::array<std::string_view, 11> kTrue = {
    "y", "Y", "yes", "Yes", "YES", "true", "True", "TRUE", "on", "On", "ON"};
constexpr std::array<std::string_view, 11> kFalse = {
    "n", "N", "no", "No", "NO", "false", "False", "FALSE", "off", "Off", "OFF"};

template <std::size_t size>
bool contains(const std::array<std::string_view, size>& words, std::string_view word) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

bool is_real(std::string_view text) {
  if (text.starts_with('-') || text.starts_with('+')) text.remove_prefix(1);
  const bool starts_like_one =
      !text.empty() && (text.front() == '.' || (text.front() >= '0' && text.front() <= '9'));
  double number = 0;
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), number);
  const bool is_all_read = parsed.ec == std::errc{} && parsed.ptr == text.data() + text.size();
  const bool is_special = text == ".inf" || text == ".Inf" || text == ".INF" || text == ".nan" ||
                          text == ".NaN" || text == ".NAN";
  return is_special || (starts_like_one && is_all_read);
}

Scalar resolve_plain(const std::string& text) {
  if (contains(kNulls, text)) return {ScalarKind::null, text};
  if (contains(kTrue, text)) return {ScalarKind::boolean, "true"};
  if (contains(kFalse, text)) return {ScalarKind::boolean, "false"};
  std::string number = text;
  std::erase(number, '_');
  if (parse_signed(number) || parse_unsigned(number))
    return {ScalarKind::integer, number.starts_with('+') ? number.substr(1) : number};
  if (is_real(number)) return {ScalarKind::real, text};
  return {ScalarKind::string, text};
}

}  // namespace

Scalar resolve(const YAML::Node& node) {
  if (node.IsNull()) return {};
  const bool is_string = node.Tag() == "!" || node.Tag() == "tag:yaml.org,2002:str";
  if (is_string) return {ScalarKind::string, node.Scalar()};
  return resolve_plain(node.Scalar());
}

}  // namespace raftkit::config
