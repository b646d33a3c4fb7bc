// What every Disk promises, tried on the operating system's, on the one that tests use instead, and
// on one that keeps all changes to itself.
#include "raftkit/disk.hpp"

#include <memory>

#include <catch2/catch.hpp>

#include "storage/overlay_disk.hpp"
#include "support/temporary_directory.hpp"
#include "testing/memory_disk.hpp"

namespace raftkit::storage {

namespace {

std::span<const std::byte> bytes_of(std::string_view text) {
  return std::as_bytes(std::span(text.data(), text.size()));
}

/// One of the disks, and a directory on it.
class AnyDisk {
 public:
  explicit AnyDisk(const std::string& name)
      : on_system_(name == "posix"), is_overlay_(name == "overlay") {
    REQUIRE(disk().create_directories(path("")));
  }

  Disk& disk() {
    if (is_overlay_) return overlay_;
    return on_system_ ? posix_disk() : memory_;
  }
  std::string path(const std::string& name) {
    return (on_system_ ? directory_.path() : std::string("/memory")) +
           (name.empty() ? "" : "/" + name);
  }
  void write(const std::string& name, std::string_view text) {
    auto file = disk().open_writable(path(name), Disk::Open::truncate);
    REQUIRE(file);
    REQUIRE((*file)->append(bytes_of(text)));
  }
  std::string content(const std::string& name) {
    auto text = read_file(disk(), path(name), 1 << 20);
    REQUIRE(text);
    return *text;
  }

