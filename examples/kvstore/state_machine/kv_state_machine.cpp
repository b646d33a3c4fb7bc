#include "state_machine/kv_state_machine.hpp"

#include <stdexcept>

#include "state_machine/applier.hpp"
#include "state_machine/snapshot_stream.hpp"

namespace kvstore {

using raftkit::Bytes;
using raftkit::EntryId;
using raftkit::Index;
using raftkit::Result;

Result<std::unique_ptr<KvStateMachine>> KvStateMachine::open(const mvcc::StoreOptions& options) {
  auto store = mvcc::Store::open(options);
  if (!store) return std::move(store).error();
  return std::unique_ptr<KvStateMachine>(new KvStateMachine(*std::move(store)));
}

void KvStateMachine::apply(std::span<const raftkit::Command> commands,
                           EntryId last,
                           std::span<Bytes> results) {
  Applier applier(*store_);
  for (std::size_t i = 0; i < commands.size(); ++i) {
    auto result = applier.apply(commands[i].payload, commands[i].id.index.value - 1);
    if (!result) throw std::runtime_error(result.error().message());
    results[i] = *std::move(result);
  }
  if (auto written = applier.commit(last.index.value); !written) {
    throw std::runtime_error(written.error().message());
  }
}

Result<Index> KvStateMachine::applied_index() {
  return Index{store_->view()->position().applied};
}

void KvStateMachine::async_sync(std::function<void(Result<Index>)> done) {
  store_->async_sync([done = std::move(done)](const Result<std::uint64_t>& applied) {
    if (!applied) return done(applied.error());
    done(Index{*applied});
  });
}

Result<std::unique_ptr<raftkit::SnapshotSource>> KvStateMachine::capture(
    const raftkit::SnapshotMeta& meta) {
  return make_source(meta, store_->view());
}

Result<std::unique_ptr<raftkit::SnapshotSink>> KvStateMachine::restore(
    const raftkit::SnapshotMeta& meta) {
  auto replacement = store_->replace();
  if (!replacement) return std::move(replacement).error();
  return make_sink(meta, *std::move(replacement));
}

}  // namespace kvstore
