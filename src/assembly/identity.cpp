#include "assembly/identity.hpp"

#include <charconv>
#include <random>
#include <string_view>

#include "wire/crc32c.hpp"

namespace raftkit::assembly {

namespace {

constexpr std::string_view kFirstLine = "raftkit member identity, format 1";
constexpr std::size_t kMaxBytes = 4096;

std::string checksum(std::string_view text) {
  return to_hex(wire::crc32c(std::as_bytes(std::span(text))));
}

std::string body(const Identity& identity) {
  return std::string(kFirstLine) + "\ncluster=" + to_hex(identity.cluster.value) +
         "\nmember=" + to_hex(identity.member.value) + "\nstore=" + to_hex(identity.store.value) +
         "\nstate_machine=" +
         (identity.kind == StateMachineKind::on_disk ? "on_disk" : "in_memory") + "\n";
}

/// The value of "key=value" at the front of `text`, which is then shorter by that line.
std::string_view take_value(std::string_view& text, std::string_view key) {
  const std::string_view line = text.substr(0, text.find('\n'));
  text.remove_prefix(std::min(text.size(), line.size() + 1));
  if (!line.starts_with(key) || line.size() <= key.size() || line[key.size()] != '=') return {};
  return line.substr(key.size() + 1);
}

std::uint64_t from_hex(std::string_view digits) {
  std::uint64_t value = 0;
  const auto parsed = std::from_chars(digits.data(), digits.data() + digits.size(), value, 16);
  return parsed.ec == std::errc() && parsed.ptr == digits.data() + digits.size() ? value : 0;
}

}  // namespace

Result<void> write_identity(storage::Disk& disk,
                            const std::string& path,
                            const Identity& identity) {
  const std::string text = body(identity) + "checksum=" + checksum(body(identity)) + "\n";
  return write_file_atomically(disk, path, std::as_bytes(std::span(text)));
}

Result<Identity> read_identity(storage::Disk& disk, const std::string& path) {
  auto content = read_file(disk, path, kMaxBytes);
  if (!content) return std::move(content).error();
  std::string_view text = *content;
  text.remove_prefix(std::min(text.size(), text.find('\n') + 1));
  Identity identity;
  identity.cluster = ClusterId{from_hex(take_value(text, "cluster"))};
  identity.member = NodeId{from_hex(take_value(text, "member"))};
  identity.store = StoreId{from_hex(take_value(text, "store"))};
  const std::string_view kind = take_value(text, "state_machine");
  identity.kind = kind == "on_disk" ? StateMachineKind::on_disk : StateMachineKind::in_memory;
  const bool is_intact = *content == body(identity) + "checksum=" + checksum(body(identity)) + "\n";
  if (!is_intact) return Error(Errc::corrupt_data, path + " is damaged");
  return identity;
}

StoreId draw_store_id() {
  std::random_device device;
  while (true) {
    const std::uint64_t drawn = (std::uint64_t{device()} << 32) | device();
    if (drawn != 0) return StoreId{drawn};
  }
}

}  // namespace raftkit::assembly
