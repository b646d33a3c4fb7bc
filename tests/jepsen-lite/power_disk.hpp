// A disk whose power can be cut while servers write to it.
#pragma once

#include <cstdint>
#include <stdexcept>
#include <string>

namespace raftkit::jepsen {

/// What is needed is not there: root, mkfs.ext4, loop devices.
struct Unavailable : std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// An ext4 file system in a file, mounted at a directory. Owner: one thread.
class PowerDisk {
 public:
  /// Throws Unavailable.
  PowerDisk(std::string image, std::string directory);
  PowerDisk(const PowerDisk&) = delete;
  PowerDisk& operator=(const PowerDisk&) = delete;
  ~PowerDisk();  // unmounts it

  /// From now on nothing reaches the disk, and every access fails. What the file system had not
  /// written is lost; what a sync has returned for is there.
  void cut();
  /// Mounts it again, with what the file system's recovery finds. All files must be closed.
  void restore();

  /// What an earlier run that was killed may have left mounted: nobody finds it there any more.
  static void unmount_leftover(const std::string& directory);

 private:
  [[nodiscard]] bool mount();
  void unmount();

  std::string image_;
  std::string directory_;
};

}  // namespace raftkit::jepsen
