// Whole write-ahead logs: frames with right checksums and any content, and what is wrong at random.
// What recovery accepts must open, be readable, go on, and be the same when it is opened again.
#include <algorithm>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "fuzz/input.hpp"
#include "fuzz/target.hpp"
#include "storage/log_shape.hpp"
#include "storage/wal/log.hpp"
#include "storage/wal/recovery.hpp"
#include "testing/batches.hpp"
#include "testing/check.hpp"
#include "testing/memory_disk.hpp"
#include "wire/crc32c.hpp"

namespace raftkit::fuzz {

namespace {

namespace wal = storage::wal;
using testing::MemoryDisk;
using testing::require;

constexpr const char* kDirectory = "/log";
constexpr std::size_t kMostSegments = 4;
constexpr std::size_t kMostMarkBytes = 32 << 10;
constexpr std::size_t kSmallWindow = 4 << 10;
constexpr std::size_t kLargeWindow = 1 << 20;
constexpr std::size_t kUsualSegmentBytes = 16 << 10;
constexpr std::size_t kLargeEntryBytes = 40 << 10;
/// Of the room in a segment; what is more counts bytes.
constexpr std::uint64_t kMostSectors = 256;
constexpr std::uint64_t kMostLookAlikes = 100;

enum class Part : std::uint8_t {
  end = 0,
  changes = 1,     ///< batches and compactions, mostly ones that can be
  checkpoint = 2,  ///< as the frames before it come to
  batches = 3,     ///< any bytes
  other_checkpoint = 4,
  seal = 5,
  mark = 6,
  any_kind = 7,
  look_alikes = 8,  ///< headers of frames, all of which end at the same place
  nested = 9        ///< a mark that holds a frame
};
constexpr std::uint8_t kParts = 10;

/// Writes the segments that an input asks for.
class Writer {
 public:
  Writer(Input& input, MemoryDisk& disk) : input_(input), disk_(disk) {}

  void write_segment() {
    wal::SegmentId id{{1, 2U + input_.byte()}, input_.near(next_)};
    const std::uint64_t named = input_.near(id.sequence);
    next_ = id.sequence + 1;
    std::string content(wal::kHeaderBytes, '\0');
    std::uint32_t before = wal::first_before(id);
    ends_.clear();
    while (write_frame(id, before, content)) {
    }
    content += input_.text();
    content.resize(size_for(content.size()), '\0');
    content.replace(0, wal::kHeaderBytes, wal::encode_header({id, input_.near(content.size())}));
    for (std::uint64_t flips = input_.below(4); flips > 0; --flips) {
      char& flipped = content[input_.below(content.size())];
      flipped = static_cast<char>(flipped ^ input_.byte());
    }
    const std::string path = std::string(kDirectory) + "/" + wal::segment_name(named);
    static_cast<void>(disk_.open_writable(path, storage::Disk::Open::truncate));
    disk_.set_content(path, content);
  }

 private:
  bool write_frame(const wal::SegmentId& id, std::uint32_t& before, std::string& content) {
    const auto part = static_cast<Part>(input_.byte() % kParts);
    if (part == Part::end) return false;
    ends_.push_back(content.size());
    if (part == Part::look_alikes) {
      add_look_alikes(content);
      return true;
    }
    wal::FrameHeader header;
    header.kind = kind_of(part);
    const std::string payload =
        part == Part::nested ? any_frame(id, content.size() + wal::kFrameBytes) : payload_of(part);
    header.before = static_cast<std::uint32_t>(input_.near(before));
    header.offset = input_.near(content.size());
    header.durable = durable_near(content.size());
    std::string frame(wal::kFrameBytes, '\0');
    frame += payload;
    before = wal::finish_frame(std::span(frame), id, header);
    content += frame;
    return true;
  }

  /// Nothing given: as much as a writer leaves.
  std::uint64_t size_for(std::uint64_t used) {
    const std::uint64_t room = input_.number();
    if (room == 0) return std::max<std::uint64_t>(used + wal::kFrameBytes, kUsualSegmentBytes);
    const std::uint64_t bytes = room < kMostSectors
                                    ? room * wal::kSectorBytes
                                    : (room - kMostSectors) % (kMostSectors * wal::kSectorBytes);
    return used + bytes;
  }

