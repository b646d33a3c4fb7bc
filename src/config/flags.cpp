#include "config/flags.hpp"

#include <optional>

#include "config/assign.hpp"
#include "config/go_values.hpp"
#include "config/text.hpp"
#include "config/unknown_name.hpp"

namespace raftkit::config {

namespace {

constexpr std::string_view kVersionFlag = "version";

// One word of the form -name, --name or with =value.
struct Spelled {
  std::string_view name;
  std::optional<std::string_view> value;
};

// Nothing if the word is "---x", "--=x" or the like.
std::optional<Spelled> take_apart(std::string_view word) {
  word.remove_prefix(word.starts_with("--") ? 2 : 1);
  if (word.empty() || word.front() == '-' || word.front() == '=') return std::nullopt;
  const auto [name, value] = cut(word, '=');
  if (name.size() == word.size()) return Spelled{name, std::nullopt};
  return Spelled{name, value};
}

bool is_flag(std::string_view word) {
  return word.size() >= 2 && word.front() == '-';
}

class FlagReader {
 public:
  FlagReader(const OptionTable& table, std::span<const std::string> arguments)
      : table_(table), rest_(arguments) {}

  Flags read() && {
    while (flags_.end == FlagsEnd::complete && !rest_.empty() && is_flag(rest_.front())) {
      const std::string_view word = take();
      if (word == "--") break;
      read_flag(word);
    }
    if (flags_.end == FlagsEnd::complete && !rest_.empty()) refuse_word(rest_.front());
    return std::move(flags_);
  }

 private:
  std::string_view take() {
    const std::string_view word = rest_.front();
    rest_ = rest_.subspan(1);
    return word;
  }

  void stop(FlagsEnd end, std::string complaint) {
    flags_.end = end;
    flags_.complaint = std::move(complaint);
  }

  void read_flag(std::string_view word) {
    bare_boolean_.reset();
    const auto flag = take_apart(word);
    if (!flag) return stop(FlagsEnd::malformed, "bad flag syntax: " + std::string(word));
    if (flag->name == kVersionFlag) return read_version(flag->value.value_or("true"));
    const OptionRow* const row = table_.find(flag->name);
    if (row == nullptr) return read_unknown(flag->name);
    if (row->value->file_type() == FileType::boolean) return read_boolean(*row, flag->value);
    read_value(*row, flag->value);
  }

  void read_unknown(std::string_view name) {
    if (name == "help" || name == "h") return stop(FlagsEnd::help, {});
    std::string complaint = "flag provided but not defined: -" + std::string(name);
    const UnknownName unknown = look_up(table_, name);
    if (unknown.is_etcds)
      complaint += " (etcd has this flag, " + table_.program().name + " has not)";
    if (unknown.nearest) complaint += " (did you mean --" + *unknown.nearest + "?)";
    stop(FlagsEnd::malformed, std::move(complaint));
  }

  void read_version(std::string_view value) {
    const auto asked = parse_boolean(value);
    if (!asked) return refuse_boolean(kVersionFlag, value, asked.error());
    flags_.version = *asked ? VersionAsked::yes : VersionAsked::no;
  }

  void read_boolean(const OptionRow& row, std::optional<std::string_view> value) {
    if (!value) bare_boolean_ = row.option.name;
    const auto assigned = assign(row, value.value_or("true"));
    if (!assigned) return refuse_boolean(row.option.name, *value, assigned.error());
    flags_.given.insert(row.option.name);
  }

  void read_value(const OptionRow& row, std::optional<std::string_view> value) {
    if (!value && rest_.empty())
      return stop(FlagsEnd::malformed, "flag needs an argument: -" + row.option.name);
    if (!value) value = take();
    const auto assigned = assign(row, *value);
    if (!assigned)
      return stop(FlagsEnd::malformed,
                  "invalid value " + quoted(*value) + " for flag -" + row.option.name + ": " +
                      assigned.error().message());
    flags_.given.insert(row.option.name);
  }

  void refuse_boolean(std::string_view name, std::string_view value, const Error& why) {
    stop(FlagsEnd::malformed,
         "invalid boolean value " + quoted(value) + " for -" + std::string(name) + ": " +
             why.message());
  }

  void refuse_word(const std::string& word) {
    std::string complaint = "'" + word + "' is not a valid flag";
    if (bare_boolean_ && parse_boolean(word))
      complaint += ": write --" + *bare_boolean_ + "=" + word;
    stop(FlagsEnd::stray_word, std::move(complaint));
  }

  const OptionTable& table_;
  std::span<const std::string> rest_;
  std::optional<std::string> bare_boolean_;  // the last flag, if it was one without a value
  Flags flags_;
};

}  // namespace

Flags parse_flags(const OptionTable& table, std::span<const std::string> arguments) {
  return FlagReader(table, arguments).read();
}

}  // namespace raftkit::config
