#include "mvcc/records.hpp"

namespace kvstore::mvcc {

namespace {

constexpr std::size_t kNumberBytes = 8;
// A key's bytes end with 00 01 and a zero among them becomes 00 FF: so no key's encoding is the
// front of another's, and encodings sort as keys do.
constexpr std::string_view kEndOfKey("\x00\x01", 2);
constexpr std::string_view kZeroInKey("\x00\xff", 2);

// Big-endian, so that numbers sort.
void append_number(std::string& out, std::uint64_t number) {
  for (int shift = 56; shift >= 0; shift -= 8)
    out.push_back(static_cast<char>(number >> shift));
}

std::uint64_t number_at(std::string_view bytes, std::size_t offset) {
  std::uint64_t number = 0;
  for (std::size_t i = 0; i < kNumberBytes; ++i) {
    number = (number << 8) | static_cast<unsigned char>(bytes[offset + i]);
  }
  return number;
}

std::int64_t revision_at(std::string_view bytes, std::size_t field) {
  return static_cast<std::int64_t>(number_at(bytes, field * kNumberBytes));
}

void append_escaped(std::string& out, std::string_view key) {
  for (const char byte : key) {
    if (byte == '\0') {
      out.append(kZeroInKey);
    } else {
      out.push_back(byte);
    }
  }
}

}  // namespace

std::string current_key(std::string_view key) {
  std::string out(1, kCurrentTable);
  out.append(key);
  return out;
}

std::string_view key_of_current(std::string_view stored) {
  return stored.substr(1);
}

std::string history_begin(std::string_view key) {
  std::string out(1, kHistoryTable);
  out.reserve(key.size() + 16);
  append_escaped(out, key);
  return out;
}

std::string history_key(std::string_view key, std::int64_t main) {
  std::string out = history_begin(key);
  out.append(kEndOfKey);
  append_number(out, ~static_cast<std::uint64_t>(main));
  return out;
}

std::string history_after(std::string_view stored) {
  std::string out(stored.substr(0, stored.size() - kNumberBytes));
  ++out.back();  // 00 01 -> 00 02: after every version, before every longer key
  return out;
}

std::optional<HistoryPlace> parse_history_key(std::string_view stored) {
  if (stored.size() < 1 + kEndOfKey.size() + kNumberBytes || stored[0] != kHistoryTable) {
    return std::nullopt;
  }
  const std::size_t number = stored.size() - kNumberBytes;
  const std::size_t end = number - kEndOfKey.size();
  if (stored.substr(end, kEndOfKey.size()) != kEndOfKey) return std::nullopt;
  HistoryPlace place;
  place.main = static_cast<std::int64_t>(~number_at(stored, number));
  place.key.reserve(end);
  for (std::size_t i = 1; i < end; ++i) {
    place.key.push_back(stored[i]);
    if (stored[i] == '\0') ++i;
  }
  return place;
}

std::string change_key(std::int64_t main, std::uint32_t sub) {
  std::string out(1, kChangeTable);
  append_number(out, static_cast<std::uint64_t>(main));
  append_number(out, sub);
  return out;
}

std::optional<std::int64_t> main_of_change(std::string_view stored) {
  if (stored.size() != 1 + 2 * kNumberBytes || stored[0] != kChangeTable) return std::nullopt;
  return static_cast<std::int64_t>(number_at(stored, 1));
}

void encode(const StoredVersion& version, std::string& out) {
  out.clear();
  out.reserve(5 * kNumberBytes + version.value.size());
  for (const std::int64_t number : {version.info.create_revision,
                                    version.info.mod_revision,
                                    version.info.version,
                                    version.info.lease,
                                    version.superseded_by}) {
    append_number(out, static_cast<std::uint64_t>(number));
  }
  out.append(version.value);
}

std::optional<StoredVersion> decode_version(std::string_view bytes) {
  if (bytes.size() < 5 * kNumberBytes) return std::nullopt;
  StoredVersion version;
  version.info.create_revision = revision_at(bytes, 0);
  version.info.mod_revision = revision_at(bytes, 1);
  version.info.version = revision_at(bytes, 2);
  version.info.lease = revision_at(bytes, 3);
  version.superseded_by = revision_at(bytes, 4);
  version.value = bytes.substr(5 * kNumberBytes);
  return version;
}

void encode(const Change& change, std::string& out) {
  out.clear();
  out.push_back(static_cast<char>(change.kind));
  append_number(out, static_cast<std::uint64_t>(change.previous));
  out.append(change.key);
}

std::optional<Change> decode_change(std::string_view bytes) {
  if (bytes.size() < 1 + kNumberBytes) return std::nullopt;
  const auto kind = static_cast<std::uint8_t>(bytes[0]);
  if (kind > static_cast<std::uint8_t>(Change::Kind::erase)) return std::nullopt;
  return Change{static_cast<Change::Kind>(kind),
                static_cast<std::int64_t>(number_at(bytes, 1)),
                bytes.substr(1 + kNumberBytes)};
}

std::string encode_number(std::uint64_t number) {
  std::string out;
  append_number(out, number);
  return out;
}

std::optional<std::uint64_t> decode_number(std::string_view bytes) {
  if (bytes.size() != kNumberBytes) return std::nullopt;
  return number_at(bytes, 0);
}

}  // namespace kvstore::mvcc