  void add_look_alikes(std::string& content) {
    const std::uint64_t count = 1 + input_.below(kMostLookAlikes);
    const std::uint64_t end = content.size() + count * wal::kFrameBytes + input_.number();
    for (std::uint64_t at = 0; at < count; ++at) {
      std::string frame(wal::kFrameBytes, '\0');
      wal::finish_frame(
          std::span(frame), {}, {.offset = content.size(), .durable = content.size()});
      const auto length = static_cast<std::uint32_t>(end - content.size() - wal::kFrameBytes);
      for (std::size_t byte = 0; byte < sizeof length; ++byte)
        frame[kLengthAt + byte] = static_cast<char>(length >> (8 * byte));
      content += frame;
    }
  }

  std::string any_frame(const wal::SegmentId& id, std::uint64_t offset) {
    wal::FrameHeader header;
    header.offset = input_.near(offset);
    header.durable = durable_near(offset);
    std::string frame(wal::kFrameBytes, '\0');
    frame += input_.text();
    wal::finish_frame(std::span(frame), id, header);
    return frame;
  }

  /// Mostly where a frame ends.
  std::uint64_t durable_near(std::uint64_t offset) {
    const std::uint64_t durable = input_.near(offset);
    if (durable >= offset - 1) return durable;
    return durable % 2 == 0 ? ends_[durable / 2 % ends_.size()] : durable / 2;
  }

  wal::FrameKind kind_of(Part part) {
    switch (part) {
      case Part::checkpoint:
      case Part::other_checkpoint:
        return wal::FrameKind::checkpoint;
      case Part::seal:
        return wal::FrameKind::seal;
      case Part::mark:
      case Part::nested:
        return wal::FrameKind::mark;
      case Part::any_kind:
        return static_cast<wal::FrameKind>(input_.number());
      case Part::end:
      case Part::changes:
      case Part::batches:
      case Part::look_alikes:
        break;
    }
    return wal::FrameKind::batches;
  }

  static constexpr std::size_t kLengthAt = 8;

  std::string payload_of(Part part) {
    std::string payload;
    if (part == Part::changes) {
      const std::uint64_t count = 1 + input_.below(4);
      for (std::uint64_t at = 0; at < count; ++at)
        add_change(payload);
    } else if (part == Part::checkpoint) {
      for (const auto& [group, log] : logs_)
        wal::encode_checkpoint({group, log}, payload);
    } else {
      payload = input_.text();
    }
    // Segments get full without an input that is as long.
    if (part == Part::mark) payload.resize(payload.size() + input_.number() % kMostMarkBytes, '\0');
    return payload;
  }

  void add_change(std::string& payload) {
    const GroupId group{input_.below(2)};
    LoadedLog& log = logs_.try_emplace(group, storage::empty_log()).first->second;
    LoadedLog changed = log;
    constexpr unsigned kCompacts = 0x80;
    const unsigned parts = input_.byte();
    if ((parts & kCompacts) != 0) {
      const auto snapshot = near_snapshot(log);
      const Index keep_from{input_.near(snapshot.last.index.value)};
      wal::encode_compaction({group, snapshot, keep_from}, payload);
      if (storage::compact(changed, snapshot, keep_from)) log = std::move(changed);
      return;
    }
    const PersistBatch batch = near_batch(group, log, parts);
    wal::encode_batch(batch, payload);
    if (storage::apply(changed, batch)) log = std::move(changed);
  }

  PersistBatch near_batch(GroupId group, const LoadedLog& log, unsigned parts) {
    PersistBatch batch;
    batch.group = group;
    Index next = log.last + 1;
    Term term = storage::term_at(log, log.last).value_or(Term{});
    if ((parts & 1U) != 0)
      batch.hard_state =
          HardState{Term{input_.number()}, NodeId{input_.number()}, Index{input_.number()}};
    if ((parts & 2U) != 0) {
      batch.snapshot = near_snapshot(log);
      next = batch.snapshot->last.index + 1;
      term = batch.snapshot->last.term;
    }
    if ((parts & 4U) != 0) {
      batch.truncate_from = Index{input_.near(log.last.value)};
      next = *batch.truncate_from;
    }
    for (unsigned count = parts / 8 % 8; count > 0; --count, ++next) {
      if (batch.append.empty()) next = Index{input_.near(next.value)};
      term = Term{input_.near(term.value)};
      batch.append.push_back({{term, next}, EntryType::normal, Bytes::copy_of(input_.text())});
    }
    return batch;
  }

