// Who belongs to a cluster, who a data directory belongs to, and a log's records in LevelDB: what
// decodes is what its encoding decodes to.
#include <string>

#include "raftkit/membership_change.hpp"

#include "assembly/identity.hpp"
#include "fuzz/input.hpp"
#include "fuzz/target.hpp"
#include "storage/encoding.hpp"
#include "storage/log_records.hpp"
#include "testing/batches.hpp"
#include "testing/check.hpp"
#include "testing/memory_disk.hpp"
#include "wire/crc32c.hpp"

namespace raftkit::fuzz {

namespace {

using testing::require;

enum class What : std::uint8_t {
  membership = 0,
  member = 1,
  change = 2,
  identity = 3,
  state = 4,
  snapshot = 5,
  entry = 6
};
constexpr std::uint8_t kKinds = 7;

/// What is wrong with a checksum that the target appends.
enum class Checksum : std::uint8_t { right = 0, wrong = 1, none = 2 };

constexpr const char* kIdentity = "/member/identity";
constexpr GroupId kGroup{3};
constexpr Index kIndex{5};

template <class Decode>
void check_encoding(const Bytes& bytes, const Decode& decode) {
  const auto decoded = decode(bytes);
  if (!decoded) return;
  const auto again = decode(encode(*decoded));
  require(again.has_value(), "what was decoded cannot be decoded again");
  require(*again == *decoded, "decodes to something else");
}

std::uint32_t crc_of(std::string_view bytes, std::uint32_t seed = 0) {
  return wire::crc32c(bytes_of(bytes), seed);
}

// --- the identity of a member

std::string with_checksum_line(std::string text, Checksum checksum) {
  if (checksum == Checksum::none) return text;
  const std::uint32_t crc = crc_of(text) + (checksum == Checksum::wrong ? 1 : 0);
  return std::move(text) + "checksum=" + to_hex(crc) + "\n";
}

void check_identity(const std::string& content) {
  testing::MemoryDisk disk;
  static_cast<void>(disk.create_directories("/member"));
  static_cast<void>(disk.open_writable(kIdentity, storage::Disk::Open::truncate));
  disk.set_content(kIdentity, content);
  const auto identity = assembly::read_identity(disk, kIdentity);
  if (!identity) return;
  require(assembly::write_identity(disk, kIdentity, *identity).has_value(), "cannot be written");
  require(disk.content(kIdentity) == content, "another file than was read");
}

std::string identity_example() {
  testing::MemoryDisk disk;
  static_cast<void>(disk.create_directories("/member"));
  const assembly::Identity identity{
      ClusterId{0xabc}, NodeId{7}, StoreId{9}, StateMachineKind::on_disk};
  static_cast<void>(assembly::write_identity(disk, kIdentity, identity));
  const std::string content = disk.content(kIdentity);
  return content.substr(0, content.find("checksum="));
}

// --- records of a log

std::string with_checksum(std::string_view key, std::string_view body, Checksum checksum) {
  std::string value(body);
  const std::uint32_t crc = crc_of(value, crc_of(key)) + (checksum == Checksum::wrong ? 1 : 0);
  if (checksum != Checksum::none) storage::put<std::uint32_t>(value, crc);
  return value;
}

std::string_view without_checksum(std::string_view value) {
  return value.substr(0, value.size() - sizeof(std::uint32_t));
}

bool is_same(const storage::StateRecord& left, const storage::StateRecord& right) {
  return left.hard_state == right.hard_state && left.base == right.base &&
         left.last == right.last && left.top == right.top && left.garbage == right.garbage &&
         left.has_snapshot == right.has_snapshot;
}

void check_state(std::string_view value) {
  const std::string key = storage::state_key(kGroup);
  const auto state = storage::decode_state(key, value);
  if (!state) return;
  std::string encoded;
  storage::encode_state(key, *state, encoded);
  const auto again = storage::decode_state(key, encoded);
  require(again && is_same(*again, *state), "a state decodes to another one");
  require(!storage::decode_state(storage::state_key({}), value), "of another group, and taken");
}

void check_snapshot(std::string_view value) {
  const std::string key = storage::snapshot_key(kGroup);
  const auto snapshot = storage::decode_snapshot(key, value);
  if (!snapshot) return;
  std::string encoded;
  storage::encode_snapshot(key, *snapshot, encoded);
  const auto again = storage::decode_snapshot(key, encoded);
  require(again && *again == *snapshot, "a snapshot decodes to another one");
  require(!storage::decode_snapshot(storage::snapshot_key({}), value), "of another group");
}

void check_entry(std::string_view value) {
  const std::string key = storage::entry_key(kGroup, kIndex);
  const auto entry = storage::decode_entry(key, kIndex, value);
  if (!entry) return;
  require(entry->id.index == kIndex, "an entry of another index");
  std::string encoded;
  storage::encode_entry(key, *entry, encoded);
  require(encoded == value, "an entry encodes to something else");
  const Index other = kIndex + 1;
  require(!storage::decode_entry(storage::entry_key(kGroup, other), other, value),
          "in another entry's place, and taken");
}

std::string record_example(What what) {
  std::string value;
  std::string key;
  if (what == What::state) {
    storage::StateRecord state;
    state.hard_state = {Term{3}, NodeId{2}, Index{5}};
    state.base = {Term{1}, Index{4}};
    state.last = Index{8};
    state.top = Index{9};
    state.garbage = {{Index{1}, Index{2}}, {Index{3}, Index{4}}};
    key = storage::state_key(kGroup);
    storage::encode_state(key, state, value);
  } else if (what == What::snapshot) {
    key = storage::snapshot_key(kGroup);
    storage::encode_snapshot(key, testing::snapshot(2, 7), value);
  } else {
    key = storage::entry_key(kGroup, kIndex);
    storage::encode_entry(key, testing::entry(2, kIndex.value, "payload"), value);
  }
  // Or else all that this makes would be refused, and nothing noticed.
  require(with_checksum(key, without_checksum(value), Checksum::right) == value,
          "other checksums than those of the records");
  return std::string(without_checksum(value));
}

Member member_example() {
  return {NodeId{2}, "two", {"http://a:1", "http://b:2"}, StoreId{5}, {{"client", "c:3"}}};
}

Membership membership_example() {
  Membership membership;
  membership.voters = {NodeId{1}, NodeId{2}};
  membership.voters_outgoing = {NodeId{1}, NodeId{3}};
  membership.learners = {NodeId{4}};
  membership.learners_next = {NodeId{3}};
  membership.auto_leave = true;
  membership.members = {member_example()};
  return membership;
}

MembershipChange change_example() {
  MembershipChange change;
  change.transition = Transition::joint_implicit;
  change.steps = {{MemberOperation::update, member_example(), true},
                  {MemberOperation::remove, {NodeId{1}, {}, {}, {}, {}}}};
  change.context = Bytes::copy_of("context");
  return change;
}

}  // namespace

std::vector<std::string> examples() {
  const auto example = [](What what, std::string_view content) {
    return std::string(Recipe()
                           .byte(static_cast<std::uint8_t>(what))
                           .byte(static_cast<std::uint8_t>(Checksum::right))
                           .rest(content));
  };
  std::vector<std::string> found = {
      example(What::membership, encode(membership_example()).view()),
      example(What::member, encode(member_example()).view()),
      example(What::change, encode(change_example()).view()),
      example(What::identity, identity_example()),
  };
  for (const What what : {What::state, What::snapshot, What::entry})
    found.push_back(example(what, record_example(what)));
  return found;
}

}  // namespace raftkit::fuzz

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace raftkit;
  using namespace raftkit::fuzz;
  Input input(data, size);
  const auto what = static_cast<What>(input.byte() % kKinds);
  const auto checksum = static_cast<Checksum>(input.byte() % 3);
  const std::string_view rest = input.rest();
  switch (what) {
    case What::membership:
      check_encoding(Bytes::copy_of(rest), decode_membership);
      break;
    case What::member:
      check_encoding(Bytes::copy_of(rest), decode_member);
      break;
    case What::change:
      check_encoding(Bytes::copy_of(rest), decode_membership_change);
      break;
    case What::identity:
      check_identity(with_checksum_line(std::string(rest), checksum));
      break;
    case What::state:
      check_state(with_checksum(storage::state_key(kGroup), rest, checksum));
      break;
    case What::snapshot:
      check_snapshot(with_checksum(storage::snapshot_key(kGroup), rest, checksum));
      break;
    case What::entry:
      check_entry(with_checksum(storage::entry_key(kGroup, kIndex), rest, checksum));
      break;
  }
  return 0;
}
