#include "config/assign.hpp"

namespace raftkit::config {

Result<void> assign(const OptionRow& row, std::string_view text) {
  if (text.empty() && row.value->is_reset_by_empty_text()) {
    row.value->reset();
    return {};
  }
  auto assigned = row.value->set(text);
  if (assigned || row.option.unit.empty()) return assigned;
  return Error(Errc::invalid_option,
               assigned.error().message() + " (the unit is " + row.option.unit + ")");
}

}  // namespace raftkit::config
