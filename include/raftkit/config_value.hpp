// How a variable of any supported type takes part as an option: read from text, written to text,
// put back to its default.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "raftkit/config_url.hpp"
#include "raftkit/result.hpp"

namespace raftkit::config {

/// Written as a whole number of milliseconds; unsigned, so that every value that etcd reads fits.
using Milliseconds = std::chrono::duration<std::uint64_t, std::milli>;

/// What a configuration file must hold; there are no conversions between these.
enum class FileType { string, integer, boolean, nanoseconds, string_list };

/// A variable as an option sees it. Implement it for types of your own. Owner: one thread at a
/// time.
class OptionValue {
 public:
  virtual ~OptionValue() = default;

  /// For help and documentation: "uint", "string", "url-list".
  [[nodiscard]] virtual std::string_view type() const = 0;
  /// A boolean is also the only kind of flag that stands without a value.
  [[nodiscard]] virtual FileType file_type() const = 0;
  /// Reads what a flag or an environment variable says. Errors: invalid_option; the detail says
  /// what is wrong with the text, without repeating it, and the variable is unchanged.
  [[nodiscard]] virtual Result<void> set(std::string_view text) = 0;
  /// The variable now, in a form that `set` takes.
  [[nodiscard]] virtual std::string text() const = 0;
  /// Puts back what the variable held when it was bound.
  virtual void reset() = 0;

  /// "from 1 to 50000", "new or existing"; empty: no limits.
  [[nodiscard]] virtual std::string limits() const { return {}; }
  [[nodiscard]] virtual bool is_within_limits() const { return true; }
  /// Whether etcd takes an empty text for "not given".
  [[nodiscard]] virtual bool is_reset_by_empty_text() const { return false; }
};

/// Inclusive. Checked after all options are read, so that a value out of bounds is an error of
/// validation and not of parsing (their exit statuses differ).
template <class T>
struct Bounds {
  std::optional<T> minimum;
  std::optional<T> maximum;
};

// What the variable holds is the default. The variable must outlive the value and stay in place.

[[nodiscard]] std::unique_ptr<OptionValue> bind(bool& variable);
[[nodiscard]] std::unique_ptr<OptionValue> bind(std::string& variable);
/// Between commas, repetitions and order kept; an empty text is an empty list.
[[nodiscard]] std::unique_ptr<OptionValue> bind(std::vector<std::string>& variable);
/// Between commas, sorted; an empty text means the default.
[[nodiscard]] std::unique_ptr<OptionValue> bind(std::vector<Url>& variable);
[[nodiscard]] std::unique_ptr<OptionValue> bind(std::uint32_t& variable,
                                                Bounds<std::uint32_t> bounds = {});
[[nodiscard]] std::unique_ptr<OptionValue> bind(std::uint64_t& variable,
                                                Bounds<std::uint64_t> bounds = {});
[[nodiscard]] std::unique_ptr<OptionValue> bind(std::int64_t& variable,
                                                Bounds<std::int64_t> bounds = {});
/// A whole number without unit.
[[nodiscard]] std::unique_ptr<OptionValue> bind(Milliseconds& variable,
                                                Bounds<Milliseconds> bounds = {});
/// With units, as "5s"; in a file a whole number of nanoseconds.
[[nodiscard]] std::unique_ptr<OptionValue> bind(std::chrono::nanoseconds& variable,
                                                Bounds<std::chrono::nanoseconds> bounds = {});

/// A word and what it means.
template <class Enum>
struct Choice {
  std::string text;
  Enum value;
};

namespace detail {

/// "new or existing".
[[nodiscard]] std::string list_of_choices(std::span<const std::string> texts);

template <class Enum>
class ChoiceValue final : public OptionValue {
 public:
  ChoiceValue(Enum& variable, std::vector<Choice<Enum>> choices)
      : variable_(variable), default_(variable), choices_(std::move(choices)) {}

  [[nodiscard]] std::string_view type() const override { return "enum"; }
  [[nodiscard]] FileType file_type() const override { return FileType::string; }
  [[nodiscard]] Result<void> set(std::string_view text) override {
    for (const auto& choice : choices_) {
      if (choice.text == text) {
        variable_ = choice.value;
        return {};
      }
    }
    return Error(Errc::invalid_option, "must be " + limits());
  }
  [[nodiscard]] std::string text() const override {
    for (const auto& choice : choices_)
      if (choice.value == variable_) return choice.text;
    return {};
  }
  void reset() override { variable_ = default_; }
  [[nodiscard]] std::string limits() const override {
    std::vector<std::string> texts;
    for (const auto& choice : choices_)
      texts.push_back(choice.text);
    return list_of_choices(texts);
  }

 private:
  Enum& variable_;
  Enum default_;
  std::vector<Choice<Enum>> choices_;
};

}  // namespace detail

/// One of a few words, compared with case.
template <class Enum>
requires std::is_enum_v<Enum>
[[nodiscard]] std::unique_ptr<OptionValue> bind_choice(Enum& variable,
                                                       std::vector<Choice<Enum>> choices) {
  return std::make_unique<detail::ChoiceValue<Enum>>(variable, std::move(choices));
}

}  // namespace raftkit::config
