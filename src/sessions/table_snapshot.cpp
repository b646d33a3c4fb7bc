#include "sessions/table_snapshot.hpp"

#include <algorithm>
#include <cstring>
#include <utility>

#include "sessions/encoding.hpp"
#include "wire/crc32c.hpp"
#include "wire/little_endian.hpp"

namespace raftkit::sessions {

namespace {

constexpr std::string_view kMagic = "rkitsess";
constexpr std::uint32_t kVersion = 1;
constexpr std::uint64_t kMaxPieceBytes = std::uint64_t{1} << 40;
constexpr std::size_t kCrcBytes = sizeof(std::uint32_t);

std::span<const std::byte> bytes_of(std::string_view text) {
  return std::as_bytes(std::span(text.data(), text.size()));
}

template <class Number>
std::string number_bytes(Number number) {
  std::string bytes(sizeof number, '\0');
  wire::store_little_endian(std::as_writable_bytes(std::span(bytes.data(), bytes.size())), number);
  return bytes;
}

std::string encode(SessionId id, const SessionTable::Session& session) {
  base::ProtoWriter writer;
  writer.varint(1, id.value);
  writer.varint(2, session.last_used.value);
  writer.varint(3, session.last_used_time);
  writer.varint(4, session.first_unanswered);
  OptionFields::of(session.options).write(writer);
  for (const SessionTable::Kept& kept : session.kept) {
    writer.always_varint(10, kept.sequence);
    writer.always_text(11, kept.answer.view());
  }
  return writer.bytes();
}

Error damaged(const std::string& what) {
  return {Errc::corrupt_data, "sessions: " + what};
}

}  // namespace

// --- writing

TableWriter::TableWriter(SessionTable::Sessions sessions, std::uint64_t cluster_time, Index applied)
    : sessions_(std::move(sessions)), next_(sessions_.begin()) {
  put(kMagic);
  put(number_bytes(kVersion));
  base::ProtoWriter head;
  head.varint(1, applied.value);
  head.varint(2, cluster_time);
  head.varint(3, sessions_.size());
  put_piece(head.bytes());
}

void TableWriter::put(std::string_view bytes) {
  crc_ = wire::crc32c(bytes_of(bytes), crc_);
  pending_ += bytes;
}

void TableWriter::put_crc() {
  pending_ += number_bytes(crc_);
}

void TableWriter::put_piece(const std::string& bytes) {
  put(number_bytes(std::uint64_t{bytes.size()}));
  put_crc();
  put(bytes);
  put_crc();
}

std::size_t TableWriter::read(std::span<std::byte> buffer) {
  if (taken_ == pending_.size()) {
    pending_.clear();
    taken_ = 0;
    if (next_ == sessions_.end()) return 0;
    put_piece(encode(next_->first, next_->second));
    ++next_;
  }
  const std::size_t count = std::min(buffer.size(), pending_.size() - taken_);
  std::memcpy(buffer.data(), pending_.data() + taken_, count);
  taken_ += count;
  return count;
}

// --- reading

std::size_t TableReader::size_of_part() const {
  switch (expects_) {
    case Part::preamble:
      return kMagic.size() + sizeof kVersion;
    case Part::length:
      return sizeof length_ + kCrcBytes;
    case Part::bytes:
      return length_ + kCrcBytes;
    case Part::nothing:
      return 0;
  }
  return 0;
}

Result<void> TableReader::write(std::span<const std::byte>& bytes) {
  while (!is_complete() && !bytes.empty()) {
    const std::size_t count = std::min(bytes.size(), size_of_part() - part_.size());
    part_.append(reinterpret_cast<const char*>(bytes.data()), count);
    bytes = bytes.subspan(count);
    if (part_.size() < size_of_part()) return {};
    if (auto finished = finish_part(); !finished) return finished;
    part_.clear();
  }
  return {};
}

Result<void> TableReader::check_crc(const char* what) {
  const std::size_t content = part_.size() - kCrcBytes;
  crc_ = wire::crc32c(bytes_of(part_).first(content), crc_);
  if (wire::load_little_endian<std::uint32_t>(bytes_of(part_).subspan(content)) != crc_)
    return damaged(std::string(what) + " fails its checksum");
  return {};
}

Result<void> TableReader::finish_part() {
  const auto bytes = bytes_of(part_);
  if (expects_ == Part::preamble) {
    if (!std::string_view(part_).starts_with(kMagic))
      return damaged("the snapshot does not begin with a table of sessions");
    const auto version = wire::load_little_endian<std::uint32_t>(bytes.subspan(kMagic.size()));
    if (version != kVersion)
      return Error(Errc::not_supported,
                   "sessions: the snapshot's table has version " + std::to_string(version));
    crc_ = wire::crc32c(bytes);
    expects_ = Part::length;
    return {};
  }
  if (expects_ == Part::length) {
    if (auto fits = check_crc("a length"); !fits) return fits;
    length_ = wire::load_little_endian<std::uint64_t>(bytes);
    if (length_ > kMaxPieceBytes) return damaged("a length that no session has");
    expects_ = Part::bytes;
    return {};
  }
  if (auto fits = check_crc("a piece of the table"); !fits) return fits;
  const std::string_view piece = std::string_view(part_).substr(0, length_);
  if (auto taken = sessions_left_ ? take_session(piece) : take_head(piece); !taken) return taken;
  expects_ = *sessions_left_ == 0 ? Part::nothing : Part::length;
  return {};
}

Result<void> TableReader::take_head(std::string_view piece) {
  std::uint64_t applied = 0;
  std::uint64_t cluster_time = 0;
  std::uint64_t count = 0;
  base::ProtoReader reader(piece);
  while (const auto field = reader.next()) {
    if (*field == 1) applied = reader.number();
    if (*field == 2) cluster_time = reader.number();
    if (*field == 3) count = reader.number();
    if (*field > 3) return damaged("an unknown field in the table's head");
  }
  if (reader.failed()) return damaged("the table's head is malformed");
  if (Index{applied} != applied_) {
    return damaged("the table is of index " + std::to_string(applied) +
                   ", and the snapshot of index " + to_string(applied_));
  }
  sessions_left_ = count;
  table_ = SessionTable(cluster_time);
  return {};
}

Result<void> TableReader::take_session(std::string_view piece) {
  SessionId id;
  SessionTable::Session session;
  session.first_unanswered = 0;
  OptionFields options;
  base::ProtoReader reader(piece);
  while (const auto field = reader.next()) {
    switch (*field) {
      case 1:
        id.value = reader.number();
        break;
      case 2:
        session.last_used.value = reader.number();
        break;
      case 3:
        session.last_used_time = reader.number();
        break;
      case 4:
        session.first_unanswered = reader.number();
        break;
      case 10:
        session.kept.push_back({reader.number(), {}});
        break;
      case 11:
        if (session.kept.empty()) return damaged("an answer without a command");
        session.kept.back().answer = Bytes::copy_of(reader.text());
        break;
      default:
        if (!options.take(*field, reader.number())) return damaged("an unknown field in a session");
    }
  }
  if (reader.failed()) return damaged("a session is malformed");
  const auto checked = options.options();
  if (!checked) return damaged(checked.error().detail());
  session.options = *checked;
  --*sessions_left_;
  return table_.restore(id, std::move(session), applied_);
}

}  // namespace raftkit::sessions
