// What clients' sessions put into the log, are answered, and leave in snapshots: what decodes is
// what its encoding decodes to.
#include <string>
#include <tuple>
#include <variant>
#include <vector>

#include "base/protobuf_wire.hpp"
#include "fuzz/input.hpp"
#include "fuzz/target.hpp"
#include "sessions/encoding.hpp"
#include "sessions/table_snapshot.hpp"
#include "testing/check.hpp"
#include "wire/crc32c.hpp"
#include "wire/little_endian.hpp"

namespace raftkit::fuzz {

namespace {

using sessions::SessionTable;
using sessions::TableReader;
using sessions::TableWriter;
using testing::require;

enum class What : std::uint8_t { request = 0, answer = 1, table = 2, made_table = 3 };
constexpr std::uint8_t kKinds = 4;

// --- requests and answers

auto fields_of(const PlainCommand& plain) {
  return std::tuple(plain.command);
}
auto fields_of(const OpenSession& open) {
  return std::tuple(open.options);
}
auto fields_of(const SessionCommand& command) {
  return std::tuple(command.session, command.sequence, command.first_unanswered, command.command);
}
auto fields_of(const KeepSessionAlive& alive) {
  return std::tuple(alive.session, alive.first_unanswered);
}
auto fields_of(const CloseSession& close) {
  return std::tuple(close.session);
}

bool is_same(const SessionRequest& left, const SessionRequest& right) {
  return std::visit(
      [&](const auto& of_left) {
        const auto* of_right = std::get_if<std::decay_t<decltype(of_left)>>(&right);
        return of_right != nullptr && fields_of(of_left) == fields_of(*of_right);
      },
      left);
}

void check_request(std::string_view bytes) {
  const auto decoded = decode_session_request(Bytes::copy_of(bytes));
  if (!decoded) return;
  const auto encoded = encode_session_request(decoded->request, decoded->cluster_time);
  require(encoded.has_value(), "what was decoded cannot be encoded");
  const auto again = decode_session_request(*encoded);
  require(again.has_value(), "what was decoded cannot be decoded again");
  require(again->cluster_time == decoded->cluster_time, "of another time");
  require(is_same(again->request, decoded->request), "decodes to something else");
}

void check_answer(std::string_view bytes) {
  const auto decoded = decode_session_answer(Bytes::copy_of(bytes));
  if (!decoded) return;
  const auto again = decode_session_answer(sessions::encode_answer(*decoded));
  require(again && *again == *decoded, "decodes to something else");
}

// --- tables

std::string written(const SessionTable& table, Index applied) {
  TableWriter writer(table.sessions(), table.cluster_time(), applied);
  std::string bytes;
  std::string buffer(512, '\0');
  while (const auto count = writer.read(std::as_writable_bytes(std::span(buffer))))
    bytes.append(buffer, 0, count);
  return bytes;
}

/// Errors: the reader's; empty: the table is not complete. What comes behind it must be left.
Result<std::optional<SessionTable>> read_table(std::string_view bytes,
                                               std::size_t step,
                                               Index applied) {
  TableReader reader(applied);
  while (!bytes.empty() && !reader.is_complete()) {
    auto part = bytes_of(bytes.substr(0, step));
    const std::size_t size = part.size();
    if (auto taken = reader.write(part); !taken) return std::move(taken).error();
    require(part.empty() || reader.is_complete(), "not all was taken");
    bytes.remove_prefix(size - part.size());
  }
  return reader.is_complete() ? std::optional(reader.take()) : std::nullopt;
}

bool is_same(const SessionTable::Kept& left, const SessionTable::Kept& right) {
  return left.sequence == right.sequence && left.answer == right.answer &&
         left.response_bytes == right.response_bytes;
}

bool is_same(const SessionTable::Session& left, const SessionTable::Session& right) {
  return left.options == right.options && left.last_used == right.last_used &&
         left.last_used_time == right.last_used_time &&
         left.first_unanswered == right.first_unanswered && left.kept_bytes == right.kept_bytes &&
         std::equal(left.kept.begin(),
                    left.kept.end(),
                    right.kept.begin(),
                    right.kept.end(),
                    [](const auto& one, const auto& other) { return is_same(one, other); });
}

bool is_same(const SessionTable& left, const SessionTable& right) {
  return left.cluster_time() == right.cluster_time() &&
         std::equal(left.sessions().begin(),
                    left.sessions().end(),
                    right.sessions().begin(),
                    right.sessions().end(),
                    [](const auto& one, const auto& other) {
                      return one.first == other.first && is_same(one.second, other.second);
                    });
}

void check_table(std::string_view bytes, std::size_t step, Index applied) {
  const auto table = read_table(bytes, step, applied);
  if (!table || !*table) return;
  const std::string encoded = written(**table, applied);
  const auto again = read_table(encoded, encoded.size(), applied);
  require(again && *again && is_same(**again, **table), "decodes to another table");
}

/// The table that an input asks for: lengths and checksums are right where nothing else is asked
/// for.
class TableMaker {
 public:
  explicit TableMaker(Input& input) : input_(input) {}

