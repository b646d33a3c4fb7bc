// Lets Catch2 show raftkit's values.
#pragma once

#include <ostream>

#include "raftkit/types.hpp"

namespace raftkit {

template <class Value>
requires requires(const Value& value) {
  raftkit::to_string(value);
}
std::ostream& operator<<(std::ostream& out, const Value& value) {
  return out << raftkit::to_string(value);
}

}  // namespace raftkit
