// What a file in memory holds.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>

namespace raftkit::testing {

/// A file's bytes. Zeros at the end that nobody wrote take no memory.
class FileContent {
 public:
  [[nodiscard]] std::uint64_t size() const { return size_; }
  /// Without the zeros at the end that nobody wrote.
  [[nodiscard]] std::uint64_t written_bytes() const { return written_.size(); }
  [[nodiscard]] std::string text() const {
    std::string whole = written_;
    whole.resize(size_, '\0');
    return whole;
  }
  void set(const std::string& bytes) {
    written_ = bytes;
    size_ = bytes.size();
  }
  void put(std::uint64_t offset, std::string_view bytes) {
    if (written_.size() < offset + bytes.size()) written_.resize(offset + bytes.size(), '\0');
    written_.replace(offset, bytes.size(), bytes);
    size_ = std::max<std::uint64_t>(size_, offset + bytes.size());
  }
  void resize(std::uint64_t size) {
    if (written_.size() > size) written_.resize(size);
    size_ = size;
  }
  [[nodiscard]] std::size_t read(std::uint64_t offset, std::span<std::byte> buffer) const {
    if (offset >= size_) return 0;
    const auto count = std::min<std::size_t>(buffer.size(), size_ - offset);
    const auto there = offset < written_.size() ? std::min(count, written_.size() - offset) : 0;
    std::memcpy(buffer.data(), written_.data() + (there > 0 ? offset : 0), there);
    std::fill(buffer.begin() + static_cast<std::ptrdiff_t>(there),
              buffer.begin() + static_cast<std::ptrdiff_t>(count),
              std::byte{0});
    return count;
  }

 private:
  std::string written_;
  std::uint64_t size_ = 0;
};

}  // namespace raftkit::testing
