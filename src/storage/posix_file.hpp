// Files of the operating system.
#pragma once

#include <cerrno>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "raftkit/disk.hpp"

namespace raftkit::storage::posix {

/// Repeats a system call for as long as a signal interrupts it.
template <class Call>
auto without_interruption(const Call& call) {
  auto result = call();
  while (result < 0 && errno == EINTR)
    result = call();
  return result;
}

/// "cannot <verb> <path>: <the system's words>", with the code that `number` (an errno) stands for.
[[nodiscard]] Error system_error(std::string_view verb, const std::string& path, int number);

/// Owns a descriptor. Closing reports nothing: whatever matters was synced before.
class Descriptor {
 public:
  explicit Descriptor(int number) : number_(number) {}
  Descriptor(Descriptor&& other) noexcept : number_(std::exchange(other.number_, -1)) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    std::swap(number_, other.number_);
    return *this;
  }
  ~Descriptor();

  [[nodiscard]] bool is_open() const { return number_ >= 0; }
  [[nodiscard]] int number() const { return number_; }

 private:
  int number_;
};

/// open(2) with O_CLOEXEC and mode 0600. Not open afterwards: errno says why.
[[nodiscard]] Descriptor open_descriptor(const std::string& path, int flags);

[[nodiscard]] Result<std::unique_ptr<WritableFile>> open_writable(const std::string& path,
                                                                  Disk::Open mode);
[[nodiscard]] Result<std::unique_ptr<ReadableFile>> open_readable(const std::string& path);

}  // namespace raftkit::storage::posix