  SnapshotMeta near_snapshot(const LoadedLog& log) {
    const Index index{input_.near(log.last.value)};
    const Term term = storage::term_at(log, index).value_or(Term{});
    return testing::snapshot(input_.near(term.value), index.value);
  }

  Input& input_;
  MemoryDisk& disk_;
  std::uint64_t next_ = wal::kFirstSequence;
  std::vector<std::uint64_t> ends_;    // of this segment's header and frames
  std::map<GroupId, LoadedLog> logs_;  // as the changes so far would have them
};

Result<std::unique_ptr<LogStorage>> open(MemoryDisk& disk) {
  storage::WalLogOptions options;
  options.directory = kDirectory;
  options.segment_bytes = 64 << 10;
  options.reserve_bytes = 0;
  options.window_bytes = kSmallWindow;
  storage::WalInternals internals;
  internals.background = [](const auto& work) { work(); };
  internals.draw = [number = std::uint64_t{0}]() mutable { return ++number; };
  return storage::open_wal_log(disk, options, std::move(internals));
}

struct Held {
  LoadedLog log;
  std::vector<Entry> entries;
};
using Contents = std::map<GroupId, Held>;

/// All that the log holds of these groups.
Contents contents_of(LogStorage& log, const std::vector<GroupId>& groups) {
  Contents contents;
  for (const GroupId group : groups) {
    const auto loaded = log.load(group);
    require(
        loaded.has_value(), "a group cannot be loaded: ", loaded ? "" : loaded.error().message());
    require(loaded->has_value(), "a group is gone");
    Held held{**loaded, {}};
    Index next = held.log.base.index + 1;
    while (held.entries.size() < held.log.last - held.log.base.index) {
      auto read = log.read({group, next, held.log.last, std::size_t{1} << 20});
      require(read.has_value(), "cannot be read: ", read ? "" : read.error().message());
      require(!read->empty(), "nothing was read");
      for (Entry& entry : *read) {
        require(entry.id.index == next, "entry ", next, " expected, ", entry.id, " found");
        require(storage::term_at(held.log, next) == entry.id.term, "another term: ", entry.id);
        held.entries.push_back(std::move(entry));
        ++next;
      }
    }
    contents.emplace(group, std::move(held));
  }
  return contents;
}

void require_same(const Contents& left, const Contents& right) {
  require(left.size() == right.size(), "another number of groups");
  for (auto at = left.begin(), other = right.begin(); at != left.end(); ++at, ++other) {
    require(at->first == other->first, "another group");
    require(storage::is_same(at->second.log, other->second.log), "another log");
    require(at->second.entries == other->second.entries, "other entries");
  }
}

std::unique_ptr<LogStorage> must_open(MemoryDisk& disk) {
  auto log = open(disk);
  require(log.has_value(), "does not open: ", log ? "" : log.error().message());
  return *std::move(log);
}

/// An entry more in each group; those that no number is left for stay as they are. Not if that
/// would need a segment, and none can follow.
void write_on(LogStorage& log, Contents& contents, const std::string& payload, bool is_last) {
  for (auto& [group, held] : contents) {
    const Index next = held.log.last + 1;
    if (next.value == 0) continue;
    const Term term = held.entries.empty() ? held.log.base.term : held.entries.back().id.term;
    const auto written =
        testing::write(log, testing::Batch(group).append(term.value, next.value, payload));
    if (is_last && !written && written.error() == Errc::out_of_space) continue;
    require(written.has_value(), "is not taken: ", written ? "" : written.error().message());
    require(storage::append(held.log, {term, next}).has_value(), "does not follow");
    held.entries.push_back(testing::entry(term.value, next.value, payload));
  }
}

/// What counts of this segment.
struct Counted {
  std::uint64_t end = wal::kHeaderBytes;
  std::uint32_t before = 0;   // what the next frame's would be
  std::uint64_t durable = 0;  // as the last one says
};
Counted counted_of(const wal::Segment& segment) {
  wal::SegmentScan scan(segment, kSmallWindow);
  Counted counted;
  for (auto frame = scan.next(); frame && *frame; frame = scan.next()) {
    counted.durable = (*frame)->header.durable;
    if ((*frame)->header.kind == wal::FrameKind::seal) break;
  }
  counted.end = scan.offset();
  counted.before = scan.before();
  return counted;
}

/// As Segment::examine(), one after the other.
wal::Segment::Rest examined(const wal::Segment& segment,
                            const Counted& counted,
                            std::string_view content) {
  wal::Segment::Rest rest{.end = counted.end};
  for (auto at = content.find(wal::kFrameMagic, counted.end); at != std::string_view::npos;
       at = content.find(wal::kFrameMagic, at + 1)) {
    const auto header = wal::decode_frame_header(content.substr(at));
    if (!header || header->offset != at || header->size() > content.size() - at) continue;
    const bool is_next = at == counted.end && header->before == counted.before;
    const bool is_frame = segment.verified(*header, content.substr(at)).has_value();
    if (is_next || is_frame) rest.end = std::max(rest.end, at + header->size());
    rest.was_durable = rest.was_durable || (is_frame && header->durable > counted.end);
  }
  return rest;
}

void check_rest(MemoryDisk& disk, const std::string& path) {
  const auto segment = wal::Segment::open(disk, path);
  if (!segment) return;
  const Counted counted = counted_of(**segment);
  const auto rest = (*segment)->examine(counted.end, counted.before);
  require(rest.has_value(), "cannot be examined: ", rest ? "" : rest.error().message());
  const auto expected = examined(**segment, counted, disk.content(path));
  require(rest->was_durable == expected.was_durable, "wrong about what was durable");
  require(rest->was_durable || rest->end == expected.end, "another torn end");
}

/// With a byte of a frame changed, nothing from that frame on may count, and it is refused if a
/// later one says that it was durable.
void check_damaged(MemoryDisk& disk, const wal::Segment& segment, Input& input) {
  const Counted counted = counted_of(segment);
  const std::uint64_t end = counted.end;
  if (end == wal::kHeaderBytes) return;
  const std::string content = disk.content(segment.path());
  // Somewhere else for each content, since most inputs have nothing to say here any more.
  const std::uint64_t drawn = wire::crc32c(bytes_of(content)) + std::uint64_t{input.byte()};
  const std::uint64_t place = wal::kHeaderBytes + drawn % (end - wal::kHeaderBytes);
  std::string damaged = content;
  damaged[place] = static_cast<char>(damaged[place] ^ (1 + input.byte() % 255));
  disk.set_content(segment.path(), damaged);
  const auto found = wal::recover(disk, kDirectory, kSmallWindow);
  if (found) {
    require(found->sequence == segment.id().sequence && found->offset <= place,
            "a changed byte counts");
    require(place >= counted.durable, "what was durable is gone, and nobody says so");
  }
  disk.set_content(segment.path(), content);
}

/// Nothing of it changes, and whoever is to mend it is told where.
void check_refused(MemoryDisk& disk, const Error& reason) {
  require(reason == Errc::corrupt_data, "another error: ", reason.message());
  const bool is_missing = reason.message().find("missing") != std::string::npos;
  require(reason.message().starts_with(kDirectory) &&
              (is_missing || reason.message().find(" at offset ") != std::string::npos),
          "nobody knows where: ",
          reason.message());
  std::map<std::string, std::string> before;
  for (const std::string& path : disk.files())
    before.emplace(path, disk.content(path));
  const auto opened = open(disk);
  require(!opened, "opens although it is damaged: ", reason.message());
  require(opened.error().message() == reason.message(), "is refused for another reason");
  for (const auto& [path, content] : before)
    require(disk.exists(path) && disk.content(path) == content, path, " was changed");
}

void check(MemoryDisk& disk, Input& input) {
  for (const std::string& path : disk.files())
    check_rest(disk, path);
  const auto found = wal::recover(disk, kDirectory, kSmallWindow);
  const auto at_once = wal::recover(disk, kDirectory, kLargeWindow);
  require(found.has_value() == at_once.has_value(), "the window decides whether it is damaged");
  if (!found) {
    require(found.error().message() == at_once.error().message(), "the window decides how");
    check_refused(disk, found.error());
    return;
  }
  std::vector<GroupId> groups;
  for (const auto& [id, group] : found->groups) {
    require(storage::is_consistent(group.log), "a log that cannot be");
    groups.push_back(id);
    require(storage::is_same(group.log, at_once->groups.at(id).log), "the window decides what");
  }

  for (const auto& [sequence, segment] : found->segments)
    check_damaged(disk, *segment, input);

  auto log = must_open(disk);
  Contents contents = contents_of(*log, groups);
  for (const auto& [id, group] : found->groups)
    require(storage::is_same(group.log, contents.at(id).log), "it opens as another log");
  log.reset();

  // The second does not fit into most segments.
  const bool is_last = found->sequence == wal::kLastSequence;
  for (const std::string& payload : {std::string("more"), std::string(kLargeEntryBytes, 'm')}) {
    log = must_open(disk);
    require_same(contents_of(*log, groups), contents);
    write_on(*log, contents, payload, is_last);
    log.reset();
  }

  log = must_open(disk);
  require_same(contents_of(*log, groups), contents);
}

/// Everything that is wrong is left out.
class Example {
 public:
  explicit Example(std::uint64_t pieces = 0) : padding_(pieces) { begin_segment(); }

