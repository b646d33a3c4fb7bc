// Immutable bytes that many owners share: a payload is written once and from then on log, wire and
// storage all point at the same memory.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>

namespace raftkit {

/// A read-only run of bytes, or a part of one. Copying shares. Thread-safe as std::shared_ptr is:
/// distinct objects may be used from distinct threads even when they share memory. Immutable.
class Bytes {
 public:
  Bytes() = default;

  [[nodiscard]] static Bytes copy_of(std::string_view text);
  [[nodiscard]] static Bytes copy_of(std::span<const std::byte> bytes);

  /// Memory of `size` bytes that the caller fills before anybody else sees it:
  /// `fill(std::span<std::byte>)`.
  template <class Fill>
  [[nodiscard]] static Bytes build(std::size_t size, Fill&& fill) {
    if (size == 0) return {};
    auto memory = std::make_shared_for_overwrite<std::byte[]>(size);
    fill(std::span<std::byte>(memory.get(), size));
    return Bytes(std::move(memory), size);
  }

  /// Takes over memory that something else owns; `owner` is kept for as long as anybody needs the
  /// bytes.
  [[nodiscard]] static Bytes aliasing(const std::shared_ptr<const void>& owner,
                                      std::span<const std::byte> bytes);

  /// `length` bytes from `offset` on, sharing this memory. Clipped to what is there.
  [[nodiscard]] Bytes slice(std::size_t offset, std::size_t length) const;

  [[nodiscard]] std::size_t size() const { return size_; }
  [[nodiscard]] bool empty() const { return size_ == 0; }
  [[nodiscard]] const std::byte* data() const { return memory_.get(); }
  [[nodiscard]] std::span<const std::byte> span() const { return {memory_.get(), size_}; }
  [[nodiscard]] std::string_view view() const;

  /// Equal content.
  friend bool operator==(const Bytes& left, const Bytes& right) {
    return left.view() == right.view();
  }

 private:
  Bytes(std::shared_ptr<const std::byte[]> memory, std::size_t size)
      : memory_(std::move(memory)), size_(size) {}

  std::shared_ptr<const std::byte[]> memory_;
  std::size_t size_ = 0;
};

}  // namespace raftkit