  std::string table() {
    put("rkitsess");
    put_number(static_cast<std::uint32_t>(input_.near(1)));
    while (!input_.is_empty()) {
      const std::string_view piece = input_.text();
      put_number(input_.near(piece.size()));
      put_crc();
      put(piece);
      put_crc();
    }
    return bytes_;
  }

 private:
  void put(std::string_view bytes) {
    crc_ = wire::crc32c(bytes_of(bytes), crc_);
    bytes_ += bytes;
  }
  template <class Number>
  void put_number(Number number) {
    put(number_bytes(number));
  }
  void put_crc() { bytes_ += number_bytes(static_cast<std::uint32_t>(input_.near(crc_))); }
  template <class Number>
  static std::string number_bytes(Number number) {
    std::string bytes(sizeof number, '\0');
    wire::store_little_endian(std::as_writable_bytes(std::span(bytes)), number);
    return bytes;
  }

  Input& input_;
  std::string bytes_;
  std::uint32_t crc_ = 0;
};

// --- examples

constexpr Index kApplied{9};

SessionTable table() {
  SessionTable table(1000);
  static_cast<void>(table.open(Index{3}, SessionOptions()));
  static_cast<void>(table.open(Index{4}, SessionOptions()));
  const SessionAnswer answer{SessionStatus::applied, Index{6}, Bytes::copy_of("answer")};
  static_cast<void>(table.admit(Index{6}, {SessionId{3}, 2, 1, Bytes::copy_of("command")}));
  table.keep(SessionId{3}, {2, sessions::encode_answer(answer), answer.response.size()});
  return table;
}

/// The pieces of a table, without lengths and checksums.
Recipe pieces_of(std::string_view table) {
  constexpr std::size_t kPreamble = 12;
  constexpr std::size_t kCrc = 4;
  Recipe recipe;
  recipe.right();
  for (table.remove_prefix(kPreamble); !table.empty();) {
    const auto length = wire::load_little_endian<std::uint64_t>(bytes_of(table));
    table.remove_prefix(sizeof length + kCrc);
    recipe.text(table.substr(0, length)).right().right().right();
    table.remove_prefix(length + kCrc);
  }
  return recipe;
}

}  // namespace

std::vector<std::string> examples() {
  std::vector<std::string> found;
  const Bytes command = Bytes::copy_of("command");
  const auto add = [&](What what, std::string_view content) {
    found.push_back(Recipe().byte(static_cast<std::uint8_t>(what)).rest(content));
  };
  const std::vector<SessionRequest> requests = {PlainCommand{command},
                                                OpenSession{},
                                                SessionCommand{SessionId{3}, 5, 4, command},
                                                KeepSessionAlive{SessionId{3}, 4},
                                                CloseSession{SessionId{3}}};
  // What is not taken here would make all that is made of it be refused, and nothing noticed.
  for (const SessionRequest& request : requests) {
    const Bytes bytes = encode_session_request(request, 1000).value();
    const auto decoded = decode_session_request(bytes);
    require(decoded && is_same(decoded->request, request), "a request is another one");
    add(What::request, bytes.view());
  }
  add(What::answer,
      sessions::encode_answer({SessionStatus::applied, Index{6}, Bytes::copy_of("answer")}).view());
  for (const SessionTable& each : {SessionTable(), table()}) {
    const std::string bytes = written(each, kApplied);
    const std::string pieces = pieces_of(bytes);
    Input input(reinterpret_cast<const std::uint8_t*>(pieces.data()), pieces.size());
    require(TableMaker(input).table() == bytes, "another table than the writer's");
    const auto again = read_table(bytes, bytes.size(), kApplied);
    require(again && *again && is_same(**again, each), "a table is another one");
    const Recipe start = Recipe().number(kApplied.value).number(100);
    add(What::table, std::string(Recipe(start).rest(bytes)));
    add(What::made_table, std::string(Recipe(start).rest(pieces)));
  }
  return found;
}

}  // namespace raftkit::fuzz

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace raftkit;
  using namespace raftkit::fuzz;
  Input input(data, size);
  const auto what = static_cast<What>(input.byte() % kKinds);
  if (what == What::request || what == What::answer) {
    what == What::request ? check_request(input.rest()) : check_answer(input.rest());
    return 0;
  }
  const Index applied{input.number()};
  const std::size_t step = 1 + input.below(1000);
  const std::string table =
      what == What::table ? std::string(input.rest()) : TableMaker(input).table();
  check_table(table, step, applied);
  return 0;
}
