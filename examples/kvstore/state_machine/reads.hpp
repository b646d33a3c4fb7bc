// Requests that change nothing.
#pragma once

#include <cstddef>
#include <vector>

#include "raftkit/result.hpp"

#include "mvcc/view.hpp"
#include "proto/rpc.pb.h"
#include "state_machine/reader.hpp"

namespace kvstore {

/// Errors: RequestError compacted, future_revision, response_too_large · io_error · corrupt_data.
/// The header holds the revision and nothing else.
[[nodiscard]] raftkit::Result<etcdserverpb::RangeResponse> evaluate(
    const mvcc::View& view, const etcdserverpb::RangeRequest& request);
/// The same for a transaction that is_read_only().
[[nodiscard]] raftkit::Result<etcdserverpb::TxnResponse> evaluate(
    const mvcc::View& view, const etcdserverpb::TxnRequest& request);

// What the above and requests that write have in common.

/// Protobuf cannot encode more than 2 GiB, and whoever answers holds the answer in memory. Part of
/// the state machine: all members must refuse the same requests.
inline constexpr std::size_t kMaxResponseBytes = std::size_t{1} << 30;

[[nodiscard]] raftkit::Result<etcdserverpb::RangeResponse> range(
    const Reader& reader, const etcdserverpb::RangeRequest& request);

/// Which branch each of a transaction's nested transactions takes, in the order of execution;
/// judged before any of them runs.
using Branches = std::vector<bool>;
[[nodiscard]] raftkit::Result<Branches> choose_branches(const Reader& reader,
                                                        const etcdserverpb::TxnRequest& request);

/// Whether `request` may be read at all, before the transaction it is in. Errors: compacted,
/// future_revision.
[[nodiscard]] raftkit::Result<void> check_revision(const Reader& reader,
                                                   const etcdserverpb::RangeRequest& request);

void copy_to(const mvcc::KeyValueView& from, mvccpb::KeyValue& to);

}  // namespace kvstore
