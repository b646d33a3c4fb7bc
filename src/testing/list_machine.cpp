#include "testing/list_machine.hpp"

#include <cstring>

#include "raftkit/sessions.hpp"

namespace raftkit::testing {

namespace {

constexpr std::size_t kCommandBytes = 9;

void put(std::byte* to, std::uint64_t number) {
  std::memcpy(to, &number, sizeof number);
}

std::uint64_t get(const std::byte* from) {
  std::uint64_t number = 0;
  std::memcpy(&number, from, sizeof number);
  return number;
}

}  // namespace

Bytes ListCommand::encode(std::size_t padding) const {
  return Bytes::build(kCommandBytes + padding, [this](std::span<std::byte> bytes) {
    std::fill(bytes.begin(), bytes.end(), std::byte{0});
    bytes[0] = std::byte{key};
    put(&bytes[1], number);
  });
}

std::optional<ListCommand> ListCommand::decode(const Bytes& payload) {
  if (payload.size() < kCommandBytes) return std::nullopt;
  const auto key = std::to_integer<std::uint8_t>(payload.data()[0]);
  if (key >= kLists) return std::nullopt;
  return ListCommand{key, get(payload.data() + 1)};
}

Bytes encode(const ListValue& value) {
  return Bytes::build(2 * sizeof value.length, [&](std::span<std::byte> bytes) {
    put(&bytes[0], value.length);
    put(&bytes[sizeof value.length], value.hash);
  });
}

std::optional<ListValue> decode_list_value(const Bytes& bytes) {
  ListValue value;
  if (bytes.size() != 2 * sizeof value.length) return std::nullopt;
  value.length = get(bytes.data());
  value.hash = get(bytes.data() + sizeof value.length);
  return value;
}

ListMachine::ListMachine(Disk* disk, std::uint64_t seed) : disk_(disk), random_(seed) {
  if (disk_ != nullptr) state_ = disk_->durable;
}

StateMachineKind ListMachine::kind() const {
  return disk_ != nullptr ? StateMachineKind::on_disk : StateMachineKind::in_memory;
}

void ListMachine::apply(std::span<const Command> commands, EntryId last, std::span<Bytes> results) {
  for (std::size_t i = 0; i < commands.size(); ++i) {
    const auto command = ListCommand::decode(commands[i].payload);
    if (!command) continue;
    ListValue& list = state_.lists[command->key];
    list.append(command->number);
    results[i] = encode(list);
  }
  state_.applied = last.index;
  // As a store that writes its buffer out whenever it likes.
  if (disk_ != nullptr && random_.below(4) == 0) disk_->durable = state_;
}

void ListMachine::async_sync(std::function<void(Result<Index>)> done) {
  if (disk_ == nullptr) return done(Errc::not_supported);
  disk_->durable = state_;
  done(state_.applied);
}

Result<std::unique_ptr<SnapshotSource>> ListMachine::capture(const SnapshotMeta& meta) {
  return make_snapshot_source(meta,
                              Bytes::build(sizeof state_.lists, [this](std::span<std::byte> bytes) {
                                std::memcpy(bytes.data(), state_.lists.data(), sizeof state_.lists);
                              }));
}

Result<std::unique_ptr<SnapshotSink>> ListMachine::restore(const SnapshotMeta& meta) {
  return make_snapshot_sink([this, index = meta.last.index](std::string content) -> Result<void> {
    if (content.size() != sizeof state_.lists) return Errc::corrupt_data;
    std::memcpy(state_.lists.data(), content.data(), content.size());
    state_.applied = index;
    if (disk_ != nullptr) disk_->durable = state_;
    return {};
  });
}

const ListMachine* lists_of(const StateMachine& machine) {
  const auto* sessions = dynamic_cast<const SessionStateMachine*>(&machine);
  return dynamic_cast<const ListMachine*>(sessions != nullptr ? &sessions->machine() : &machine);
}

}  // namespace raftkit::testing
