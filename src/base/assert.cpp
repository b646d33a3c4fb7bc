#include "base/assert.hpp"

namespace raftkit::base {

InvariantViolation::InvariantViolation(std::string_view id,
                                       std::string_view expression,
                                       const std::string& values)
    : std::logic_error(std::string(id) + ": " + std::string(expression) +
                       (values.empty() ? "" : " with " + values)),
      id_(id) {}

}  // namespace raftkit::base
