#include <algorithm>
#include <set>
#include <stdexcept>
#include <utility>
#include <vector>

#include "raftkit/sessions.hpp"

#include "sessions/encoding.hpp"
#include "sessions/table.hpp"
#include "sessions/table_snapshot.hpp"

namespace raftkit {

/// Owner: apply worker.
class SessionStateMachine::Impl {
 public:
  Impl(StateMachine& machine, ClusterClock* clock) : machine_(machine), clock_(clock) {}

  void apply(std::span<const Command> commands, EntryId last, std::span<Bytes> results);
  [[nodiscard]] const sessions::SessionTable& table() const { return table_; }
  void replace(sessions::SessionTable table) {
    table_ = std::move(table);
    tell_clock();
  }

 private:
  /// A command that goes to the wrapped state machine, and where its result goes.
  struct Waiting {
    Bytes* result = nullptr;
    std::optional<SessionId> session;
    std::uint64_t sequence = 0;
  };

  void take(const PlainCommand& plain, EntryId id, Bytes& result);
  void take(const OpenSession& open, EntryId id, Bytes& result);
  void take(const SessionCommand& command, EntryId id, Bytes& result);
  void take(const KeepSessionAlive& alive, EntryId id, Bytes& result);
  void take(const CloseSession& close, EntryId id, Bytes& result);
  void settle(SessionId session);
  void apply_waiting(EntryId last);
  void tell_clock() const {
    if (clock_ != nullptr) clock_->observe(table_.cluster_time());
  }

  StateMachine& machine_;
  ClusterClock* clock_;
  sessions::SessionTable table_;
  // What is gathered of the present batch.
  std::vector<Command> commands_;
  std::vector<Waiting> waiting_;
  std::set<SessionId> unsettled_;  // have a command among them
};

void SessionStateMachine::Impl::apply(std::span<const Command> commands,
                                      EntryId last,
                                      std::span<Bytes> results) {
  for (std::size_t i = 0; i < commands.size(); ++i) {
    const Command& command = commands[i];
    auto stamped = decode_session_request(command.payload);
    if (!stamped && stamped.error() == Errc::not_supported) {
      // To answer something would be to answer something else than members that know it.
      throw std::runtime_error(stamped.error().detail());
    }
    if (!stamped) {
      results[i] = sessions::encode_answer({SessionStatus::malformed, {}, {}});
      continue;
    }
    table_.advance(stamped->cluster_time);
    std::visit([&](const auto& request) { take(request, command.id, results[i]); },
               stamped->request);
  }
  apply_waiting(last);
  tell_clock();
}

void SessionStateMachine::Impl::take(const PlainCommand& plain, EntryId id, Bytes& result) {
  commands_.push_back({id, plain.command});
  waiting_.push_back({&result, std::nullopt, 0});
}

void SessionStateMachine::Impl::take(const OpenSession& open, EntryId id, Bytes& result) {
  result = table_.open(id.index, open.options);
}

void SessionStateMachine::Impl::take(const SessionCommand& command, EntryId id, Bytes& result) {
  settle(command.session);
  if (auto answer = table_.admit(id.index, command)) {
    result = *std::move(answer);
    return;
  }
  commands_.push_back({id, command.command});
  waiting_.push_back({&result, command.session, command.sequence});
  unsettled_.insert(command.session);
}

void SessionStateMachine::Impl::take(const KeepSessionAlive& alive, EntryId id, Bytes& result) {
  settle(alive.session);
  result = table_.keep_alive(id.index, alive);
}

void SessionStateMachine::Impl::take(const CloseSession& close, EntryId /*id*/, Bytes& result) {
  result = table_.close(close.session);
}

/// What a session is answered depends on its earlier answers and on their size. They must be there,
/// wherever a batch happens to end: on another member it ends elsewhere.
void SessionStateMachine::Impl::settle(SessionId session) {
  if (unsettled_.contains(session)) apply_waiting(commands_.back().id);
}

void SessionStateMachine::Impl::apply_waiting(EntryId last) {
  std::vector<Bytes> responses(commands_.size());
  machine_.apply(commands_, last, responses);
  for (std::size_t i = 0; i < waiting_.size(); ++i) {
    const Waiting& waiting = waiting_[i];
    *waiting.result =
        sessions::encode_answer({SessionStatus::applied, commands_[i].id.index, responses[i]});
    if (waiting.session)
      table_.keep(*waiting.session, {waiting.sequence, *waiting.result, responses[i].size()});
  }
  commands_.clear();
  waiting_.clear();
  unsettled_.clear();
}

namespace {

/// First the table, then what the wrapped state machine has.
class SessionSource final : public SnapshotSource {
 public:
  SessionSource(SnapshotMeta meta,
                const sessions::SessionTable& table,
                std::unique_ptr<SnapshotSource> content)
      : meta_(std::move(meta)),
        content_(std::move(content)),
        table_(table.sessions(), table.cluster_time(), meta_.last.index) {}

