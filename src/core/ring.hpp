// A queue that allocates only to grow.
#pragma once

#include <algorithm>
#include <cstddef>
#include <type_traits>
#include <utility>
#include <vector>

namespace raftkit::core {

/// Elements in order of arrival; removed at both ends, added at the back. What is removed holds on
/// to nothing any more.
template <class T>
class Ring {
 public:
  [[nodiscard]] std::size_t size() const { return count_; }
  [[nodiscard]] bool empty() const { return count_ == 0; }
  [[nodiscard]] T& operator[](std::size_t offset) { return slots_[place(offset)]; }
  [[nodiscard]] const T& operator[](std::size_t offset) const { return slots_[place(offset)]; }
  [[nodiscard]] T& front() { return slots_[start_]; }
  [[nodiscard]] const T& front() const { return slots_[start_]; }
  [[nodiscard]] const T& back() const { return (*this)[count_ - 1]; }

  /// The new last element, with whatever value.
  T& emplace_back() {
    if (count_ == slots_.size()) grow();
    return slots_[place(count_++)];
  }
  void pop_front() {
    drop(slots_[start_]);
    start_ = place(1);
    --count_;
  }
  void pop_back() { drop(slots_[place(--count_)]); }
  void clear() {
    while (!empty())
      pop_back();
  }

 private:
  static void drop(T& element) {
    if constexpr (!std::is_trivially_destructible_v<T>) element = T();
  }
  [[nodiscard]] std::size_t place(std::size_t offset) const {
    return (start_ + offset) & (slots_.size() - 1);
  }
  void grow() {
    std::vector<T> grown(std::max<std::size_t>(8, slots_.size() * 2));
    for (std::size_t i = 0; i < count_; ++i)
      grown[i] = std::move((*this)[i]);
    slots_ = std::move(grown);
    start_ = 0;
  }

  std::vector<T> slots_;  // their number is a power of two
  std::size_t start_ = 0;
  std::size_t count_ = 0;
};

}  // namespace raftkit::core
