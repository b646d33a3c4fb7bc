#include "raftkit/testing/scenario.hpp"

#include <algorithm>
#include <charconv>
#include <istream>
#include <limits>
#include <ostream>
#include <string_view>
#include <vector>

namespace raftkit::testing {

namespace {

using std::chrono::milliseconds;

constexpr std::uint64_t kMost = std::numeric_limits<std::uint64_t>::max();
constexpr std::uint64_t kMostMilliseconds = 24ULL * 3600 * 1000;

std::optional<SimFault> fault_of(const std::string& name) {
  for (std::size_t i = 0; i < kSimFaults; ++i) {
    if (to_string(static_cast<SimFault>(i)) == name) return static_cast<SimFault>(i);
  }
  return std::nullopt;
}

using Words = std::vector<std::string>;

/// Whether `line` is `pattern`, in which '#' stands for digits and '@' for letters and '_'; if so,
/// what stands in their places.
std::optional<Words> match(std::string_view line, std::string_view pattern) {
  constexpr std::string_view kDigits = "0123456789";
  constexpr std::string_view kLetters = "abcdefghijklmnopqrstuvwxyz_";
  Words found;
  for (const char wanted : pattern) {
    if (wanted == '#' || wanted == '@') {
      const std::size_t length =
          std::min(line.find_first_not_of(wanted == '#' ? kDigits : kLetters), line.size());
      if (length == 0) return std::nullopt;
      found.emplace_back(line.substr(0, length));
      line.remove_prefix(length);
    } else {
      if (!line.starts_with(wanted)) return std::nullopt;
      line.remove_prefix(1);
    }
  }
  return line.empty() ? std::optional(found) : std::nullopt;
}

/// Line by line; the first error stops everything.
class Reader {
 public:
  explicit Reader(std::string name) : name_(std::move(name)) {}

  Result<void> take(std::string line) {
    ++number_;
    line.erase(std::min(line.find('#'), line.size()));
    line.erase(line.find_last_not_of(" \t\r") + 1);
    if (line.empty()) return {};
    if (const auto found = match(line, "at # ms: @(#, #) for # ms")) return step(*found);
    if (const auto found = match(line, "seed #")) return seed(found->front());
    if (const auto found = match(line, "nodes #")) return nodes(found->front());
    if (const auto found = match(line, "duration # ms")) return duration(found->front());
    if (const auto found = match(line, "rate # per second")) return rate(found->front());
    if (const auto found = match(line, "expect # faults"))
      return expect(found->front(), scenario_.expected_faults);
    if (const auto found = match(line, "expect term #"))
      return expect(found->front(), scenario_.least_term);
    return refuse("'" + line +
                  "' is not understood; lines look like 'seed 7', 'nodes 3', 'duration 9000 ms', "
                  "'rate 50 per second', 'expect 2 faults', 'expect term 3', 'at 1200 ms: split(3, "
                  "5) for 800 ms'");
  }

  Result<SimScenario> finish() {
    for (const auto& [line, word] : {std::pair(seed_line_, "seed 7"),
                                     {nodes_line_, "nodes 3"},
                                     {duration_line_, "duration 9000 ms"}}) {
      if (line == 0)
        return Error(Errc::malformed,
                     name_ + ": a line like '" + std::string(word) + "' is missing");
    }
    return scenario_;
  }

 private:
  [[nodiscard]] Error refuse(const std::string& why) const {
    return {Errc::malformed, name_ + ":" + std::to_string(number_) + ": " + why};
  }
  Result<std::uint64_t> number(const std::string& text, std::uint64_t most) const {
    std::uint64_t value = 0;
    const auto code = std::from_chars(text.data(), text.data() + text.size(), value).ec;
    if (code == std::errc() && value <= most) return value;
    return refuse(text + " is too large; it must be at most " + std::to_string(most));
  }

