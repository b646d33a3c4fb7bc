// SHA-1, which names members and clusters; nothing here depends on it being secure.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "raftkit/result.hpp"

namespace raftkit::config {

/// The first eight bytes of the SHA-1 digest, read big-endian. Errors: not_supported: the OpenSSL
/// library refuses SHA-1.
[[nodiscard]] Result<std::uint64_t> digest_prefix(std::string_view bytes);

/// Eight bytes, the most significant first.
[[nodiscard]] std::string big_endian(std::uint64_t number);

}  // namespace raftkit::config
