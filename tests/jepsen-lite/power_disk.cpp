#include "jepsen-lite/power_disk.hpp"

#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <fcntl.h>
#include <filesystem>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>
#include <vector>

namespace raftkit::jepsen {

namespace {

// Sparse: so much room, and little of it used.
constexpr std::uintmax_t kImageBytes = std::uintmax_t{3} << 30;

/// Runs a program of the system, with what it says; whether it succeeded.
bool succeeds(std::vector<std::string> words) {
  std::vector<char*> raw;
  for (std::string& word : words)
    raw.push_back(word.data());
  raw.push_back(nullptr);
  const pid_t child = fork();
  if (child < 0) return false;
  if (child == 0) {
    execvp(raw[0], raw.data());
    _exit(127);
  }
  int status = 0;
  return waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

}  // namespace

PowerDisk::PowerDisk(std::string image, std::string directory)
    : image_(std::move(image)), directory_(std::move(directory)) {
  if (geteuid() != 0) throw Unavailable("only root can mount a file system");
  std::filesystem::create_directories(directory_);
  const int file = open(image_.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (file < 0) throw Unavailable("cannot create " + image_);
  close(file);
  std::filesystem::resize_file(image_, kImageBytes);
  if (!succeeds({"mkfs.ext4", "-q", "-F", image_}))
    throw Unavailable("mkfs.ext4 failed (Debian package e2fsprogs)");
  if (!mount()) throw Unavailable("cannot mount " + image_ + ": are there loop devices?");
}

PowerDisk::~PowerDisk() {
  try {
    unmount();
  } catch (const std::exception& busy) {
    std::fprintf(stderr, "%s\n", busy.what());
  }
}

bool PowerDisk::mount() {
  return succeeds({"mount", "-o", "loop", image_, directory_});
}

void PowerDisk::unmount() {
  // The kernel may need a moment after the last process that had files open there.
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  while (umount(directory_.c_str()) != 0) {
    if (errno == EINVAL) return;  // it is not mounted
    if (std::chrono::steady_clock::now() > deadline)
      throw std::runtime_error("cannot unmount " + directory_ + ": " + std::strerror(errno));
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  }
}

void PowerDisk::cut() {
  // As the kernel has them for ext4 and xfs; no header of the system does.
  constexpr unsigned long kShutdown = _IOR('X', 125, std::uint32_t);
  std::uint32_t without_writing_the_journal = 2;
  const int directory = open(directory_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  const bool is_cut =
      directory >= 0 && ioctl(directory, kShutdown, &without_writing_the_journal) == 0;
  const int reason = errno;
  if (directory >= 0) close(directory);
  if (!is_cut)
    throw std::runtime_error("cannot shut down the file system at " + directory_ + ": " +
                             std::strerror(reason));
}

void PowerDisk::restore() {
  unmount();
  if (!mount()) throw std::runtime_error("cannot mount " + image_ + " after a power cut");
}

void PowerDisk::unmount_leftover(const std::string& directory) {
  while (umount2(directory.c_str(), MNT_DETACH) == 0) {
  }
}

}  // namespace raftkit::jepsen
