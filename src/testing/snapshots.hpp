// Snapshots as strings, for tests that need no streams.
#pragma once

#include <algorithm>
#include <random>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "raftkit/snapshot.hpp"

namespace raftkit::testing {

/// Bytes without a pattern, the same for the same arguments.
[[nodiscard]] inline std::string noise(std::size_t size, std::uint64_t seed = 0) {
  std::mt19937_64 random(size + (seed << 32));
  std::string bytes(size, '\0');
  std::generate(bytes.begin(), bytes.end(), [&] { return static_cast<char>(random()); });
  return bytes;
}

/// In pieces of `piece` bytes, at least one.
[[nodiscard]] inline Result<void> write_all(SnapshotSink& sink,
                                            std::string_view content,
                                            std::size_t piece = 4096) {
  for (; !content.empty(); content.remove_prefix(std::min(piece, content.size()))) {
    const auto part = content.substr(0, piece);
    const auto written = sink.write(std::as_bytes(std::span(part.data(), part.size())));
    if (!written) return written;
  }
  return {};
}

[[nodiscard]] inline Result<void> save(SnapshotStore& store,
                                       const SnapshotMeta& meta,
                                       std::string_view content,
                                       std::size_t piece = 4096) {
  auto sink = store.create(meta);
  if (!sink) return std::move(sink).error();
  if (auto written = write_all(**sink, content, piece); !written) return written;
  return (*sink)->commit();
}

[[nodiscard]] inline Result<std::string> drain(SnapshotSource& source, std::size_t piece = 4096) {
  std::string content;
  std::vector<char> buffer(piece);
  for (;;) {
    const auto count = source.read(std::as_writable_bytes(std::span(buffer)));
    if (!count) return count.error();
    if (*count == 0) return content;
    content.append(buffer.data(), *count);
  }
}

[[nodiscard]] inline Result<std::string> content_of(SnapshotStore& store, EntryId last) {
  auto source = store.open(last);
  if (!source) return std::move(source).error();
  return drain(**source);
}

}  // namespace raftkit::testing
