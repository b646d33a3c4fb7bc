// The numbers of the protocol. Each is a type of its own, so that a term cannot stand where an
// index belongs; and each prints the way etcd's tools print it (member IDs in hexadecimal).
#pragma once

#include <compare>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>

namespace raftkit {

namespace detail {

/// A 64-bit number with a name. Immutable value; converts to nothing.
template <class Tag>
struct StrongInt {
  constexpr StrongInt() = default;
  constexpr explicit StrongInt(std::uint64_t number) : value(number) {}

  friend constexpr auto operator<=>(const StrongInt&, const StrongInt&) = default;

  std::uint64_t value = 0;
};

}  // namespace detail

/// A period of leadership; at most one leader each. Terms start at 1; 0 is "before the first term".
struct Term : detail::StrongInt<Term> {
  using StrongInt::StrongInt;
};

/// A position in the log. The first entry is 1; 0 is the position before it.
struct Index : detail::StrongInt<Index> {
  using StrongInt::StrongInt;

  constexpr Index& operator++() {
    ++value;
    return *this;
  }
  friend constexpr Index operator+(Index index, std::uint64_t count) {
    return Index{index.value + count};
  }
  friend constexpr Index operator-(Index index, std::uint64_t count) {
    return Index{index.value - count};
  }
  /// How many positions lie between the two; `to` must not be smaller than `from`.
  friend constexpr std::uint64_t operator-(Index to, Index from) { return to.value - from.value; }
};

/// The identity of a raftkit instance within its cluster (etcd's member ID). Never 0 for a real
/// node.
struct NodeId : detail::StrongInt<NodeId> {
  using StrongInt::StrongInt;
};

/// The identity of a cluster, fixed when it is bootstrapped (etcd's cluster ID).
struct ClusterId : detail::StrongInt<ClusterId> {
  using StrongInt::StrongInt;
};

/// Drawn when a data directory is created: tells a member from its wiped successor of the same
/// NodeId.
struct StoreId : detail::StrongInt<StoreId> {
  using StrongInt::StrongInt;
};

/// One of several Raft groups that share a process, a log store and connections. Always 0 today; it
/// is part of every record and frame, so that sharing can come without a new format.
struct GroupId : detail::StrongInt<GroupId> {
  using StrongInt::StrongInt;
};

/// Names one `PersistBatch` of one node between its hand-out and its acknowledgement.
struct PersistId : detail::StrongInt<PersistId> {
  using StrongInt::StrongInt;
};

/// Names one read request; chosen by whoever asks, and returned with the answer.
struct ReadId : detail::StrongInt<ReadId> {
  using StrongInt::StrongInt;
};

/// Names one request for older entries (`FetchRequest`).
struct FetchId : detail::StrongInt<FetchId> {
  using StrongInt::StrongInt;
};

/// An entry's place in history. Two logs that hold the same EntryId are equal up to it (Log
/// Matching). Ordered by term, then index: exactly the "at least as up-to-date" order of elections.
struct EntryId {
  Term term;
  Index index;

  friend constexpr auto operator<=>(const EntryId&, const EntryId&) = default;
};

/// Lower-case hexadecimal without leading zeros, as etcd prints member and cluster IDs.
[[nodiscard]] std::string to_hex(std::uint64_t value);

[[nodiscard]] std::string to_string(Term term);
[[nodiscard]] std::string to_string(Index index);
[[nodiscard]] std::string to_string(NodeId node);
[[nodiscard]] std::string to_string(ClusterId cluster);
/// "term/index".
[[nodiscard]] std::string to_string(const EntryId& entry);

}  // namespace raftkit

template <class Tag>
requires std::is_base_of_v<raftkit::detail::StrongInt<Tag>, Tag>
struct std::hash<Tag> {
  std::size_t operator()(const Tag& number) const noexcept {
    return std::hash<std::uint64_t>{}(number.value);
  }
};
