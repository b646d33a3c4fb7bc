#include <limits>

#include "raftkit/config_value.hpp"

#include "config/go_values.hpp"
#include "config/text.hpp"

namespace raftkit::config {

namespace {

using std::chrono::nanoseconds;

// What a type is called and how it is read and written; one specialisation per type.
template <class T>
struct Kind;

template <>
struct Kind<bool> {
  static constexpr std::string_view kName = "bool";
  static constexpr FileType kFileType = FileType::boolean;
  static Result<bool> parse(std::string_view text) { return parse_boolean(text); }
  static std::string write(bool value) { return value ? "true" : "false"; }
};

template <>
struct Kind<std::string> {
  static constexpr std::string_view kName = "string";
  static constexpr FileType kFileType = FileType::string;
  static Result<std::string> parse(std::string_view text) { return std::string(text); }
  static std::string write(const std::string& value) { return value; }
};

template <>
struct Kind<std::vector<std::string>> {
  static constexpr std::string_view kName = "string-list";
  static constexpr FileType kFileType = FileType::string_list;
  static Result<std::vector<std::string>> parse(std::string_view text) {
    const auto pieces = split(text, ',');
    if (text.empty()) return std::vector<std::string>{};
    return std::vector<std::string>(pieces.begin(), pieces.end());
  }
  static std::string write(const std::vector<std::string>& value) { return join(value); }
};

template <>
struct Kind<std::vector<Url>> {
  static constexpr std::string_view kName = "url-list";
  static constexpr FileType kFileType = FileType::string;
  static Result<std::vector<Url>> parse(std::string_view text) {
    auto urls = parse_url_list(text);
    if (!urls) return Error(Errc::invalid_option, urls.error().message());
    return urls;
  }
  static std::string write(const std::vector<Url>& value) { return to_string(value); }
};

template <>
struct Kind<std::uint64_t> {
  static constexpr std::string_view kName = "uint64";
  static constexpr FileType kFileType = FileType::integer;
  static Result<std::uint64_t> parse(std::string_view text) { return parse_unsigned(text); }
  static std::string write(std::uint64_t value) { return std::to_string(value); }
};

template <>
struct Kind<std::uint32_t> {
  static constexpr std::string_view kName = "uint32";
  static constexpr FileType kFileType = FileType::integer;
  static Result<std::uint32_t> parse(std::string_view text) {
    const auto number = parse_unsigned(text);
    if (!number) return number.error();
    if (*number > std::numeric_limits<std::uint32_t>::max())
      return Error(Errc::invalid_option, "out of range");
    return static_cast<std::uint32_t>(*number);
  }
  static std::string write(std::uint32_t value) { return std::to_string(value); }
};

template <>
struct Kind<std::int64_t> {
  static constexpr std::string_view kName = "int64";
  static constexpr FileType kFileType = FileType::integer;
  static Result<std::int64_t> parse(std::string_view text) { return parse_signed(text); }
  static std::string write(std::int64_t value) { return std::to_string(value); }
};

template <>
struct Kind<Milliseconds> {
  static constexpr std::string_view kName = "uint";
  static constexpr FileType kFileType = FileType::integer;
  static Result<Milliseconds> parse(std::string_view text) {
    const auto number = parse_unsigned(text);
    if (!number) return number.error();
    return Milliseconds(*number);
  }
  static std::string write(Milliseconds value) { return std::to_string(value.count()); }
};

template <>
struct Kind<nanoseconds> {
  static constexpr std::string_view kName = "duration";
  static constexpr FileType kFileType = FileType::nanoseconds;
  static Result<nanoseconds> parse(std::string_view text) { return parse_duration(text); }
  static std::string write(nanoseconds value) { return format_duration(value); }
};

template <class T>
class VariableValue : public OptionValue {
 public:
  explicit VariableValue(T& variable) : variable_(variable), default_(variable) {}

  [[nodiscard]] std::string_view type() const override { return Kind<T>::kName; }
  [[nodiscard]] FileType file_type() const override { return Kind<T>::kFileType; }
  [[nodiscard]] Result<void> set(std::string_view text) override {
    auto value = Kind<T>::parse(text);
    if (!value) return value.error();
    variable_ = *std::move(value);
    return {};
  }
  [[nodiscard]] std::string text() const override { return Kind<T>::write(variable_); }
  void reset() override { variable_ = default_; }
  [[nodiscard]] bool is_reset_by_empty_text() const override {
    return std::is_same_v<T, std::vector<Url>>;
  }

 protected:
  [[nodiscard]] const T& variable() const { return variable_; }

 private:
  T& variable_;
  T default_;
};

template <class T>
class BoundedValue final : public VariableValue<T> {
 public:
  BoundedValue(T& variable, Bounds<T> bounds)
      : VariableValue<T>(variable), bounds_(std::move(bounds)) {}

  [[nodiscard]] std::string limits() const override {
    const std::string minimum = bounds_.minimum ? Kind<T>::write(*bounds_.minimum) : "";
    const std::string maximum = bounds_.maximum ? Kind<T>::write(*bounds_.maximum) : "";
    if (bounds_.minimum && bounds_.maximum) return "from " + minimum + " to " + maximum;
    if (bounds_.minimum) return "at least " + minimum;
    if (bounds_.maximum) return "at most " + maximum;
    return {};
  }
  [[nodiscard]] bool is_within_limits() const override {
    const bool is_too_small = bounds_.minimum && this->variable() < *bounds_.minimum;
    const bool is_too_large = bounds_.maximum && this->variable() > *bounds_.maximum;
    return !is_too_small && !is_too_large;
  }

 private:
  Bounds<T> bounds_;
};

}  // namespace

std::unique_ptr<OptionValue> bind(bool& variable) {
  return std::make_unique<VariableValue<bool>>(variable);
}

std::unique_ptr<OptionValue> bind(std::string& variable) {
  return std::make_unique<VariableValue<std::string>>(variable);
}

std::unique_ptr<OptionValue> bind(std::vector<std::string>& variable) {
  return std::make_unique<VariableValue<std::vector<std::string>>>(variable);
}

std::unique_ptr<OptionValue> bind(std::vector<Url>& variable) {
  return std::make_unique<VariableValue<std::vector<Url>>>(variable);
}

std::unique_ptr<OptionValue> bind(std::uint32_t& variable, Bounds<std::uint32_t> bounds) {
  return std::make_unique<BoundedValue<std::uint32_t>>(variable, bounds);
}

std::unique_ptr<OptionValue> bind(std::uint64_t& variable, Bounds<std::uint64_t> bounds) {
  return std::make_unique<BoundedValue<std::uint64_t>>(variable, bounds);
}

std::unique_ptr<OptionValue> bind(std::int64_t& variable, Bounds<std::int64_t> bounds) {
  return std::make_unique<BoundedValue<std::int64_t>>(variable, bounds);
}

std::unique_ptr<OptionValue> bind(Milliseconds& variable, Bounds<Milliseconds> bounds) {
  return std::make_unique<BoundedValue<Milliseconds>>(variable, bounds);
}

std::unique_ptr<OptionValue> bind(nanoseconds& variable, Bounds<nanoseconds> bounds) {
  return std::make_unique<BoundedValue<nanoseconds>>(variable, bounds);
}

std::string detail::list_of_choices(std::span<const std::string> texts) {
  std::string list;
  for (std::size_t at = 0; at < texts.size(); ++at) {
    if (at > 0) list += at + 1 == texts.size() ? " or " : ", ";
    list += quoted(texts[at]);
  }
  return list;
}

}  // namespace raftkit::config
