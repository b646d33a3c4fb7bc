// Commands, applied.
#pragma once

#include <functional>

#include "raftkit/bytes.hpp"
#include "raftkit/result.hpp"

#include "mvcc/store.hpp"
#include "proto/kvstore.pb.h"
#include "state_machine/reads.hpp"

namespace kvstore {

/// Applies the commands of one batch to a store, deterministically. Owner: one thread at a time.
class Applier {
 public:
  /// `store` must outlive it.
  explicit Applier(mvcc::Store& store) : store_(store), writer_(store.begin()) {}

  /// Every command is one revision at most; one that is refused changes nothing. `before` is the
  /// index of the last log entry before this one. Returns what goes to the client. Errors: io_error
  /// · corrupt_data: the state is not usable any more.
  [[nodiscard]] raftkit::Result<raftkit::Bytes> apply(const raftkit::Bytes& payload,
                                                      std::uint64_t before);
  /// Writes and publishes. Errors: as apply().
  [[nodiscard]] raftkit::Result<void> commit(std::uint64_t applied);

 private:
  [[nodiscard]] raftkit::Result<raftkit::Bytes> dispatch(const Command& command,
                                                         std::uint64_t before);
  [[nodiscard]] raftkit::Result<etcdserverpb::PutResponse> put(
      const etcdserverpb::PutRequest& request);
  [[nodiscard]] raftkit::Result<etcdserverpb::TxnResponse> transact(
      const etcdserverpb::TxnRequest& request, std::uint64_t before);
  [[nodiscard]] raftkit::Result<etcdserverpb::CompactionResponse> compact(
      const etcdserverpb::CompactionRequest& request);

  mvcc::Store& store_;
  mvcc::Writer writer_;
};

}  // namespace kvstore