  Example& frame(Part part, const Recipe& payload = {}) {
    recipe_.byte(static_cast<std::uint8_t>(part)).rest(std::string(payload));
    recipe_.right().right().right();
    return *this;
  }
  /// Behind the log's end.
  Example& look_alikes(std::uint64_t count, std::uint64_t further) {
    recipe_.byte(static_cast<std::uint8_t>(Part::look_alikes)).number(count).number(further);
    return *this;
  }
  Example& next_segment() {
    end_segment();
    begin_segment();
    return *this;
  }
  std::string done() {
    end_segment();
    return recipe_;
  }

 private:
  void begin_segment() { recipe_.byte(0).right().right(); }
  void end_segment() {
    recipe_.byte(static_cast<std::uint8_t>(Part::end)).text("").number(padding_).right().number(0);
  }

  Recipe recipe_;
  std::uint64_t padding_;
};

/// One change: entries, as many as texts.
Recipe entries(const std::vector<std::string>& texts) {
  Recipe recipe;
  recipe.number(0).number(0).byte(static_cast<std::uint8_t>(8 * texts.size()));
  for (const std::string& text : texts) {
    if (&text == &texts.front()) recipe.right();
    recipe.right().text(text);
  }
  return recipe;
}

}  // namespace

std::vector<std::string> examples() {
  constexpr std::uint8_t kCompacts = 0x80;
  constexpr std::uint64_t kFullSegment = kUsualSegmentBytes - 700;
  constexpr std::uint64_t kWholeSegment = 127;  // sectors, and the header
  constexpr std::uint64_t kSealFits = kMostSectors + wal::kFrameBytes;
  const Recipe vote = Recipe().number(0).number(0).byte(1).number(3).number(2).number(0);
  const Recipe compaction = Recipe().number(0).number(0).byte(kCompacts).right().right().right();
  const Recipe install = Recipe().number(0).number(1).byte(2).other(9).other(4);
  const Recipe overwrite =
      Recipe().number(0).number(0).byte(4 + 8).right().right().right().text("instead");

  std::vector<std::string> found;
  found.push_back(Example().done());
  found.push_back(Example(kWholeSegment)
                      .frame(Part::checkpoint)
                      .frame(Part::changes, vote)
                      .frame(Part::changes, entries({"one", "two"}))
                      .frame(Part::changes, overwrite)
                      .frame(Part::mark, Recipe().text("12345678").number(0))
                      .done());
  found.push_back(Example(kWholeSegment)
                      .frame(Part::checkpoint)
                      .frame(Part::changes, entries({"one", "two", "three"}))
                      .frame(Part::changes, install)
                      .frame(Part::seal, Recipe().text(""))
                      .next_segment()
                      .frame(Part::checkpoint)
                      .frame(Part::changes, compaction)
                      .frame(Part::changes, entries({"four"}))
                      .done());
  found.push_back(Example()
                      .frame(Part::checkpoint)
                      .frame(Part::changes, entries({"one"}))
                      .frame(Part::mark, Recipe().text("").number(kFullSegment))
                      .frame(Part::seal, Recipe().text(""))
                      .next_segment()
                      .done());
  found.push_back(
      Example(kSealFits).frame(Part::checkpoint).frame(Part::changes, entries({"one"})).done());
  found.push_back(Example()
                      .frame(Part::checkpoint)
                      .frame(Part::changes, entries({"one"}))
                      .look_alikes(10, 300)
                      .frame(Part::nested, Recipe().right().other(0).text("inner"))
                      .done());
  return found;
}

}  // namespace raftkit::fuzz

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace raftkit::fuzz;
  Input input(data, size);
  MemoryDisk disk;
  static_cast<void>(disk.create_directories(kDirectory));
  Writer writer(input, disk);
  for (std::size_t at = 0; at < kMostSegments && !input.is_empty(); ++at)
    writer.write_segment();
  check(disk, input);
  return 0;
}
