// What can be said about a name that the table does not have.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "raftkit/config_table.hpp"

namespace raftkit::config {

struct UnknownName {
  bool is_etcds = false;                    ///< etcd has an option of that name
  std::optional<std::string> nearest = {};  ///< otherwise: the option that was probably meant
};

/// `name` is that of a flag that is not in the table.
[[nodiscard]] UnknownName look_up(const OptionTable& table, std::string_view name);

}  // namespace raftkit::config
