// A write-ahead log that no writer has written: all checksums are right, and what they cover is
// not.
#include <limits>
#include <map>
#include <random>

#include "storage/disk_wrapper.hpp"
#include "storage/log_shape.hpp"
#include "storage/wal/recovery.hpp"
#include "support/crafted_segment.hpp"
#include "wal_log_fixture.hpp"

namespace raftkit::test {

namespace {

namespace wal = storage::wal;

constexpr const char* kDirectory = "/member/log";
/// Counts what is read.
class ReadCounter final : public storage::DiskWrapper {
 public:
  using DiskWrapper::DiskWrapper;

  Result<std::unique_ptr<storage::ReadableFile>> open_readable(const std::string& path) override {
    auto file = DiskWrapper::open_readable(path);
    if (!file) return file;
    return std::make_unique<File>(*std::move(file), bytes);
  }

  std::uint64_t bytes = 0;

 private:
  class File final : public storage::ReadableFile {
   public:
    File(std::unique_ptr<storage::ReadableFile> inner, std::uint64_t& bytes)
        : inner_(std::move(inner)), bytes_(bytes) {}
    [[nodiscard]] Result<std::size_t> read_at(std::uint64_t offset,
                                              std::span<std::byte> buffer) const override {
      bytes_ += buffer.size();
      return inner_->read_at(offset, buffer);
    }
    [[nodiscard]] std::uint64_t size() const override { return inner_->size(); }

   private:
    std::unique_ptr<storage::ReadableFile> inner_;
    std::uint64_t& bytes_;
  };
};

enum class Behind : std::uint8_t { nothing, torn, vouches };

/// What a client may have written, who knows the format: headers in place, each of a frame that
/// goes on up to `end`. None of them verifies.
std::string look_alikes(std::uint64_t begin, std::uint64_t end) {
  std::string bytes;
  while (begin + bytes.size() + wal::kFrameBytes <= end) {
    const std::uint64_t offset = begin + bytes.size();
    std::string frame(wal::kFrameBytes, '\0');
    wal::finish_frame(std::span(frame), {}, {.offset = offset, .durable = offset});
    const auto length = static_cast<std::uint32_t>(end - offset - wal::kFrameBytes);
    constexpr std::size_t kLength = 8;
    for (std::size_t at = 0; at < sizeof length; ++at)
      frame[kLength + at] = static_cast<char>(length >> (8 * at));
    bytes += frame;
  }
  bytes.resize(end - begin, '\0');
  return bytes;
}

}  // namespace

TEST_CASE("What looks like frames behind the end costs no more than it is long",
          "[storage][wal][crafted]") {
  MemoryDisk disk;
  CraftedSegment segment;
  segment.checkpoint().batch(Batch().append_range(1, 1, 3));
  const std::uint64_t end = segment.size();
  constexpr std::uint64_t kSize = 4 << 20;
  const Behind behind = GENERATE(Behind::nothing, Behind::torn, Behind::vouches);
  segment.rest(look_alikes(end, kSize));
  if (behind != Behind::nothing)
    segment.batch(Batch().append(1, 4), behind == Behind::torn ? end : end + 1);
  const std::uint64_t whole = segment.size();
  segment.rest(look_alikes(whole, whole + (1 << 20)));
  const std::string path = segment.put(disk, kDirectory);

  ReadCounter counter(disk);
  const auto found = wal::recover(counter, kDirectory, 4096);
  CHECK(counter.bytes < 40 * segment.size());
  if (behind == Behind::vouches) {
    CHECK_THAT(found.error().message(),
               Catch::StartsWith(path + " is damaged at offset " + std::to_string(end)));
  } else {
    REQUIRE(found);
    CHECK(found->offset == end);
    CHECK(found->torn_end == (behind == Behind::torn ? whole : end));
    CHECK(found->groups.at({}).log.last == Index{3});
  }
}

}  // namespace raftkit::test
