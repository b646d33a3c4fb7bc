// Snapshot files, as they lie there or with right checksums. What can be read to its end is the
// same when it is written anew.
#include <algorithm>
#include <string>

#include "fuzz/input.hpp"
#include "fuzz/target.hpp"
#include "storage/encoding.hpp"
#include "storage/snapshot_format.hpp"
#include "testing/batches.hpp"
#include "testing/check.hpp"
#include "testing/memory_disk.hpp"
#include "wire/crc32c.hpp"

namespace raftkit::fuzz {

namespace {

using storage::put;
using storage::SnapshotFileReader;
using storage::SnapshotFileWriter;
using testing::MemoryDisk;
using testing::require;

enum class Form : std::uint8_t { raw = 0, made = 1 };

std::uint32_t crc_of(std::string_view bytes, std::uint32_t seed = 0) {
  return wire::crc32c(bytes_of(bytes), seed);
}

/// Writes the file that an input asks for: its checksums are right where nothing else is asked for.
class FileMaker {
 public:
  explicit FileMaker(Input& input) : input_(input) {}

  std::string header(const EntryId& last) {
    std::string header = "rkitsnap";
    put<std::uint32_t>(header, static_cast<std::uint32_t>(input_.near(1)));
    put<std::uint64_t>(header, last.term.value);
    put<std::uint64_t>(header, last.index.value);
    const std::string_view membership = input_.text();
    put<std::uint32_t>(header, static_cast<std::uint32_t>(input_.near(membership.size())));
    header += membership;
    header_crc_ = crc_of(header);
    put_crc(header, header_crc_);
    return header;
  }

  std::string chunk() {
    std::string content(input_.text());
    // As long as chunks are, without an input that is as long.
    for (std::uint64_t doublings = input_.below(20); doublings > 0; --doublings) {
      if (content.size() * 2 <= storage::kSnapshotChunkBytes + 1) content += content;
    }
    std::string chunk;
    put<std::uint32_t>(chunk, static_cast<std::uint32_t>(input_.near(content.size())));
    put_crc(chunk, crc_at(total_, content));
    total_ += content.size();
    return chunk + content;
  }

  std::string end() {
    std::string end;
    const std::uint64_t total = input_.near(total_);
    put<std::uint32_t>(end, static_cast<std::uint32_t>(input_.near(0)));
    put_crc(end, crc_at(total, ""));
    put<std::uint64_t>(end, total);
    return end;
  }

 private:
  void put_crc(std::string& target, std::uint32_t right) {
    put<std::uint32_t>(target, static_cast<std::uint32_t>(input_.near(right)));
  }
  [[nodiscard]] std::uint32_t crc_at(std::uint64_t offset, std::string_view content) const {
    std::string place;
    put<std::uint64_t>(place, offset);
    return crc_of(content, crc_of(place, header_crc_));
  }

  Input& input_;
  std::uint32_t header_crc_ = 0;
  std::uint64_t total_ = 0;
};

std::string content_of(Input& input, const EntryId& last) {
  if (static_cast<Form>(input.byte() % 2) == Form::raw) return std::string(input.rest());
  FileMaker maker(input);
  std::string content = maker.header(last);
  for (std::uint64_t chunks = input.below(4); chunks > 0; --chunks)
    content += maker.chunk();
  content += maker.end();
  content += input.rest();
  return content;
}

void make_file(MemoryDisk& disk, const std::string& path, const std::string& content) {
  static_cast<void>(disk.open_writable(path, storage::Disk::Open::truncate));
  disk.set_content(path, content);
}

/// What the reader gives, in pieces of `step` bytes. Errors: the reader's.
Result<std::string> read_to_end(SnapshotFileReader& reader, std::size_t step) {
  std::string content;
  std::string buffer(step, '\0');
  while (true) {
    const auto read = reader.read(std::as_writable_bytes(std::span(buffer)));
    if (!read) return read.error();
    if (*read == 0) return content;
    require(*read <= step, "more than there is room for");
    content.append(buffer, 0, *read);
  }
}

void check_rewritten(MemoryDisk& disk, const SnapshotMeta& meta, const std::string& content) {
  const std::string path = "/again/" + storage::snapshot_file_name(meta.last);
  auto file = disk.open_writable(path, storage::Disk::Open::truncate);
  require(file.has_value(), "cannot be made");
  SnapshotFileWriter writer(*std::move(file), meta);
  require(writer.write(bytes_of(content)) && writer.finish(), "cannot be written");
  auto reader = SnapshotFileReader::open(disk, path);
  require(reader.has_value(), "what was written cannot be opened");
  require(reader->meta() == meta, "was written for another snapshot");
  const auto read = read_to_end(*reader, storage::kSnapshotChunkBytes);
  require(read && *read == content, "was written with another content");
}

}  // namespace

std::vector<std::string> examples() {
  const SnapshotMeta meta = testing::snapshot(2, 7);
  const std::string path = "/made/" + storage::snapshot_file_name(meta.last);
  MemoryDisk disk;
  static_cast<void>(disk.create_directories("/made"));
  SnapshotFileWriter writer(*disk.open_writable(path, storage::Disk::Open::truncate), meta);
  static_cast<void>(writer.write(bytes_of("content")));
  static_cast<void>(writer.finish());

  const Recipe name = Recipe().number(2).number(7).right().right().number(100);
  const Bytes membership = encode(*meta.membership);
  const auto made = [&](std::uint64_t chunks) {
    Recipe recipe = name;
    recipe.byte(static_cast<std::uint8_t>(Form::made)).right();
    recipe.text(membership.view()).right().right().number(chunks);
    for (std::uint64_t at = 0; at < chunks; ++at)
      recipe.text("content").number(at * 9).right().right();
    return recipe.right().right().right();
  };
  // Or else all that is made would be refused, and nothing noticed.
  const std::string file = Recipe().rest(std::string(made(1)).substr(std::string(name).size()));
  Input input(reinterpret_cast<const std::uint8_t*>(file.data()), file.size());
  require(content_of(input, meta.last) == disk.content(path), "another file than the writer's");
  return {Recipe(name).byte(static_cast<std::uint8_t>(Form::raw)).rest(disk.content(path)),
          made(0),
          made(1),
          made(3)};
}

}  // namespace raftkit::fuzz

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace raftkit;
  using namespace raftkit::fuzz;
  Input input(data, size);
  const Term term{input.number()};
  const EntryId last{term, Index{input.number()}};
  const EntryId named{Term{input.near(last.term.value)}, Index{input.near(last.index.value)}};
  const std::size_t step = 1 + input.below(8192);
  const std::string path = "/given/" + storage::snapshot_file_name(named);
  const std::string bytes = content_of(input, last);

  MemoryDisk disk;
  static_cast<void>(disk.create_directories("/given"));
  static_cast<void>(disk.create_directories("/again"));
  make_file(disk, path, bytes);
  auto reader = SnapshotFileReader::open(disk, path);
  if (!reader) return 0;
  require(reader->meta().last == named, "another snapshot than its name says");
  const auto content = read_to_end(*reader, step);
  if (!content) return 0;
  require(content->size() < bytes.size(), "more content than the file has bytes");
  check_rewritten(disk, reader->meta(), *content);
  return 0;
}
