// Messages on their way out, sorted by what has to be durable first.
#pragma once

#include <type_traits>
#include <utility>
#include <vector>

#include "raftkit/message.hpp"

namespace raftkit::core {

/// `now` needs no write of this Ready. `after_write` makes a promise (a vote, "I hold these
/// entries") that is true only once the write is durable. [thesis §3.8]
struct Outbox {
  std::vector<Envelope> now;
  std::vector<Envelope> after_write;

  [[nodiscard]] bool empty() const { return now.empty() && after_write.empty(); }

  /// An empty message in the queue where one of its type belongs, to be filled in before the next.
  template <class Kind>
  Kind& add(NodeId from, NodeId to, Term term) {
    constexpr bool kIsPromise =
        std::is_same_v<Kind, VoteResponse> || std::is_same_v<Kind, AppendResponse>;
    auto& queue = kIsPromise ? after_write : now;
    Envelope& added = queue.emplace_back(from, to, term, std::in_place_type<Kind>);
    return std::get<Kind>(added.message);
  }
};

}  // namespace raftkit::core
