#include "raftkit/bytes.hpp"

#include <algorithm>
#include <cstring>

namespace raftkit {

Bytes Bytes::copy_of(std::string_view text) {
  return copy_of(std::as_bytes(std::span(text.data(), text.size())));
}

Bytes Bytes::copy_of(std::span<const std::byte> bytes) {
  return build(bytes.size(), [&](std::span<std::byte> memory) {
    std::memcpy(memory.data(), bytes.data(), bytes.size());
  });
}

Bytes Bytes::aliasing(const std::shared_ptr<const void>& owner, std::span<const std::byte> bytes) {
  if (bytes.empty()) return {};
  return {std::shared_ptr<const std::byte[]>(owner, bytes.data()), bytes.size()};
}

Bytes Bytes::slice(std::size_t offset, std::size_t length) const {
  if (offset >= size_) return {};
  length = std::min(length, size_ - offset);
  if (length == 0) return {};
  return {std::shared_ptr<const std::byte[]>(memory_, memory_.get() + offset), length};
}

std::string_view Bytes::view() const {
  return {reinterpret_cast<const char*>(memory_.get()), size_};
}

}  // namespace raftkit
