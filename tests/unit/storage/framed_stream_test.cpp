#include "storage/framed_stream.hpp"

#include <catch2/catch.hpp>

#include "storage/encoding.hpp"
#include "testing/memory_disk.hpp"

namespace raftkit::storage {

namespace {

const std::string kPath = "/db/000007.log";

/// Frames of a file, one after the other.
class Frames {
 public:
  explicit Frames(std::string name = "000007.log") : name_(std::move(name)) {}

  Frames& add(std::string_view payload, FrameKind kind = FrameKind::data) {
    std::string frame(kFrameHeaderBytes, '\0');
    frame += payload;
    finish_frame(frame, name_, kind, {bytes_.size(), durable_});
    bytes_ += frame;
    return *this;
  }
  Frames& sync() {
    durable_ = bytes_.size();
    return *this;
  }
  [[nodiscard]] const std::string& bytes() const { return bytes_; }

 private:
  std::string name_;
  std::string bytes_;
  std::uint64_t durable_ = 0;
};

Result<RecoveredStream> recover(const std::string& bytes) {
  testing::MemoryDisk disk;
  REQUIRE(disk.create_directories("/db"));
  REQUIRE(write_file_atomically(disk, kPath, bytes_of(bytes)));
  return recover_stream(disk, kPath);
}

std::string flipped(std::string bytes, std::size_t at) {
  bytes[at] = static_cast<char>(bytes[at] ^ 0x10);
  return bytes;
}

}  // namespace

TEST_CASE("A stream comes out of its frames as it went in", "[storage][frames]") {
  const auto stream = recover(Frames().add("one").add("").sync().add("two").bytes());
  REQUIRE(stream);
  CHECK(stream->content == "onetwo");
  CHECK_FALSE(stream->sealed);

  CHECK(recover("")->content.empty());
}

TEST_CASE("A seal ends a stream, whatever follows", "[storage][frames]") {
  const std::string bytes = Frames().add("one").add("", FrameKind::seal).bytes();
  CHECK(recover(bytes)->sealed);
  CHECK(recover(bytes + std::string(100, '\0'))->content == "one");
}

TEST_CASE("A torn end is cut off, wherever it was torn", "[storage][frames]") {
  const std::string kept = Frames().add("one").sync().bytes();
  const std::string bytes = Frames().add("one").sync().add("two").add("three").bytes();
  for (std::size_t size = kept.size(); size < bytes.size(); ++size) {
    for (const char filler : {'\0', 'z'}) {
      std::string torn = bytes.substr(0, size);
      if (filler != '\0') torn.resize(bytes.size(), filler);
      const auto stream = recover(torn);
      REQUIRE(stream);
      CHECK((stream->content == "one" || stream->content == "onetwo"));
    }
  }
}

TEST_CASE("What lies behind a torn frame is not used, though it is whole", "[storage][frames]") {
  const Frames frames = Frames().add("one").sync().add("two").add("three");
  const std::size_t two = Frames().add("one").bytes().size();

  const auto stream = recover(flipped(frames.bytes(), two));

  REQUIRE(stream);
  CHECK(stream->content == "one");
}

TEST_CASE("A flipped bit in what a later frame knows to be durable is damage",
          "[storage][frames]") {
  const std::string synced = Frames().add("one").add("two").bytes();
  const std::string bytes = Frames().add("one").add("two").sync().add("three").bytes();
  for (std::size_t at = 0; at < synced.size(); ++at) {
    const auto stream = recover(flipped(bytes, at));
    REQUIRE_FALSE(stream);
    CHECK(stream.error() == Errc::corrupt_data);
    CHECK_THAT(stream.error().message(),
               Catch::Contains(kPath) &&
                   Catch::Contains(at < Frames().add("one").bytes().size()
                                       ? "at offset 0"
                                       : "at offset " + std::to_string(synced.size() / 2)));
  }
  for (std::size_t at = synced.size(); at < bytes.size(); ++at)
    CHECK(recover(flipped(bytes, at))->content == "onetwo");
}

TEST_CASE("A frame of another file or another place does not verify", "[storage][frames]") {
  CHECK(recover(Frames("000006.log").add("old").bytes())->content.empty());

  const std::string first = Frames().add("one").bytes();
  CHECK(recover(first + first)->content == "one");
}

}  // namespace raftkit::storage
