#include <array>
#include <charconv>

#include "raftkit/types.hpp"

namespace raftkit {

std::string to_hex(std::uint64_t value) {
  std::array<char, 16> digits{};
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), value, 16).ptr;
  return {digits.data(), end};
}

std::string to_string(Term term) {
  return std::to_string(term.value);
}
std::string to_string(Index index) {
  return std::to_string(index.value);
}
std::string to_string(NodeId node) {
  return to_hex(node.value);
}
std::string to_string(ClusterId cluster) {
  return to_hex(cluster.value);
}
std::string to_string(const EntryId& entry) {
  return to_string(entry.term) + "/" + to_string(entry.index);
}

}  // namespace raftkit
