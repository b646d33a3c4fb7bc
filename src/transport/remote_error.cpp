#include "transport/remote_error.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace raftkit::transport {

namespace {

constexpr std::array<std::pair<std::string_view, Errc>, 19> kNames = {{
    {"overloaded", Errc::overloaded},
    {"timed_out", Errc::timed_out},
    {"stopped", Errc::stopped},
    {"peer_not_found", Errc::peer_not_found},
    {"invalid_argument", Errc::invalid_argument},
    {"not_supported", Errc::not_supported},
    {"storage_failed", Errc::storage_failed},
    {"state_machine_failed", Errc::state_machine_failed},
    {"corrupt_data", Errc::corrupt_data},
    {"out_of_space", Errc::out_of_space},
    {"io_error", Errc::io_error},
    {"not_found", Errc::not_found},
    {"already_exists", Errc::already_exists},
    {"cluster_mismatch", Errc::cluster_mismatch},
    {"member_mismatch", Errc::member_mismatch},
    {"store_mismatch", Errc::store_mismatch},
    {"protocol_mismatch", Errc::protocol_mismatch},
    {"malformed", Errc::malformed},
    {"message_too_large", Errc::message_too_large},
}};

}  // namespace

std::string_view name_of(const Error& error) {
  const auto at = std::find_if(
      kNames.begin(), kNames.end(), [&](const auto& name) { return error == name.second; });
  return at == kNames.end() ? "io_error" : at->first;
}

Errc errc_named(std::string_view name, Errc otherwise) {
  const auto at = std::find_if(
      kNames.begin(), kNames.end(), [&](const auto& known) { return known.first == name; });
  return at == kNames.end() ? otherwise : at->second;
}

std::string sanitized(std::string_view text) {
  constexpr std::size_t kMaxLength = 300;
  while (!text.empty() && (text.back() == '\n' || text.back() == '\r'))
    text.remove_suffix(1);
  std::string clean(text.substr(0, kMaxLength));
  std::replace_if(
      clean.begin(), clean.end(), [](char c) { return c < ' ' || c > '~'; }, '?');
  return clean;
}

}  // namespace raftkit::transport
