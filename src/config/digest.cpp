#include "config/digest.hpp"

#include <array>

#include <openssl/evp.h>

namespace raftkit::config {

Result<std::uint64_t> digest_prefix(std::string_view bytes) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  if (EVP_Digest(bytes.data(), bytes.size(), digest.data(), nullptr, EVP_sha1(), nullptr) != 1)
    return Error(Errc::not_supported, "OpenSSL refuses SHA-1, which member IDs are made of");
  std::uint64_t prefix = 0;
  for (std::size_t at = 0; at < sizeof prefix; ++at)
    prefix = prefix << 8U | digest[at];
  return prefix;
}

std::string big_endian(std::uint64_t number) {
  std::string bytes(sizeof number, '\0');
  for (auto byte = bytes.rbegin(); byte != bytes.rend(); ++byte) {
    *byte = static_cast<char>(number & 0xffU);
    number >>= 8U;
  }
  return bytes;
}

}  // namespace raftkit::config
