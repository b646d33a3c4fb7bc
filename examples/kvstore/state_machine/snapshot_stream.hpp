// The store as a stream of its records, for a member that has to be given all of it.
#pragma once

#include <memory>

#include "raftkit/snapshot.hpp"

#include "mvcc/store.hpp"

namespace kvstore {

/// A line of text, then for every record two big-endian lengths of 4 bytes, key and value; at the
/// end, two lengths of 0. raftkit's chunks carry the checksums.
[[nodiscard]] std::unique_ptr<raftkit::SnapshotSource> make_source(
    raftkit::SnapshotMeta meta, std::shared_ptr<const mvcc::View> view);

/// Puts a stream into `replacement`, which takes the store's place at commit(). Errors of the sink:
/// corrupt_data (no such stream) · io_error · out_of_space.
[[nodiscard]] std::unique_ptr<raftkit::SnapshotSink> make_sink(
    raftkit::SnapshotMeta meta, std::unique_ptr<mvcc::Store::Replacement> replacement);

}  // namespace kvstore
