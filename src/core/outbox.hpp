// Messages on their way out, sorted by what has to be durable first.
#pragma once

#include <vector>

#include "raftkit/message.hpp"

namespace raftkit::core {

/// `now` needs no write of this Ready. `after_write` makes a promise (a vote, "I hold these
/// entries") that is true only once the write is durable. [thesis §3.8]
struct Outbox {
  std::vector<Envelope> now;
  std::vector<Envelope> after_write;

  [[nodiscard]] bool empty() const { return now.empty() && after_write.empty(); }
};

}  // namespace raftkit::core
