// Your state machine in a cluster that breaks all the time: thousands of simulated hours on a
// laptop, and every failure again from its seed, unless it comes from chance.
//
//   simulated                 the machine as it should be: all seeds pass
//   simulated --bug chance    one that answers by chance
//   simulated --bug snapshot  one whose snapshot leaves something out
//   simulated --bug ... --seed S --trace    one run, event by event
#include <cstring>
#include <iostream>
#include <map>
#include <random>
#include <sstream>
#include <string>

#include "raftkit/testing/simulation.hpp"

using namespace raftkit;  // NOLINT(google-build-using-namespace): domain words of the example

namespace {

enum class Bug { none, chance, snapshot };

// Sells tickets, a few to each customer. The answer is the number of the ticket, or "sold out".
class TicketShop final : public StateMachine {
 public:
  explicit TicketShop(Bug bug) : bug_(bug) {}

  void apply(std::span<const Command> commands, EntryId, std::span<Bytes> results) override {
    for (std::size_t i = 0; i < commands.size(); ++i)
      results[i] = Bytes::copy_of(sell(std::string(commands[i].payload.view())));
  }

  // What capture leaves out, a member that is restored does not know.
  Result<std::unique_ptr<SnapshotSource>> capture(const SnapshotMeta& meta) override {
    std::ostringstream out;
    out << next_ticket_;
    if (bug_ != Bug::snapshot) {
      for (const auto& [customer, count] : sold_)
        out << ' ' << customer << ' ' << count;
    }
    return make_snapshot_source(meta, Bytes::copy_of(out.str()));
  }
  Result<std::unique_ptr<SnapshotSink>> restore(const SnapshotMeta&) override {
    return make_snapshot_sink([this](const std::string& content) -> Result<void> {
      std::istringstream in(content);
      in >> next_ticket_;
      sold_.clear();
      std::string customer;
      for (int count = 0; in >> customer >> count;)
        sold_[customer] = count;
      return {};
    });
  }

 private:
  std::string sell(const std::string& customer) {
    constexpr int kMostPerCustomer = 3;
    if (sold_[customer] == kMostPerCustomer) return "sold out";
    ++sold_[customer];
    const std::string ticket = std::to_string(next_ticket_++);
    // Every member draws a number of its own: whoever asks another one gets another answer.
    if (bug_ == Bug::chance && next_ticket_ % 50 == 0)
      return ticket + "-" + std::to_string(std::random_device()() % 100);
    return ticket;
  }

  Bug bug_;
  int next_ticket_ = 1;
  std::map<std::string, int> sold_;
};

testing::SimulationReport run(Bug bug, std::uint64_t seed, std::ostream* trace) {
  testing::SimulationOptions options;
  options.seed = seed;
  options.duration = std::chrono::seconds(30);
  options.state_machine = [bug](NodeId) { return std::make_unique<TicketShop>(bug); };
  options.command = [](std::uint64_t number) {
    return Bytes::copy_of("customer" + std::to_string(number % 40));
  };
  options.trace = trace;
  return testing::simulate(options);
}

}  // namespace

int main(int argc, char** argv) {
  Bug bug = Bug::none;
  std::uint64_t first = 1;
  std::uint64_t seeds = 200;
  std::ostream* trace = nullptr;
  for (int i = 1; i < argc; ++i) {
    const std::string option = argv[i];
    const std::string value = i + 1 < argc ? argv[i + 1] : "";
    if (option == "--trace") {
      trace = &std::cout;
    } else if (option == "--bug" && (value == "chance" || value == "snapshot")) {
      bug = value == "chance" ? Bug::chance : Bug::snapshot;
      ++i;
    } else if (option == "--seed" && !value.empty() &&
               value.find_first_not_of("0123456789") == std::string::npos) {
      first = std::stoull(value);
      seeds = 1;
      ++i;
    } else {
      std::cerr << "usage: simulated [--bug chance|snapshot] [--seed S] [--trace]\n";
      return 2;
    }
  }

  std::uint64_t operations = 0;
  for (std::uint64_t seed = first; seed < first + seeds; ++seed) {
    const auto report = run(bug, seed, trace);
    operations += report.appended;
    if (!report.failure) continue;
    std::cout << "seed " << seed << ", event " << report.events << ": " << *report.failure << '\n'
              << "again: simulated"
              << (bug == Bug::none     ? ""
                  : bug == Bug::chance ? " --bug chance"
                                       : " --bug snapshot")
              << " --seed " << seed << " --trace\n";
    return 1;
  }
  std::cout << seeds << " clusters broke and came back; " << operations << " customers served\n";
}
