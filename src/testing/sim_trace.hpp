// What a simulation did, as a line per event for people and as one number for comparing two runs.
#pragma once

#include <cstdint>
#include <ostream>
#include <string_view>

#include "raftkit/types.hpp"

#include "testing/sim_clock.hpp"

namespace raftkit::testing {

/// Owner: the simulation.
class SimTrace {
 public:
  /// `out` may be null. It gets the same as the hash does.
  SimTrace(const SimClock& clock, std::ostream* out) : clock_(clock), out_(out) {}

  /// `what` is a literal; the numbers are whatever makes two different runs differ.
  void note(std::string_view what, NodeId node, std::uint64_t first = 0, std::uint64_t second = 0) {
    mix(static_cast<std::uint64_t>(clock_.now().count()));
    for (const char letter : what)
      mix(static_cast<unsigned char>(letter));
    mix(node.value);
    mix(first);
    mix(second);
    if (out_ == nullptr) return;
    *out_ << clock_.events() << ' ' << clock_.now().count() << "ns n" << node.value << ' ' << what
          << ' ' << first << ' ' << second << '\n';
  }

  [[nodiscard]] std::uint64_t hash() const { return hash_; }

 private:
  void mix(std::uint64_t value) {
    hash_ = (hash_ ^ value) * 0x9e3779b97f4a7c15;
    hash_ ^= hash_ >> 32;
  }

  const SimClock& clock_;
  std::ostream* out_;
  std::uint64_t hash_ = 0;
};

}  // namespace raftkit::testing
