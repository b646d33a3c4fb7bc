// A transaction that may change something.
#pragma once

#include "raftkit/result.hpp"

#include "mvcc/view.hpp"
#include "mvcc/writer.hpp"
#include "proto/rpc.pb.h"

namespace kvstore {

/// Whether some range in it asks for an old revision: then `before` of transact() must be the state
/// right before it.
[[nodiscard]] bool reads_history(const etcdserverpb::TxnRequest& request);

/// Conditions are judged on the state before it, then the chosen operations run in order; all
/// changes belong to writer.next_revision(). After an error the writer must be rolled back. Errors:
/// RequestError · io_error · corrupt_data.
[[nodiscard]] raftkit::Result<etcdserverpb::TxnResponse> transact(
    mvcc::Writer& writer, const mvcc::View& before, const etcdserverpb::TxnRequest& request);

}  // namespace kvstore
