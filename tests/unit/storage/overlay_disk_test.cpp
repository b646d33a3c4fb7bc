#include "storage/overlay_disk.hpp"

#include <map>
#include <random>

#include <catch2/catch.hpp>

#include "support/printing.hpp"
#include "testing/memory_disk.hpp"

namespace raftkit::storage {

namespace {

using testing::MemoryDisk;

std::span<const std::byte> bytes_of(std::string_view text) {
  return std::as_bytes(std::span(text.data(), text.size()));
}

using Files = std::map<std::string, std::string>;

Files files_of(const MemoryDisk& disk) {
  Files files;
  for (const std::string& path : disk.files())
    files[path] = disk.content(path);
  return files;
}

void put(MemoryDisk& disk, const std::string& path, const std::string& content) {
  REQUIRE(disk.create_directories("/d"));
  REQUIRE(disk.open_writable(path, Disk::Open::truncate));
  disk.set_content(path, content);
}

/// The same operation on both, of the kind and at the place that `random` says.
void change(Disk& one, Disk& other, std::mt19937& random) {
  const auto below = [&](std::uint32_t limit) {
    return static_cast<std::uint32_t>(random() % limit);
  };
  const auto name = [&] { return "/d/" + std::to_string(below(4)); };
  const std::string path = name();
  const std::string second = name();
  const auto kind = below(7);
  const auto mode = static_cast<Disk::Open>(below(3));
  const std::uint64_t place = below(20'000);
  const std::string bytes(below(9000), static_cast<char>('a' + below(26)));
  const auto apply = [&](Disk& disk) -> Result<void> {
    if (kind == 0) return disk.remove_file(path);
    if (kind == 1) return path == second ? Result<void>() : disk.rename(path, second);
    auto file = disk.open_writable(path, mode);
    if (!file) return std::move(file).error();
    if (kind == 2) return (*file)->append(bytes_of(bytes));
    if (kind == 3) return (*file)->preallocate((*file)->size() + place);
    if (kind == 4) return (*file)->truncate(std::min((*file)->size(), place));
    return (*file)->write_at(std::min((*file)->size(), place), bytes_of(bytes));
  };
  const auto left = apply(one);
  const auto right = apply(other);
  CAPTURE(kind, path, second, place, bytes.size());
  REQUIRE(left.has_value() == right.has_value());
  if (!left) REQUIRE(left.error().code() == right.error().code());
}

void require_same(Disk& one, Disk& other) {
  const auto names = one.list("/d");
  REQUIRE(names.value() == other.list("/d").value());
  for (const std::string& name : *names) {
    const std::string path = "/d/" + name;
    REQUIRE(one.file_size(path).value() == other.file_size(path).value());
    REQUIRE(read_file(one, path, 1 << 20).value() == read_file(other, path, 1 << 20).value());
  }
}

}  // namespace

TEST_CASE(
    "An overlay shows what a disk with the same changes would hold, and changes nothing below",
    "[storage][disk][property]") {
  for (std::uint32_t seed = 1; seed <= 60; ++seed) {
    std::mt19937 random(seed);
    MemoryDisk below;
    MemoryDisk twin;
    for (const std::string path : {"/d/0", "/d/1", "/d/2"}) {
      const std::string content(random() % 12'000, static_cast<char>(random()));
      put(below, path, content);
      put(twin, path, content);
    }
    const Files before = files_of(below);
    OverlayDisk overlay(below);

    for (int step = 0; step < 60; ++step) {
      change(overlay, twin, random);
      CAPTURE(seed, step);
      require_same(overlay, twin);
    }
    CHECK(files_of(below) == before);
  }
}

TEST_CASE("Whoever opened a file of an overlay before sees what is written to it later",
          "[storage][disk]") {
  MemoryDisk below;
  put(below, "/d/f", "hello");
  OverlayDisk overlay(below);
  const auto reader = overlay.open_readable("/d/f");

  const auto writer = overlay.open_writable("/d/f", Disk::Open::append);
  REQUIRE((*writer)->write_at(0, bytes_of("J")));

  std::string text(5, ' ');
  CHECK((*reader)->read_at(0, std::as_writable_bytes(std::span(text))).value() == 5);
  CHECK(text == "Jello");
}

TEST_CASE("An overlay takes the locks that are there, and makes none below", "[storage][disk]") {
  MemoryDisk below;
  put(below, "/d/LOCK", "");
  const auto held = below.lock("/d/LOCK");
  OverlayDisk overlay(below);

  CHECK(overlay.lock("/d/LOCK").error() == Errc::already_locked);
  CHECK(overlay.lock("/d/OTHER"));
  CHECK_FALSE(below.exists("/d/OTHER"));
}

TEST_CASE("A tree that is removed from an overlay, and made again, is empty", "[storage][disk]") {
  MemoryDisk below;
  REQUIRE(below.create_directories("/d/e"));
  put(below, "/d/e/f", "1");
  OverlayDisk overlay(below);

  REQUIRE(overlay.remove_tree("/d/e"));
  CHECK_FALSE(overlay.exists("/d/e"));
  CHECK(overlay.open_readable("/d/e/f").error() == Errc::not_found);
  REQUIRE(overlay.create_directories("/d/e"));

  CHECK(overlay.list("/d/e").value().empty());
  CHECK(overlay.open_readable("/d/e/f").error() == Errc::not_found);
  CHECK(below.exists("/d/e/f"));
}

}  // namespace raftkit::storage
