#include "base/protobuf_wire.hpp"

namespace raftkit::base {

namespace {

constexpr std::uint32_t kVarint = 0;
constexpr std::uint32_t kFixed64 = 1;
constexpr std::uint32_t kLengthDelimited = 2;
constexpr std::uint32_t kFixed32 = 5;

}  // namespace

void ProtoWriter::raw_varint(std::uint64_t value) {
  while (value >= 0x80) {
    bytes_.push_back(static_cast<char>((value & 0x7f) | 0x80));
    value >>= 7;
  }
  bytes_.push_back(static_cast<char>(value));
}

void ProtoWriter::always_varint(std::uint32_t field, std::uint64_t value) {
  raw_varint((std::uint64_t{field} << 3) | kVarint);
  raw_varint(value);
}

void ProtoWriter::always_text(std::uint32_t field, std::string_view value) {
  text_head(field, value.size());
  bytes_.append(value);
}

void ProtoWriter::text_head(std::uint32_t field, std::size_t size) {
  raw_varint((std::uint64_t{field} << 3) | kLengthDelimited);
  raw_varint(size);
}

std::optional<std::uint64_t> ProtoReader::raw_varint() {
  std::uint64_t value = 0;
  for (unsigned shift = 0; shift < 64; shift += 7) {
    if (rest_.empty()) return std::nullopt;
    const auto byte = static_cast<unsigned char>(rest_.front());
    rest_.remove_prefix(1);
    if (shift == 63 && byte > 1) return std::nullopt;
    value |= std::uint64_t{byte & 0x7fU} << shift;
    if ((byte & 0x80U) == 0) return value;
  }
  return std::nullopt;
}

std::optional<std::uint64_t> ProtoReader::fixed(std::size_t width) {
  if (rest_.size() < width) return std::nullopt;
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < width; ++i) {
    value |= std::uint64_t{static_cast<unsigned char>(rest_[i])} << (8 * i);
  }
  rest_.remove_prefix(width);
  return value;
}

std::optional<std::uint32_t> ProtoReader::next() {
  number_ = 0;
  text_ = {};
  if (failed_ || rest_.empty()) return std::nullopt;
  const auto tag = raw_varint();
  std::optional<std::uint64_t> value;
  if (tag && *tag >> 3 != 0 && *tag >> 32 == 0) {
    switch (*tag & 7U) {
      case kVarint:
        value = raw_varint();
        break;
      case kFixed64:
        value = fixed(8);
        break;
      case kFixed32:
        value = fixed(4);
        break;
      case kLengthDelimited:
        value = raw_varint();
        if (value && *value <= rest_.size()) {
          text_ = rest_.substr(0, *value);
          rest_.remove_prefix(*value);
          value = 0;
        } else {
          value.reset();
        }
        break;
      default:
        break;  // groups, long deprecated, and invalid types
    }
  }
  if (!value) {
    failed_ = true;
    return std::nullopt;
  }
  number_ = *value;
  return static_cast<std::uint32_t>(*tag >> 3);
}

}  // namespace raftkit::base
