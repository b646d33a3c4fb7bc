// The disk that the storage tests lose power on must lose what a real one may lose, and nothing
// else.
#include "testing/memory_disk.hpp"

#include <set>

#include <catch2/catch.hpp>

namespace raftkit::test {

using testing::DamageScope;
using testing::DiskDamage;
using testing::DiskImage;
using testing::MemoryDisk;
using testing::Survivors;

namespace {

using storage::Disk;

std::span<const std::byte> bytes_of(std::string_view text) {
  return std::as_bytes(std::span(text.data(), text.size()));
}

const std::string kSector(512, 'x');

std::unique_ptr<storage::WritableFile> make_file(MemoryDisk& disk, const std::string& path) {
  auto file = disk.open_writable(path, Disk::Open::create_new);
  REQUIRE(file);
  return *std::move(file);
}

/// The contents that `path` can have after a power loss at the end of `script`.
template <class Script>
std::set<std::string> outcomes(Survivors survivors, const Script& script) {
  std::set<std::string> found;
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    MemoryDisk disk;
    REQUIRE(disk.create_directories("/d"));
    script(disk);
    disk.lose_power(seed, survivors);
    found.insert(disk.exists("/d/f") ? disk.content("/d/f") : "nothing");
  }
  return found;
}

}  // namespace

TEST_CASE("A memory disk keeps synced bytes under a synced name", "[storage][memory_disk]") {
  const auto found = outcomes(Survivors::none, [](MemoryDisk& disk) {
    auto file = make_file(disk, "/d/f");
    REQUIRE(file->append(bytes_of("abc")));
    REQUIRE(file->sync());
    REQUIRE(disk.sync_directory("/d"));
    REQUIRE(file->append(bytes_of("def")));
  });
  CHECK(found == std::set<std::string>{"abc"});
}

TEST_CASE("A memory disk may lose a name that no directory sync covered",
          "[storage][memory_disk]") {
  const auto found = outcomes(Survivors::any, [](MemoryDisk& disk) {
    auto file = make_file(disk, "/d/f");
    REQUIRE(file->append(bytes_of("abc")));
    REQUIRE(file->sync());
  });
  CHECK(found == std::set<std::string>{"abc", "nothing"});
}

TEST_CASE("A memory disk may keep a new name without the bytes that came first",
          "[storage][memory_disk]") {
  const auto found = outcomes(Survivors::oldest, [](MemoryDisk& disk) {
    auto file = make_file(disk, "/d/f");
    REQUIRE(file->sync());
    REQUIRE(disk.sync_directory("/d"));
    auto beside = make_file(disk, "/d/tmp");
    REQUIRE(beside->append(bytes_of("abc")));
    REQUIRE(disk.rename("/d/tmp", "/d/f"));
  });
  CHECK(found == std::set<std::string>{"", "abc"});
}

TEST_CASE("A memory disk may keep a later sector without an earlier one",
          "[storage][memory_disk]") {
  const auto script = [](MemoryDisk& disk) {
    auto file = make_file(disk, "/d/f");
    REQUIRE(disk.sync_directory("/d"));
    REQUIRE(file->append(bytes_of(kSector + "y")));
  };
  const std::string zeros(512, '\0');

  CHECK(outcomes(Survivors::oldest, script) == std::set<std::string>{"", kSector, kSector + "y"});
  CHECK(outcomes(Survivors::newest, script) ==
        std::set<std::string>{"", zeros + "y", kSector + "y"});
  CHECK(outcomes(Survivors::any, script).contains(zeros + "y"));
  CHECK(outcomes(Survivors::all, script) == std::set<std::string>{kSector + "y"});
}

TEST_CASE("A memory disk refuses whoever slept through the power loss", "[storage][memory_disk]") {
  MemoryDisk disk;
  REQUIRE(disk.create_directories("/d"));
  auto file = make_file(disk, "/d/f");
  auto reader = disk.open_readable("/d/f");
  auto lock = disk.lock("/d/LOCK");
  disk.lose_power(1, Survivors::all);

  CHECK(file->append(bytes_of("x")).error() == Errc::io_error);
  CHECK(file->sync().error() == Errc::io_error);
  std::array<std::byte, 1> buffer{};
  CHECK((*reader)->read_at(0, buffer).error() == Errc::io_error);

  auto next = disk.lock("/d/LOCK");
  REQUIRE(next);
  lock->reset();
  CHECK(disk.lock("/d/LOCK").error() == Errc::already_locked);
}

