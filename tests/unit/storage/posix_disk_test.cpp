// What only the operating system's disk can show: modes, processes, real limits.
#include <csignal>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <catch2/catch.hpp>

#include "raftkit/disk.hpp"

#include "support/temporary_directory.hpp"

namespace raftkit::storage {

namespace {

using test::TemporaryDirectory;

std::span<const std::byte> bytes_of(std::string_view text) {
  return std::as_bytes(std::span(text.data(), text.size()));
}

/// Runs `body` in a child and returns its exit status; it must not use the test's assertions.
template <class Body>
int in_child(const Body& body) {
  const pid_t child = ::fork();
  if (child == 0) ::_exit(body());
  int status = 0;
  ::waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

bool is_locked_for_others(const std::string& path) {
  return in_child([&] {
           const auto lock = posix_disk().lock(path);
           return !lock && lock.error() == Errc::already_locked ? 1 : 0;
         }) == 1;
}

}  // namespace

TEST_CASE("Only the owner can reach what is made", "[storage][posix]") {
  const TemporaryDirectory directory;

  REQUIRE(posix_disk().create_directories(directory / "a/b"));
  REQUIRE(posix_disk().open_writable(directory / "a/b/f", Disk::Open::create_new));
  REQUIRE(posix_disk().lock(directory / "a/b/LOCK"));

  using std::filesystem::perms;
  using std::filesystem::status;
  CHECK(status(directory / "a").permissions() == perms::owner_all);
  CHECK(status(directory / "a/b").permissions() == perms::owner_all);
  CHECK(status(directory / "a/b/f").permissions() == (perms::owner_read | perms::owner_write));
  CHECK(status(directory / "a/b/LOCK").permissions() == (perms::owner_read | perms::owner_write));
}

TEST_CASE("No descriptor survives exec", "[storage][posix]") {
  const TemporaryDirectory directory;
  const auto writable = posix_disk().open_writable(directory / "f", Disk::Open::create_new);
  const auto readable = posix_disk().open_readable(directory / "f");
  const auto lock = posix_disk().lock(directory / "LOCK");

  int ours = 0;
  for (const auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) {
    std::error_code vanished;
    const auto target = std::filesystem::read_symlink(entry.path(), vanished);
    if (target.string().find(directory.path()) == std::string::npos) continue;
    ++ours;
    const int flags = ::fcntl(std::stoi(entry.path().filename()), F_GETFD);
    CHECK((flags & FD_CLOEXEC) != 0);
  }
  CHECK(ours == 3);
}

TEST_CASE("A full device is out_of_space, and so is an exceeded reservation", "[storage][posix]") {
  auto full = posix_disk().open_writable("/dev/full", Disk::Open::append);
  REQUIRE(full);
  const auto written = (*full)->append(bytes_of("x"));
  CHECK(written.error() == Errc::out_of_space);
  CHECK_THAT(written.error().message(),
             Catch::Contains("/dev/full") && Catch::Contains("No space left on device"));

  const TemporaryDirectory directory;
  auto file = posix_disk().open_writable(directory / "f", Disk::Open::create_new);
  REQUIRE(file);
  REQUIRE((*file)->append(bytes_of("abc")));
  const std::uint64_t beyond = posix_disk().free_bytes(directory.path()).value() + (1ULL << 32);
  CHECK((*file)->preallocate(beyond).error() == Errc::out_of_space);
  CHECK((*file)->size() == 3);
  CHECK(std::filesystem::file_size(directory / "f") == 3);
}

TEST_CASE("A write that the system refuses names the file and the reason", "[storage][posix]") {
  const TemporaryDirectory directory;
  const int status = in_child([&] {
    ::signal(SIGXFSZ, SIG_IGN);
    const rlimit limit{4, 4};
    ::setrlimit(RLIMIT_FSIZE, &limit);
    auto file = posix_disk().open_writable(directory / "f", Disk::Open::create_new);
    // The first four bytes fit: a short write, after which the rest is refused.
    const auto written = (*file)->append(bytes_of("123456"));
    const bool is_named = written.error().message().find(directory / "f") != std::string::npos &&
                          written.error().message().find("File too large") != std::string::npos;
    return written.error() == Errc::io_error && is_named ? 0 : 1;
  });
  CHECK(status == 0);
  CHECK(std::filesystem::file_size(directory / "f") == 4);
}

TEST_CASE("A sync that the system refuses is an error", "[storage][posix]") {
  const auto device = posix_disk().open_writable("/dev/full", Disk::Open::append);
  REQUIRE(device);
  CHECK((*device)->sync().error() == Errc::io_error);
  CHECK(posix_disk().sync_directory("/proc").error() == Errc::io_error);
}

TEST_CASE("A file where a directory should be is refused", "[storage][posix]") {
  const TemporaryDirectory directory;
  std::ofstream(directory / "f") << "x";

  CHECK(posix_disk().create_directories(directory / "f").error() == Errc::already_exists);
  CHECK(posix_disk().create_directories(directory / "f/g").error() == Errc::already_exists);
  CHECK(posix_disk().list(directory / "f").error() == Errc::io_error);
}

TEST_CASE("Removing a tree does not follow links out of it", "[storage][posix]") {
  const TemporaryDirectory directory;
  REQUIRE(posix_disk().create_directories(directory / "kept"));
  REQUIRE(posix_disk().create_directories(directory / "t"));
  std::filesystem::create_directory_symlink(directory / "kept", directory / "t/link");

  REQUIRE(posix_disk().remove_tree(directory / "t"));

  CHECK(std::filesystem::exists(directory / "kept"));
}

TEST_CASE("A lock holds against other processes", "[storage][posix]") {
  const TemporaryDirectory directory;
  auto lock = posix_disk().lock(directory / "LOCK");
  REQUIRE(lock);

  CHECK(is_locked_for_others(directory / "LOCK"));
  lock->reset();
  CHECK_FALSE(is_locked_for_others(directory / "LOCK"));
}

TEST_CASE("A lock survives that the file is opened and closed elsewhere in the process",
          "[storage][posix]") {
  const TemporaryDirectory directory;
  const auto lock = posix_disk().lock(directory / "LOCK");
  REQUIRE(lock);

  REQUIRE(read_file(posix_disk(), directory / "LOCK", 10));

  CHECK(is_locked_for_others(directory / "LOCK"));
}

TEST_CASE("A forked child that drops its copy of a lock does not release it", "[storage][posix]") {
  const TemporaryDirectory directory;
  auto lock = posix_disk().lock(directory / "LOCK");
  REQUIRE(lock);

  CHECK(in_child([&] {
          lock->reset();
          return 0;
        }) == 0);

  CHECK(is_locked_for_others(directory / "LOCK"));
}

TEST_CASE("A lock dies with its process, however that ends", "[storage][posix]") {
  const TemporaryDirectory directory;
  int ready[2];  // NOLINT(cppcoreguidelines-avoid-c-arrays): what pipe(2) takes
  REQUIRE(::pipe(&ready[0]) == 0);
  const pid_t child = ::fork();
  if (child == 0) {
    const auto lock = posix_disk().lock(directory / "LOCK");
    [[maybe_unused]] const auto told = ::write(ready[1], "x", 1);
    for (;;)
      ::pause();
  }
  char told = 0;
  REQUIRE(::read(ready[0], &told, 1) == 1);

  CHECK(posix_disk().lock(directory / "LOCK").error() == Errc::already_locked);
  ::kill(child, SIGKILL);
  ::waitpid(child, nullptr, 0);
  CHECK(posix_disk().lock(directory / "LOCK"));
  ::close(ready[0]);
  ::close(ready[1]);
}

}  // namespace raftkit::storage
