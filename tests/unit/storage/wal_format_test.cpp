// The bytes of a write-ahead log: docs/storage-format.md.
#include <algorithm>
#include <sstream>

#include "storage/encoding.hpp"
#include "storage/wal/format.hpp"
#include "storage/wal/log.hpp"
#include "storage/wal/segment.hpp"
#include "wal_log_fixture.hpp"
#include "wire/crc32c.hpp"

namespace raftkit::test {

namespace {

namespace wal = storage::wal;

constexpr const char* kFirst = "/member/log/0000000000000001.wal";

/// Bytes in hexadecimal, and "*n" for n zeros, separated by spaces.
std::string to_text(std::string_view bytes) {
  constexpr std::size_t kLongRun = 16;
  std::string text;
  while (!bytes.empty()) {
    const std::size_t zeros = std::min(bytes.find_first_not_of('\0'), bytes.size());
    if (zeros >= kLongRun) text += " *" + std::to_string(zeros) + " ";
    const std::size_t step = zeros >= kLongRun ? zeros : 1;
    if (step == 1) {
      constexpr std::string_view kDigits = "0123456789abcdef";
      const auto byte = static_cast<unsigned char>(bytes[0]);
      text += {kDigits[byte >> 4U], kDigits[byte & 15U]};
    }
    bytes.remove_prefix(step);
  }
  return text;
}

std::string from_text(const std::string& text) {
  std::string bytes;
  std::istringstream words(text);
  for (std::string word; words >> word;) {
    if (word[0] == '*') bytes.append(std::stoul(word.substr(1)), '\0');
    for (std::size_t at = 0; word[0] != '*' && at < word.size(); at += 2)
      bytes += static_cast<char>(std::stoi(word.substr(at, 2), nullptr, 16));
  }
  return bytes;
}

/// Up to the last byte that is not zero.
std::string written(const std::string& content) {
  return content.substr(0, content.find_last_not_of('\0') + 1);
}

Result<std::unique_ptr<LogStorage>> open_log(MemoryDisk& disk) {
  storage::WalLogOptions options;
  options.directory = "/member/log";
  options.segment_bytes = 64 << 10;
  storage::WalInternals internals;
  internals.background = [](const auto& work) { work(); };
  internals.draw = [number = std::uint64_t{0}]() mutable { return ++number; };
  return storage::open_wal_log(disk, options, std::move(internals));
}

/// Of everything that there can be, something.
void fill(LogStorage& log) {
  REQUIRE(write(log, Batch().vote(3, 2).append_range(3, 1, 3)));
  REQUIRE(write(log, Batch().vote(4, 1, 2).truncate(3).append(4, 3, "three")));
  REQUIRE(write(log, Batch(GroupId{7}).install(2, 5)));
  REQUIRE(log.compact({}, snapshot(3, 2), Index{2}));
}

void check_filled(LogStorage& log) {
  const LoadedLog held = log.load({}).value().value();
  CHECK(held.hard_state == HardState{Term{4}, NodeId{1}, Index{2}});
  CHECK(held.snapshot == snapshot(3, 2));
  CHECK(held.base == EntryId{Term{3}, Index{1}});
  CHECK(read(log, 2, 3).value() == std::vector{entry(3, 2, "3/2"), entry(4, 3, "three")});
  CHECK(log.load(GroupId{7}).value()->snapshot == snapshot(2, 5));
}

/// What fill() has written, and a log closed in order, in version 1 of the format.
constexpr std::string_view kVersion1 =
    "726b77616c7365670100000001000000000000000200000000000000010000000000000000000100000000"
    "0017ffb22a *464 6b72776ce945b7b700000000dc611b8e00020000000000000002000000000000020000"
    "006b72776cd2293f065e000000e945b7b72402000000000000000200000000000001000000010000000000"
    "00000003030000000000000002000000000000000000000000000000030000000100000000000000000300"
    "00000000000003000000332f3100030000000000000003000000332f320003000000000000000300000033"
    "2f336b72776c18f0631948000000d2293f06a602000000000000a602000000000000010000000100000000"
    "000000000b0400000000000000010000000000000002000000000000000300000000000000010000000300"
    "0000000000000004000000000000000500000074687265656b72776cc9b5008a2600000018f06319120300"
    "00000000001203000000000000010000000107000000000000000402000000000000000500000000000000"
    "0400000008010806000000006b72776c755d235129000000c9b5008a5c030000000000005c030000000000"
    "00010000000200000000000000000300000000000000020000000000000004000000080108030200000000"
    "0000006b72776c35e5a9a500020000755d2351a903000000000000a90300000000000004 *515 6b72776c"
    "b6a2b3df0000000035e5a9a5cd05000000000000a90300000000000004";

wal::Records any_records() {
  wal::Records records;
  records.batch = [](const auto&) { return Result<void>(); };
  records.checkpoint = [](const auto&) { return Result<void>(); };
  return records;
}

std::string refusal_of(std::string_view records) {
  const auto decoded = wal::decode_records(records, any_records());
  if (decoded) return {};
  CHECK(decoded.error() == Errc::corrupt_data);
  return decoded.error().message();
}

}  // namespace

TEST_CASE("A write-ahead log is written as ever, and what was written once can still be read",
          "[storage][wal][format]") {
  MemoryDisk fresh;
  auto log = open_log(fresh);
  REQUIRE(log);
  fill(**log);
  log->reset();
  CHECK(to_text(written(fresh.content(kFirst))) == kVersion1);

  MemoryDisk old;
  REQUIRE(old.create_directories("/member/log"));
  REQUIRE(old.open_writable(kFirst, storage::Disk::Open::create_new));
  std::string content = from_text(std::string(kVersion1));
  content.resize(64 << 10, '\0');
  old.set_content(kFirst, content);
  const auto again = open_log(old);
  REQUIRE(again);
  check_filled(**again);
}

TEST_CASE("Records that this release does not know are refused as such", "[storage][wal][format]") {
  std::string record;
  wal::encode_batch(Batch().append(1, 1), record);
  CHECK(refusal_of(record).empty());
  constexpr std::size_t kFlags = 9;
  constexpr std::size_t kType = kFlags + 1 + 4 + 8;
  const auto with = [&](std::size_t at, char value) {
    std::string changed = record;
    changed[at] = value;
    return refusal_of(changed);
  };

  CHECK_THAT(with(0, 9), Catch::Contains("unknown kind of record, maybe of a newer release"));
  CHECK_THAT(with(kFlags, 64), Catch::Contains("unknown part of a batch, maybe of a newer"));
  CHECK_THAT(with(kType, 7), Catch::Contains("unknown type of entry, maybe of a newer release"));
  CHECK_THAT(refusal_of(record.substr(0, record.size() - 1)), Catch::Contains("cut short"));
}

TEST_CASE("A checkpoint of a log that cannot be is refused", "[storage][wal][format]") {
  LoadedLog log;
  log.snapshot = snapshot(1, 3);
  log.base = {Term{1}, Index{3}};
  log.last = Index{9};
  log.terms = {{Index{4}, Term{1}}, {Index{7}, Term{2}}};
  const auto refusal = [&] {
    std::string record;
    wal::encode_checkpoint({GroupId{}, log}, record);
    return refusal_of(record);
  };
  CHECK(refusal().empty());

  SECTION("without a term for its entries") {
    log.terms.clear();
  }
  SECTION("with a term for none") {
    log.last = log.base.index;
  }
  SECTION("that begins elsewhere") {
    log.terms[0].first = Index{5};
  }
  SECTION("that goes back in term") {
    log.terms[1].term = Term{1};
  }
  SECTION("that goes back in index") {
    log.terms[1].first = Index{4};
  }
  SECTION("that goes on behind its end") {
    log.terms[1].first = Index{10};
  }
  SECTION("that ends before it begins") {
    log.last = Index{2};
  }
  SECTION("that begins behind its snapshot") {
    log.snapshot = snapshot(1, 2);
  }
  CHECK_THAT(refusal(), Catch::Contains("cannot be"));
}

TEST_CASE("A segment of a newer version is refused by its number", "[storage][wal][format]") {
  std::string header = wal::encode_header({{{1, 2}, 1}, 64 << 10});
  constexpr std::size_t kVersion = 8;
  constexpr std::size_t kChecksum = 44;
  REQUIRE(wal::decode_header(header));
  header[kVersion] = 2;
  CHECK_THAT(wal::decode_header(header).error().message(), Catch::Contains("checksum"));
  std::string crc;
  storage::put<std::uint32_t>(crc, wire::crc32c(storage::bytes_of(header.substr(0, kChecksum))));
  header.replace(kChecksum, crc.size(), crc);
  CHECK_THAT(wal::decode_header(header).error().message(), Catch::Contains("version 2"));
}

TEST_CASE("A frame of an unknown kind ends the search for the end with an error",
          "[storage][wal][format]") {
  MemoryDisk disk;
  auto log = open_log(disk);
  REQUIRE(log);
  fill(**log);
  log->reset();
  const auto segment = wal::Segment::open(disk, kFirst);
  REQUIRE(segment);
  wal::SegmentScan scan(**segment, 4096);
  while (*scan.next()) {
  }
  std::string frame(wal::kFrameBytes + 3, 'x');
  wal::finish_frame(std::span(frame),
                    (*segment)->id(),
                    {.kind = static_cast<wal::FrameKind>(9),
                     .before = scan.before(),
                     .offset = scan.offset(),
                     .durable = scan.offset()});
  std::string content = disk.content(kFirst);
  content.replace(scan.offset(), frame.size(), frame);
  disk.set_content(kFirst, content);

  const auto opened = open_log(disk);
  CHECK(opened.error() == Errc::corrupt_data);
  CHECK_THAT(opened.error().message(), Catch::Contains("unknown kind of frame, maybe of a newer"));
  CHECK_THAT(opened.error().message(), Catch::Contains(kFirst));
}

}  // namespace raftkit::test