  [[nodiscard]] const SnapshotMeta& meta() const override { return meta_; }
  [[nodiscard]] Result<std::size_t> read(std::span<std::byte> buffer) override {
    if (buffer.empty()) return std::size_t{0};
    if (const std::size_t count = table_.read(buffer); count > 0) return count;
    return content_->read(buffer);
  }

 private:
  SnapshotMeta meta_;  // not the content's own: the wrapped state machine may count commands only
  std::unique_ptr<SnapshotSource> content_;
  sessions::TableWriter table_;
};

class SessionSink final : public SnapshotSink {
 public:
  using Replace = std::function<void(sessions::SessionTable)>;

  SessionSink(Index applied, std::unique_ptr<SnapshotSink> content, Replace replace)
      : table_(applied), content_(std::move(content)), replace_(std::move(replace)) {}

  [[nodiscard]] Result<void> write(std::span<const std::byte> bytes) override {
    if (auto taken = table_.write(bytes); !taken) return taken;
    return bytes.empty() ? Result<void>() : content_->write(bytes);
  }
  [[nodiscard]] Result<void> commit() override {
    if (!table_.is_complete())
      return Error(Errc::corrupt_data, "sessions: the snapshot ends within their table");
    if (auto committed = content_->commit(); !committed) return committed;
    replace_(table_.take());
    return {};
  }

 private:
  sessions::TableReader table_;
  std::unique_ptr<SnapshotSink> content_;
  Replace replace_;
};

Result<void> check_kind(const StateMachine& machine) {
  if (machine.kind() == StateMachineKind::in_memory) return {};
  return Error(Errc::not_supported,
               "sessions: the state machine is on disk, and a restart would lose them: only a "
               "state machine in memory can have sessions");
}

}  // namespace

SessionStateMachine::SessionStateMachine(std::unique_ptr<StateMachine> owned,
                                         StateMachine& machine,
                                         std::shared_ptr<ClusterClock> clock)
    : owned_(std::move(owned)),
      machine_(&machine),
      clock_(std::move(clock)),
      impl_(std::make_unique<Impl>(machine, clock_.get())) {}

SessionStateMachine::~SessionStateMachine() = default;  // Impl is complete only here

Result<std::unique_ptr<SessionStateMachine>> SessionStateMachine::create(
    StateMachine& machine, std::shared_ptr<ClusterClock> clock) {
  if (auto fits = check_kind(machine); !fits) return std::move(fits).error();
  return std::unique_ptr<SessionStateMachine>(
      new SessionStateMachine(nullptr, machine, std::move(clock)));
}

Result<std::unique_ptr<SessionStateMachine>> SessionStateMachine::create(
    std::unique_ptr<StateMachine> machine, std::shared_ptr<ClusterClock> clock) {
  if (auto fits = check_kind(*machine); !fits) return std::move(fits).error();
  StateMachine& own = *machine;
  return std::unique_ptr<SessionStateMachine>(
      new SessionStateMachine(std::move(machine), own, std::move(clock)));
}

void SessionStateMachine::apply(std::span<const Command> commands,
                                EntryId last,
                                std::span<Bytes> results) {
  impl_->apply(commands, last, results);
}

Result<std::unique_ptr<SnapshotSource>> SessionStateMachine::capture(const SnapshotMeta& meta) {
  auto content = machine_->capture(meta);
  if (!content) return content;
  return std::unique_ptr<SnapshotSource>(
      std::make_unique<SessionSource>(meta, impl_->table(), *std::move(content)));
}

Result<std::unique_ptr<SnapshotSink>> SessionStateMachine::restore(const SnapshotMeta& meta) {
  auto content = machine_->restore(meta);
  if (!content) return content;
  return std::unique_ptr<SnapshotSink>(std::make_unique<SessionSink>(
      meta.last.index, *std::move(content), [this](sessions::SessionTable table) {
        impl_->replace(std::move(table));
      }));
}

}  // namespace raftkit