  Result<void> step(const Words& words) {
    const auto fault = fault_of(words[1]);
    if (!fault) {
      std::string known;
      for (std::size_t i = 0; i < kSimFaults; ++i)
        known += (i == 0 ? "" : ", ") + std::string(to_string(static_cast<SimFault>(i)));
      return refuse("there is no fault '" + words[1] + "'; there are " + known);
    }
    constexpr std::uint64_t kMostChoice = std::numeric_limits<std::uint32_t>::max();
    const auto at = number(words[0], kMostMilliseconds);
    if (!at) return at.error();
    const auto a = number(words[2], kMostChoice);
    if (!a) return a.error();
    const auto b = number(words[3], kMostChoice);
    if (!b) return b.error();
    const auto lasts = number(words[4], kMostMilliseconds);
    if (!lasts) return lasts.error();
    const SimFaultStep made{milliseconds(*at),
                            *fault,
                            static_cast<std::uint32_t>(*a),
                            static_cast<std::uint32_t>(*b),
                            milliseconds(*lasts)};
    SimFaultPlan& plan = scenario_.faults;
    if (!plan.empty() && made.at < plan.back().at)
      return refuse("'at " + words[0] + " ms' comes before the step above it, at " +
                    std::to_string(plan.back().at.count()) + " ms; sort the steps by time");
    plan.push_back(made);
    return {};
  }

  Result<void> seed(const std::string& text) {
    const auto value = number(text, kMost);
    if (!value) return value.error();
    scenario_.seed = *value;
    return once("seed", seed_line_);
  }
  Result<void> nodes(const std::string& text) {
    const auto value = number(text, kMost);
    if (!value) return value.error();
    if (*value < 1 || *value > 9) return refuse("'nodes " + text + "' must be from 1 to 9");
    scenario_.nodes = *value;
    return once("nodes", nodes_line_);
  }
  Result<void> duration(const std::string& text) {
    const auto value = number(text, kMostMilliseconds);
    if (!value) return value.error();
    scenario_.duration = milliseconds(*value);
    return once("duration", duration_line_);
  }
  Result<void> rate(const std::string& text) {
    const auto value = number(text, 1'000'000);
    if (!value) return value.error();
    if (*value < 1) return refuse("'rate 0 per second' must be at least 1");
    scenario_.operations_per_second = *value;
    return once("rate", rate_line_);
  }
  Result<void> expect(const std::string& text, std::optional<std::uint64_t>& expected) const {
    const auto value = number(text, kMost);
    if (!value) return value.error();
    expected = *value;
    return {};
  }

  Result<void> once(const std::string& word, std::size_t& line) const {
    if (line != 0)
      return refuse("'" + word + "' was given in line " + std::to_string(line) +
                    " already; leave one of them");
    line = number_;
    return {};
  }

  std::string name_;
  std::size_t number_ = 0;
  std::size_t seed_line_ = 0;  // 0: not seen
  std::size_t nodes_line_ = 0;
  std::size_t duration_line_ = 0;
  std::size_t rate_line_ = 0;
  SimScenario scenario_;
};

}  // namespace

void SimScenario::apply_to(SimulationOptions& options) const {
  options.seed = seed;
  options.nodes = nodes;
  options.duration = duration;
  options.faults = faults;
  options.operations_per_second = operations_per_second;
}

std::optional<std::string> SimScenario::unmet(const SimulationReport& report) const {
  if (expected_faults && report.faults != *expected_faults)
    return "expected " + std::to_string(*expected_faults) +
           " faults that find something to do, got " + std::to_string(report.faults);
  if (least_term && report.terms < *least_term)
    return "expected term " + std::to_string(*least_term) + " or a later one, got " +
           std::to_string(report.terms);
  return std::nullopt;
}

std::ostream& operator<<(std::ostream& out, const SimScenario& scenario) {
  out << "seed " << scenario.seed << "\nnodes " << scenario.nodes << "\nduration "
      << scenario.duration.count() << " ms\n";
  if (scenario.operations_per_second)
    out << "rate " << *scenario.operations_per_second << " per second\n";
  if (scenario.expected_faults) out << "expect " << *scenario.expected_faults << " faults\n";
  if (scenario.least_term) out << "expect term " << *scenario.least_term << '\n';
  for (const SimFaultStep& step : scenario.faults)
    out << step << '\n';
  return out;
}

Result<SimScenario> read_scenario(std::istream& in, const std::string& name) {
  Reader reader(name);
  for (std::string line; std::getline(in, line);) {
    const auto taken = reader.take(line);
    if (!taken) return taken.error();
  }
  return reader.finish();
}

}  // namespace raftkit::testing
