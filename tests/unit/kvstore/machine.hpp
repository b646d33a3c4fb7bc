// A state machine on a disk in memory, as raftkit would drive it.
#pragma once

#include <algorithm>
#include <cstdint>
#include <future>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "proto/kvstore.pb.h"
#include "requests.hpp"
#include "state_machine/kv_state_machine.hpp"
#include "state_machine/reads.hpp"
#include "state_machine/result.hpp"
#include "support/snapshots.hpp"
#include "testing/memory_disk.hpp"

namespace kvstore::test {

[[nodiscard]] inline Command command_of(const PutRequest& request) {
  Command command;
  *command.mutable_put() = request;
  return command;
}
[[nodiscard]] inline Command command_of(const DeleteRangeRequest& request) {
  Command command;
  *command.mutable_delete_range() = request;
  return command;
}
[[nodiscard]] inline Command command_of(const TxnRequest& request) {
  Command command;
  *command.mutable_txn() = request;
  return command;
}
[[nodiscard]] inline Command command_of(const CompactionRequest& request) {
  Command command;
  *command.mutable_compaction() = request;
  return command;
}

[[nodiscard]] inline raftkit::SnapshotMeta meta_at(std::uint64_t index) {
  raftkit::SnapshotMeta meta;
  meta.last = {raftkit::Term{1}, raftkit::Index{index}};
  return meta;
}

/// How many raw records the store has, by table.
[[nodiscard]] inline std::map<char, std::size_t> records_of(const mvcc::View& view) {
  std::map<char, std::size_t> counts;
  const auto records = view.raw();
  for (records->SeekToFirst(); records->Valid(); records->Next())
    ++counts[records->key()[0]];
  return counts;
}

class Machine {
 public:
  Machine() { open(); }

  void open() {
    mvcc::StoreOptions options;
    options.directory = "store";
    options.disk = disk_.get();
    options.database.write_buffer_bytes = write_buffer_bytes_;
    auto opened = KvStateMachine::open(options);
    if (!opened) throw std::runtime_error(opened.error().message());
    machine_ = *std::move(opened);
    index_ = applied();
  }
  void reopen() {
    machine_.reset();
    open();
  }
  /// Everything opened before is dead; what no sync covered may be lost.
  void lose_power(std::uint64_t seed, raftkit::testing::Survivors survivors) {
    disk_->lose_power(seed, survivors);
    reopen();
  }
  /// From the next open() on: small ones make LevelDB write tables, and new logs, all the time.
  void set_write_buffer_bytes(std::size_t bytes) { write_buffer_bytes_ = bytes; }

  /// One batch, after `skipped` entries that are raftkit's own.
  std::vector<raftkit::Bytes> apply(const std::vector<Command>& commands,
                                    std::uint64_t skipped = 0) {
    std::vector<raftkit::Command> entries;
    index_ += skipped;
    for (const Command& command : commands) {
      entries.push_back({{raftkit::Term{1}, raftkit::Index{++index_}},
                         raftkit::Bytes::copy_of(command.SerializeAsString())});
    }
    std::vector<raftkit::Bytes> results(entries.size());
    machine_->apply(entries, {raftkit::Term{1}, raftkit::Index{index_}}, results);
    return results;
  }

  /// A batch of one. Errors: the RequestError.
  template <class Response, class Request>
  raftkit::Result<Response> apply_one(const Request& request) {
    Response response;
    const auto results = apply({command_of(request)});
    if (auto decoded = decode_result(results.front(), response); !decoded) return decoded.error();
    return response;
  }
  raftkit::Result<PutResponse> put(const PutRequest& request) {
    return apply_one<PutResponse>(request);
  }
  raftkit::Result<PutResponse> put(const std::string& key, const std::string& value) {
    return put(put_of(key, value));
  }
  raftkit::Result<DeleteRangeResponse> erase(const std::string& key,
                                             const std::string& range_end = "") {
    return apply_one<DeleteRangeResponse>(delete_of(key, range_end));
  }
  raftkit::Result<TxnResponse> txn(const TxnRequest& request) {
    return apply_one<TxnResponse>(request);
  }
  raftkit::Result<CompactionResponse> compact(std::int64_t revision) {
    return apply_one<CompactionResponse>(compaction_at(revision));
  }
  template <class Request>
  [[nodiscard]] auto read(const Request& request) const {
    return evaluate(*view(), request);
  }

  /// Waits for the thread that removes history.
  void wait_until_compacted(std::int64_t revision) {
    std::promise<bool> done;
    machine_->async_compacted(revision, [&](const raftkit::Result<void>& outcome) {
      done.set_value(outcome.has_value());
    });
    if (!done.get_future().get()) throw std::runtime_error("compaction failed");
  }
  /// The applied index that is durable from now on.
  std::uint64_t sync() {
    std::promise<raftkit::Result<raftkit::Index>> done;
    machine_->async_sync(
        [&](raftkit::Result<raftkit::Index> index) { done.set_value(std::move(index)); });
    return done.get_future().get().value().value;
  }

  [[nodiscard]] std::string capture(std::size_t piece = 4096) {
    auto source = machine_->capture(meta_at(index_));
    return raftkit::test::drain(**source, piece).value();
  }
  /// In pieces of `piece` bytes, as if it had been captured at `index`.
  raftkit::Result<void> restore(std::string_view stream,
                                std::uint64_t index,
                                std::size_t piece = 4096) {
    auto sink = machine_->restore(meta_at(index));
    if (!sink) return std::move(sink).error();
    for (; !stream.empty(); stream.remove_prefix(std::min(piece, stream.size()))) {
      const auto part = stream.substr(0, piece);
      const auto written = (*sink)->write(std::as_bytes(std::span(part.data(), part.size())));
      if (!written) return written;
    }
    auto committed = (*sink)->commit();
    if (committed) index_ = index;
    return committed;
  }

  [[nodiscard]] std::shared_ptr<const mvcc::View> view() const { return machine_->view(); }
  [[nodiscard]] std::uint64_t applied() { return machine_->applied_index().value().value; }
  [[nodiscard]] KvStateMachine& operator*() { return *machine_; }
  [[nodiscard]] raftkit::testing::MemoryDisk& disk() { return *disk_; }

 private:
  std::unique_ptr<raftkit::testing::MemoryDisk> disk_ =
      std::make_unique<raftkit::testing::MemoryDisk>();
  std::size_t write_buffer_bytes_ = std::size_t{64} << 10;
  std::unique_ptr<KvStateMachine> machine_;
  std::uint64_t index_ = 0;
};

/// For what the test only needs to have happened.
template <class Response>
void must(const raftkit::Result<Response>& result) {
  if (!result) throw std::runtime_error(result.error().message());
}

/// Why it was refused; empty if it was not.
template <class Response>
[[nodiscard]] std::optional<RequestError> refusal(const raftkit::Result<Response>& result) {
  return result ? std::nullopt : request_error(result.error());
}

}  // namespace kvstore::test
