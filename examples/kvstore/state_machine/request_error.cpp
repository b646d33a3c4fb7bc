#include "state_machine/request_error.hpp"

#include <string>

namespace kvstore {

namespace {

// Boost 1.74 declares the base's destructor protected and not virtual; nobody deletes a category.
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wnon-virtual-dtor"
class Category final : public boost::system::error_category {
 public:
  [[nodiscard]] const char* name() const noexcept override { return "kvstore request"; }
  [[nodiscard]] std::string message(int value) const override {
    return "request error " + std::to_string(value);
  }
};
#pragma GCC diagnostic pop

const Category& category() {
  static const Category instance;
  return instance;
}

}  // namespace

raftkit::Error make_error(RequestError error) {
  return raftkit::error_code(static_cast<int>(error), category());
}

std::optional<RequestError> request_error(const raftkit::Error& error) {
  if (error.code().category() != category()) return std::nullopt;
  return static_cast<RequestError>(error.code().value());
}

}  // namespace kvstore
