// What the built-in workload replicates: lists to which numbers are appended. Every answer depends
// on everything before it, so that no mistake stays unseen.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "raftkit/state_machine.hpp"

#include "core/random.hpp"

namespace raftkit::testing {

/// A list, as far as anybody can tell it from another: its length, and a hash of what is in it.
struct ListValue {
  std::uint64_t length = 0;
  std::uint64_t hash = 0;

  void append(std::uint64_t number) {
    ++length;
    hash = (hash ^ number) * 0x9e3779b97f4a7c15;
    hash ^= hash >> 29;
  }
  friend bool operator==(const ListValue&, const ListValue&) = default;
};

/// Appends `number`, which nobody else appends, to the list `key`.
struct ListCommand {
  std::uint8_t key = 0;
  std::uint64_t number = 0;

  /// `padding` bytes more, for the load's sake.
  [[nodiscard]] Bytes encode(std::size_t padding) const;
  /// Empty: not one of ours.
  [[nodiscard]] static std::optional<ListCommand> decode(const Bytes& payload);
};
[[nodiscard]] Bytes encode(const ListValue& value);
[[nodiscard]] std::optional<ListValue> decode_list_value(const Bytes& bytes);

inline constexpr std::size_t kLists = 8;
/// Not the clients': for proposals whose history nobody keeps.
inline constexpr std::uint8_t kSpareList = kLists - 1;
using Lists = std::array<ListValue, kLists>;

/// Owner: the node's apply worker.
class ListMachine final : public StateMachine {
 public:
  struct State {
    Index applied;
    Lists lists;
  };
  /// What a state machine on disk finds when its process starts again.
  struct Disk {
    State durable;
  };

  /// `disk` is null for a state machine in memory, and outlives this otherwise.
  ListMachine(Disk* disk, std::uint64_t seed);

  void apply(std::span<const Command> commands, EntryId last, std::span<Bytes> results) override;
  [[nodiscard]] StateMachineKind kind() const override;
  [[nodiscard]] Result<Index> applied_index() override { return state_.applied; }
  void async_sync(std::function<void(Result<Index>)> done) override;
  [[nodiscard]] Result<std::unique_ptr<SnapshotSource>> capture(const SnapshotMeta& meta) override;
  [[nodiscard]] Result<std::unique_ptr<SnapshotSink>> restore(const SnapshotMeta& meta) override;

  [[nodiscard]] const State& state() const { return state_; }

 private:
  Disk* disk_;
  core::Random random_;
  State state_;
};

/// What a node keeps its lists in, also behind sessions; null: something else.
[[nodiscard]] const ListMachine* lists_of(const StateMachine& machine);

}  // namespace raftkit::testing