TEST_CASE("A memory disk can be full", "[storage][memory_disk]") {
  MemoryDisk disk;
  disk.set_capacity(5);
  REQUIRE(disk.create_directories("/d"));
  auto file = make_file(disk, "/d/f");

  REQUIRE(file->append(bytes_of("1234")));
  CHECK(disk.free_bytes("/d").value() == 1);
  CHECK(file->append(bytes_of("56")).error() == Errc::out_of_space);
  CHECK(file->preallocate(6).error() == Errc::out_of_space);
  CHECK(file->write_at(0, bytes_of("12345")));
}

TEST_CASE("A sync that fails once takes its bytes with it", "[storage][memory_disk]") {
  MemoryDisk disk;
  REQUIRE(disk.create_directories("/d"));
  auto file = make_file(disk, "/d/f");
  REQUIRE(disk.sync_directory("/d"));
  REQUIRE(file->append(bytes_of("abc")));
  disk.fail_sync_after(0);

  CHECK(file->sync().error() == Errc::io_error);
  CHECK(disk.content("/d/f") == "abc");
  REQUIRE(file->sync());
  disk.lose_power(1, Survivors::all);

  CHECK(disk.content("/d/f").empty());
}

TEST_CASE("Each kind of damage does to a sector what it says", "[storage][memory_disk]") {
  MemoryDisk disk;
  REQUIRE(disk.create_directories("/d"));
  const std::string other(512, 'y');
  {
    auto file = make_file(disk, "/d/f");
    REQUIRE(disk.sync_directory("/d"));
    REQUIRE(file->append(bytes_of(kSector + other)));
    REQUIRE(file->sync());
    REQUIRE(file->write_at(0, bytes_of("new")));
    REQUIRE(file->write_at(512, bytes_of("new")));
    REQUIRE(file->sync());
  }
  disk.lose_power(1, Survivors::none);
  const DiskImage whole = disk.image();
  const std::string before = disk.content("/d/f");
  const auto kind = static_cast<DiskDamage>(GENERATE(0U, 1U, 2U, 3U, 4U));
  CAPTURE(static_cast<int>(kind));

  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    DiskImage image = whole;
    core::Random random(seed);
    const auto file = testing::damage(image, kind, DamageScope::noticeable, random);
    if (!file && kind == DiskDamage::misdirected) continue;  // onto itself
    REQUIRE(file == "/d/f");
    disk.restore(image);
    CHECK(disk.is_damaged());

    const std::string after = disk.content("/d/f");
    const std::string first = after.substr(0, std::min<std::size_t>(after.size(), 512));
    const std::string second = after.substr(first.size());
    switch (kind) {
      case DiskDamage::flipped:
        CHECK(after != before);
        CHECK(after.size() == before.size());
        break;
      case DiskDamage::lost:
        CHECK((first == kSector) != (second == other));
        break;
      case DiskDamage::misdirected:
        CHECK(first == second);
        break;
      case DiskDamage::truncated:
        CHECK((after.size() < before.size() ||
               (first == std::string(512, '\0')) != (second == std::string(512, '\0'))));
        break;
      case DiskDamage::unreadable: {
        std::string buffer(1024, '\0');
        const auto read =
            (*disk.open_readable("/d/f"))->read_at(0, std::as_writable_bytes(std::span(buffer)));
        REQUIRE_FALSE(read);
        CHECK(read.error() == Errc::io_error);
        CHECK_THAT(read.error().message(), Catch::Contains("/d/f"));
        break;
      }
    }
  }
}

TEST_CASE("What a power loss may tear is no noticeable damage", "[storage][memory_disk]") {
  MemoryDisk disk;
  REQUIRE(disk.create_directories("/d"));
  auto file = make_file(disk, "/d/000003.log");
  REQUIRE(disk.sync_directory("/d"));
  REQUIRE(file->append(bytes_of(kSector)));
  REQUIRE(file->sync());
  const auto damages = [&](DamageScope scope) {
    disk.lose_power(1, Survivors::none);
    DiskImage image = disk.image();
    core::Random random(1);
    return testing::damage(image, DiskDamage::flipped, scope, random).has_value();
  };
  CHECK_FALSE(damages(DamageScope::noticeable));
  CHECK(damages(DamageScope::anywhere));

  file = *disk.open_writable("/d/000003.log", Disk::Open::append);
  REQUIRE(file->append(bytes_of(kSector)));
  REQUIRE(file->sync());
  CHECK(damages(DamageScope::noticeable));
}

}  // namespace raftkit::test
