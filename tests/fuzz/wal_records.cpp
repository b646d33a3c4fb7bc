// The records in a frame of a write-ahead log: what decodes is what its encoding decodes to.
#include <algorithm>
#include <string>
#include <variant>
#include <vector>

#include "fuzz/input.hpp"
#include "fuzz/target.hpp"
#include "storage/log_shape.hpp"
#include "storage/record_parts.hpp"
#include "storage/wal/format.hpp"
#include "testing/batches.hpp"
#include "testing/check.hpp"

namespace raftkit::fuzz {

namespace {

namespace wal = storage::wal;
using testing::Batch;
using testing::require;
using Record = std::variant<PersistBatch, wal::Compaction, wal::Checkpoint>;

bool is_same(const PersistBatch& left, const PersistBatch& right) {
  return left.group == right.group && left.hard_state == right.hard_state &&
         left.snapshot == right.snapshot && left.truncate_from == right.truncate_from &&
         left.append == right.append;
}

bool is_same(const wal::Compaction& left, const wal::Compaction& right) {
  return left.group == right.group && left.snapshot == right.snapshot &&
         left.keep_from == right.keep_from;
}

bool is_same(const wal::Checkpoint& left, const wal::Checkpoint& right) {
  return left.group == right.group && storage::is_same(left.log, right.log);
}

bool is_same(const Record& left, const Record& right) {
  return std::visit(
      [&](const auto& of_left) {
        const auto* of_right = std::get_if<std::decay_t<decltype(of_left)>>(&right);
        return of_right != nullptr && is_same(of_left, *of_right);
      },
      left);
}

void encode(const Record& record, std::string& target) {
  if (const auto* batch = std::get_if<PersistBatch>(&record)) wal::encode_batch(*batch, target);
  if (const auto* compaction = std::get_if<wal::Compaction>(&record))
    wal::encode_compaction(*compaction, target);
  if (const auto* checkpoint = std::get_if<wal::Checkpoint>(&record))
    wal::encode_checkpoint(*checkpoint, target);
}

struct Payloads {
  Index first;
  Index last;
};

Result<std::vector<Record>> decode(std::string_view frame, const Payloads& wanted) {
  std::vector<Record> found;
  const auto keep = [&](auto record) -> Result<void> {
    found.emplace_back(std::move(record));
    return {};
  };
  wal::Records records;
  records.batch = keep;
  records.compaction = keep;
  records.checkpoint = keep;
  records.first_payload = wanted.first;
  records.last_payload = wanted.last;
  if (auto decoded = wal::decode_records(frame, records); !decoded)
    return std::move(decoded).error();
  return found;
}

constexpr Payloads kAll{Index{0}, Index{~std::uint64_t{0}}};
constexpr Payloads kNone{Index{1}, Index{0}};

bool has_membership(const Record& record) {
  const auto* batch = std::get_if<PersistBatch>(&record);
  return batch == nullptr || batch->snapshot;
}

/// What others rely on without looking again.
void check_content(const Record& record) {
  if (const auto* checkpoint = std::get_if<wal::Checkpoint>(&record))
    require(storage::is_consistent(checkpoint->log), "a checkpoint of a log that cannot be");
  if (const auto* batch = std::get_if<PersistBatch>(&record)) {
    for (const Entry& entry : batch->append)
      require(storage::is_known(entry.type), "an unknown type of entry");
  }
}

/// Whether it asks for payloads must make no difference to what else a reader finds.
void check_without_payloads(std::string_view frame, const std::vector<Record>& records) {
  const auto bare = decode(frame, kNone);
  require(bare && bare->size() == records.size(), "decodes only with payloads");
  for (std::size_t at = 0; at < records.size(); ++at) {
    Record expected = records[at];
    if (auto* batch = std::get_if<PersistBatch>(&expected)) {
      for (Entry& entry : batch->append)
        entry.payload = {};
    }
    require(is_same((*bare)[at], expected), "record ", at, " is another one without payloads");
  }
}

wal::Checkpoint checkpoint() {
  LoadedLog log;
  log.hard_state = {Term{3}, NodeId{2}, Index{5}};
  log.snapshot = testing::snapshot(1, 3);
  log.base = {Term{1}, Index{3}};
  log.last = Index{9};
  log.terms = {{Index{4}, Term{1}}, {Index{7}, Term{2}}};
  return {GroupId{1}, log};
}

}  // namespace

std::vector<std::string> examples() {
  std::vector<std::string> found(4);
  wal::encode_batch(Batch().vote(3, 2).append_range(3, 1, 3), found[0]);
  wal::encode_batch(Batch().truncate(3).append(4, 3, "three"), found[1]);
  wal::encode_batch(Batch(GroupId{7}).install(2, 5).commit(4, 2), found[1]);
  wal::encode_compaction({GroupId{}, testing::snapshot(3, 2), Index{2}}, found[2]);
  wal::encode_checkpoint(checkpoint(), found[3]);
  return found;
}

}  // namespace raftkit::fuzz

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace raftkit::fuzz;
  const std::string_view frame = Input(data, size).rest();
  const auto records = decode(frame, kAll);
  if (!records) return 0;
  std::string encoded;
  for (const Record& record : *records)
    encode(record, encoded);
  // Memberships can be encoded in several ways, nothing else.
  if (std::none_of(records->begin(), records->end(), has_membership))
    require(encoded.size() == frame.size(), "was decoded from fewer or more bytes");
  const auto again = decode(encoded, kAll);
  require(again.has_value(), "what was decoded cannot be decoded again");
  require(again->size() == records->size(), "other records when decoded again");
  for (std::size_t at = 0; at < records->size(); ++at) {
    check_content((*records)[at]);
    require(is_same((*again)[at], (*records)[at]), "record ", at, " decodes to another one");
  }
  check_without_payloads(frame, *records);
  return 0;
}
