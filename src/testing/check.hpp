// How a checker says that something is wrong.
#pragma once

#include <stdexcept>
#include <string>

#include "raftkit/types.hpp"

namespace raftkit::testing {

/// What a world that is checked must never show. The text begins with the name of the property.
class CheckFailed : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

[[noreturn]] inline void fail(const std::string& message) {
  throw CheckFailed(message);
}

/// Throws unless `condition` holds, with all of `parts` in the message.
template <class... Parts>
void require(bool condition, const Parts&... parts) {
  if (condition) return;
  std::string message;
  const auto add = [&](const auto& part) {
    using std::to_string;
    if constexpr (requires { to_string(part); }) {
      message += to_string(part);
    } else {
      message += part;
    }
  };
  (add(parts), ...);
  fail(message);
}

}  // namespace raftkit::testing
