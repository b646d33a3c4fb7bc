// Whether addresses can be bound, before anything is written.
#pragma once

#include <span>
#include <string>

#include "raftkit/result.hpp"

namespace raftkit::assembly {

/// Binds and lets go again. Errors: address_unavailable, with the address and the reason.
[[nodiscard]] Result<void> probe_listen_urls(std::span<const std::string> urls);

}  // namespace raftkit::assembly
