// A vector whose first elements need no allocation: most appends carry one entry.
#pragma once

#include <cstddef>
#include <initializer_list>
#include <memory>
#include <span>
#include <utility>

namespace raftkit {

/// The part of std::vector that messages need, with room for `InlineCapacity` elements inside the
/// object. Moving leaves the source empty. References are invalidated by growth and by moving the
/// vector.
template <class T, std::size_t InlineCapacity>
class SmallVector {
 public:
  using value_type = T;
  using iterator = T*;
  using const_iterator = const T*;

  SmallVector() {}  // NOLINT(modernize-use-equals-default): a defaulted one would clear the room
  SmallVector(std::initializer_list<T> items) { append(items.begin(), items.end()); }
  /// `size` elements of value T().
  explicit SmallVector(std::size_t size) {
    reserve(size);
    std::uninitialized_value_construct_n(data(), size);
    size_ = size;
  }
  SmallVector(const SmallVector& other) { append(other.begin(), other.end()); }
  SmallVector(SmallVector&& other) noexcept { take(std::move(other)); }
  SmallVector& operator=(const SmallVector& other) {
    if (this != &other) {
      clear();
      append(other.begin(), other.end());
    }
    return *this;
  }
  SmallVector& operator=(SmallVector&& other) noexcept {
    if (this != &other) {
      release();
      take(std::move(other));
    }
    return *this;
  }
  ~SmallVector() { release(); }  // elements live in raw memory

  template <class... Args>
  T& emplace_back(Args&&... args) {
    if (size_ == capacity_) reserve(capacity_ * 2);
    T* slot = std::construct_at(data() + size_, std::forward<Args>(args)...);
    ++size_;
    return *slot;
  }
  void push_back(const T& item) {
    emplace_back(T(item));
  }  // a copy first: `item` may be one of ours
  void push_back(T&& item) { emplace_back(std::move(item)); }
  template <class It>
  void append(It first, It last) {
    for (; first != last; ++first)
      emplace_back(*first);
  }
  void reserve(std::size_t wanted) {
    if (wanted <= capacity_) return;
    T* grown = std::allocator<T>{}.allocate(wanted);
    std::uninitialized_move(begin(), end(), grown);
    std::destroy(begin(), end());
    if (heap_ != nullptr) std::allocator<T>{}.deallocate(heap_, capacity_);
    heap_ = grown;
    capacity_ = wanted;
  }
  void clear() {
    std::destroy(begin(), end());
    size_ = 0;
  }

  [[nodiscard]] std::size_t size() const { return size_; }
  [[nodiscard]] bool empty() const { return size_ == 0; }
  [[nodiscard]] T* data() { return heap_ != nullptr ? heap_ : inline_data(); }
  [[nodiscard]] const T* data() const {
    return heap_ != nullptr ? heap_ : const_cast<SmallVector*>(this)->inline_data();
  }
  [[nodiscard]] iterator begin() { return data(); }
  [[nodiscard]] iterator end() { return data() + size_; }
  [[nodiscard]] const_iterator begin() const { return data(); }
  [[nodiscard]] const_iterator end() const { return data() + size_; }
  [[nodiscard]] T& operator[](std::size_t position) { return data()[position]; }
  [[nodiscard]] const T& operator[](std::size_t position) const { return data()[position]; }
  [[nodiscard]] T& front() { return data()[0]; }
  [[nodiscard]] const T& front() const { return data()[0]; }
  [[nodiscard]] T& back() { return data()[size_ - 1]; }
  [[nodiscard]] const T& back() const { return data()[size_ - 1]; }

  friend bool operator==(const SmallVector& left, const SmallVector& right) {
    return std::equal(left.begin(), left.end(), right.begin(), right.end());
  }

 private:
  T* inline_data() { return std::launder(reinterpret_cast<T*>(&inline_[0])); }

  void release() {
    std::destroy(begin(), end());
    if (heap_ != nullptr) std::allocator<T>{}.deallocate(heap_, capacity_);
    heap_ = nullptr;
    capacity_ = InlineCapacity;
    size_ = 0;
  }
  void take(SmallVector&& other) {
    if (other.heap_ != nullptr) {
      heap_ = std::exchange(other.heap_, nullptr);
      capacity_ = std::exchange(other.capacity_, InlineCapacity);
      size_ = std::exchange(other.size_, 0);
      return;
    }
    std::uninitialized_move(other.begin(), other.end(), inline_data());
    size_ = other.size_;
    other.clear();
  }

  T* heap_ = nullptr;
  std::size_t size_ = 0;
  std::size_t capacity_ = InlineCapacity;
  alignas(T) std::byte inline_[InlineCapacity * sizeof(T)];
};

}  // namespace raftkit