 private:
  bool on_system_;
  bool is_overlay_;
  test::TemporaryDirectory directory_;
  testing::MemoryDisk memory_;
  OverlayDisk overlay_{memory_};
};

}  // namespace

TEST_CASE("A file grows at its end and can be overwritten in its middle", "[storage][disk]") {
  AnyDisk any(GENERATE("posix", "memory", "overlay"));
  auto file = any.disk().open_writable(any.path("f"), Disk::Open::create_new);
  REQUIRE(file);

  REQUIRE((*file)->append(bytes_of("hello")));
  REQUIRE((*file)->append(bytes_of(" world")));
  REQUIRE((*file)->write_at(6, bytes_of("W")));
  REQUIRE((*file)->sync());

  CHECK((*file)->size() == 11);
  CHECK(any.content("f") == "hello World");
  CHECK(any.disk().file_size(any.path("f")).value() == 11);
}

TEST_CASE("A file is opened for writing in three ways", "[storage][disk]") {
  AnyDisk any(GENERATE("posix", "memory", "overlay"));
  any.write("f", "12345");

  CHECK(any.disk().open_writable(any.path("f"), Disk::Open::create_new).error() ==
        Errc::already_exists);

  auto appended = any.disk().open_writable(any.path("f"), Disk::Open::append);
  REQUIRE(appended);
  CHECK((*appended)->size() == 5);
  REQUIRE((*appended)->append(bytes_of("6")));
  REQUIRE((*appended)->write_at(0, bytes_of("x")));
  CHECK(any.content("f") == "x23456");

  auto truncated = any.disk().open_writable(any.path("f"), Disk::Open::truncate);
  REQUIRE(truncated);
  CHECK((*truncated)->size() == 0);
  CHECK(any.content("f").empty());
}

TEST_CASE("Preallocated space reads as zeros, and truncating gives it back", "[storage][disk]") {
  AnyDisk any(GENERATE("posix", "memory", "overlay"));
  auto file = any.disk().open_writable(any.path("f"), Disk::Open::create_new);
  REQUIRE(file);
  REQUIRE((*file)->append(bytes_of("ab")));

  REQUIRE((*file)->preallocate(8));
  REQUIRE((*file)->preallocate(4));
  REQUIRE((*file)->write_at(2, bytes_of("c")));
  CHECK((*file)->size() == 8);
  CHECK(any.content("f") == std::string("abc\0\0\0\0\0", 8));

  REQUIRE((*file)->truncate(3));
  CHECK((*file)->size() == 3);
  CHECK(any.content("f") == "abc");
}

TEST_CASE("A read is short only at the end of the file", "[storage][disk]") {
  AnyDisk any(GENERATE("posix", "memory", "overlay"));
  any.write("f", "0123456789");
  auto file = any.disk().open_readable(any.path("f"));
  REQUIRE(file);
  std::array<std::byte, 4> buffer{};

  CHECK((*file)->size() == 10);
  CHECK((*file)->read_at(2, buffer).value() == 4);
  CHECK(buffer.front() == std::byte{'2'});
  CHECK((*file)->read_at(8, buffer).value() == 2);
  CHECK((*file)->read_at(10, buffer).value() == 0);
  CHECK((*file)->read_at(99, buffer).value() == 0);
}

TEST_CASE("A directory lists its names in order, files and directories", "[storage][disk]") {
  AnyDisk any(GENERATE("posix", "memory", "overlay"));
  any.write("b", "");
  any.write("a", "");
  REQUIRE(any.disk().create_directories(any.path("c/d")));
  REQUIRE(any.disk().create_directories(any.path("c")));

  CHECK(any.disk().list(any.path("")).value() == std::vector<std::string>{"a", "b", "c"});
  CHECK(any.disk().list(any.path("c")).value() == std::vector<std::string>{"d"});
  CHECK(any.disk().exists(any.path("c/d")));
  CHECK_FALSE(any.disk().exists(any.path("d")));
}

TEST_CASE("Renaming replaces what is there", "[storage][disk]") {
  AnyDisk any(GENERATE("posix", "memory", "overlay"));
  any.write("old", "1");
  any.write("new", "2");

  REQUIRE(any.disk().rename(any.path("new"), any.path("old")));
  REQUIRE(any.disk().sync_directory(any.path("")));

  CHECK(any.content("old") == "2");
  CHECK_FALSE(any.disk().exists(any.path("new")));
}

TEST_CASE("Removing a tree takes everything in it and does not mind a missing one",
          "[storage][disk]") {
  AnyDisk any(GENERATE("posix", "memory", "overlay"));
  REQUIRE(any.disk().create_directories(any.path("t/u")));
  any.write("t/f", "x");
  any.write("t/u/f", "x");

  REQUIRE(any.disk().remove_tree(any.path("t")));
  REQUIRE(any.disk().remove_tree(any.path("t")));

  CHECK_FALSE(any.disk().exists(any.path("t")));
  CHECK_FALSE(any.disk().exists(any.path("t/u/f")));
}

TEST_CASE("What is missing is not_found, and the error names it", "[storage][disk]") {
  AnyDisk any(GENERATE("posix", "memory", "overlay"));
  const std::string path = any.path("nowhere/f");

  for (const Error& error : {any.disk().open_writable(path, Disk::Open::truncate).error(),
                             any.disk().open_readable(path).error(),
                             any.disk().file_size(path).error(),
                             any.disk().list(path).error(),
                             any.disk().remove_file(path).error(),
                             any.disk().rename(path, path).error(),
                             any.disk().sync_directory(path).error(),
                             any.disk().lock(path).error()}) {
    CHECK(error == Errc::not_found);
    CHECK_THAT(error.message(), Catch::Contains(path));
  }
}

TEST_CASE("A lock is refused to a second owner until the first gives it back", "[storage][disk]") {
  AnyDisk any(GENERATE("posix", "memory"));  // an overlay takes what locks there are
  auto first = any.disk().lock(any.path("LOCK"));
  REQUIRE(first);

  const auto second = any.disk().lock(any.path("LOCK"));
  CHECK(second.error() == Errc::already_locked);
  CHECK_THAT(second.error().message(), Catch::Contains(any.path("LOCK")));

  first->reset();
  CHECK(any.disk().lock(any.path("LOCK")));
}

TEST_CASE("A disk knows how much room is left", "[storage][disk]") {
  AnyDisk any(GENERATE("posix", "memory", "overlay"));
  CHECK(any.disk().free_bytes(any.path("")).value() > 0);
}

TEST_CASE("A file is replaced at once or not at all", "[storage][disk]") {
  AnyDisk any(GENERATE("posix", "memory", "overlay"));

  REQUIRE(write_file_atomically(any.disk(), any.path("f"), bytes_of("one")));
  REQUIRE(write_file_atomically(any.disk(), any.path("f"), bytes_of("three")));

  CHECK(any.content("f") == "three");
  CHECK(any.disk().list(any.path("")).value() == std::vector<std::string>{"f"});
}

TEST_CASE("A file that is larger than it may be is not read", "[storage][disk]") {
  AnyDisk any(GENERATE("posix", "memory", "overlay"));
  any.write("f", "12345");

  CHECK(read_file(any.disk(), any.path("f"), 5).value() == "12345");
  CHECK(read_file(any.disk(), any.path("f"), 4).error() == Errc::corrupt_data);
  CHECK(read_file(any.disk(), any.path("g"), 4).error() == Errc::not_found);
}

TEST_CASE("A counting disk counts syncs and bytes", "[storage][disk]") {
  AnyDisk any(GENERATE("posix", "memory", "overlay"));
  DiskCounters counters;
  const auto disk = make_counting_disk(any.disk(), counters);

  REQUIRE(write_file_atomically(*disk, any.path("f"), bytes_of("12345")));

  CHECK(counters.file_syncs == 1);
  CHECK(counters.directory_syncs == 1);
  CHECK(counters.written_bytes == 5);
  CHECK(any.content("f") == "12345");
}

}  // namespace raftkit::storage
