// What the logs that come with raftkit cost beside what the disk can do.
//
// usage: storage-bench [--directory DIRECTORY] [--seconds T] [--rounds R] [--entries N]
//   --directory  where to measure, on a real disk (default: the directory for temporary files)
//   --seconds    of each measurement in each round (default: 1)
//   --rounds     how often each is made, all in turn; the median counts (default: 3)
//   --entries    of the logs that are opened again (default: 1000000)
//
// Prints the tables of docs/performance.md. A writer has one entry under way: with W writers a
// group of W batches, each of one entry, is made durable together, as by a node whose disk was busy
// meanwhile. What is timed is the calls into the store, the compactions that keep the log at 64 MiB
// among them. "new" is a log from its first entry on, the others have had some compactions. "raw"
// is what nobody can undercut: the same payloads written with one write and one fdatasync per group
// over a file that was written before. "stream" is the payloads of one writer written one after the
// other, 1 MiB at a time, with one fdatasync per 64 MiB.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <functional>
#include <iostream>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "raftkit/storage.hpp"

#include "support/batches.hpp"
#include "support/temporary_directory.hpp"

namespace {

using namespace raftkit;

constexpr std::uint64_t kMiB = std::uint64_t{1} << 20;
constexpr std::uint64_t kKeptBytes = 64 * kMiB;
constexpr std::string_view kFileSystemsInMemory[] = {"tmpfs", "ramfs"};

struct Settings {
  std::string directory;
  double seconds = 1;
  std::size_t rounds = 3;
  std::uint64_t entries = 1000000;
};

[[noreturn]] void fail(const std::string& what) {
  std::cerr << "storage-bench: " << what << "\n";
  std::exit(1);
}

template <class T>
T check(Result<T> result) {
  if (!result) fail(result.error().message());
  if constexpr (!std::is_void_v<T>) return *std::move(result);
}

double now() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

double at(std::vector<double> values, double part) {
  const auto place = static_cast<std::size_t>(part * static_cast<double>(values.size() - 1));
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(place);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

double median(std::vector<double> values) {
  return at(std::move(values), 0.5);
}

// --- what is measured

/// Takes groups of `writers` payloads; the timed part only.
class Subject {
 public:
  virtual ~Subject() = default;
  /// Makes the next group ready, untimed.
  virtual void prepare() = 0;
  virtual void write() = 0;
};

/// Over and over through a file that was written before.
class RawFile final : public Subject {
 public:
  RawFile(storage::Disk& disk, const std::string& directory, std::size_t group_bytes)
      : size_(std::max<std::uint64_t>(kKeptBytes, 4 * group_bytes)),
        group_(group_bytes, std::byte{'p'}),
        file_(check(disk.open_writable(directory + "/raw", storage::Disk::Open::truncate))) {
    const std::vector<std::byte> zeros(kMiB);
    for (std::uint64_t offset = 0; offset < size_; offset += zeros.size())
      check(file_->write_at(offset, zeros));
    check(file_->sync());
  }

  void prepare() override {
    if (at_ + group_.size() > size_) at_ = 0;
  }
  void write() override {
    check(file_->write_at(at_, group_));
    check(file_->sync());
    at_ += group_.size();
  }

 private:
  std::uint64_t size_;
  std::uint64_t at_ = 0;
  std::vector<std::byte> group_;
  std::unique_ptr<storage::WritableFile> file_;
};

/// A group is 1 MiB here.
class Stream final : public Subject {
 public:
  Stream(storage::Disk& disk, const std::string& directory)
      : chunk_(kMiB, std::byte{'p'}),
        file_(check(disk.open_writable(directory + "/stream", storage::Disk::Open::truncate))) {}

  void prepare() override {
    if (written_ % kKeptBytes == 0) check(file_->truncate(0));
  }
  void write() override {
    check(file_->append(chunk_));
    written_ += chunk_.size();
    if (written_ % kKeptBytes == 0) check(file_->sync());
  }

 private:
  std::vector<std::byte> chunk_;
  std::unique_ptr<storage::WritableFile> file_;
  std::uint64_t written_ = 0;
};

class Log final : public Subject {
 public:
  Log(std::unique_ptr<LogStorage> log, std::size_t writers, std::size_t bytes)
      : log_(std::move(log)),
        writers_(writers),
        payload_(Bytes::copy_of(std::string(bytes, 'p'))),
        kept_(std::max<std::uint64_t>(writers, kKeptBytes / bytes)) {}

  /// As after a while.
  void grow_old() {
    const Bytes payload = Bytes::copy_of(std::string(kMiB, 'p'));
    for (int round = 0; round < 4; ++round) {
      for (std::uint64_t i = 0; i < 2 * kKeptBytes / kMiB; ++i) {
        ++last_;
        check(test::write(*log_, batch(payload)));
      }
      compact(last_);
    }
  }

  void prepare() override {
    group_.clear();
    for (std::size_t i = 0; i < writers_; ++i) {
      ++last_;
      group_.push_back(batch(payload_));
    }
  }
  void write() override {
    check(log_->write(group_));
    if (last_ - compacted_ >= 2 * kept_) compact(last_ - kept_);
  }

 private:
  /// Of the last entry.
  [[nodiscard]] PersistBatch batch(const Bytes& payload) const {
    PersistBatch batch = test::Batch().commit(1, last_ - 1);
    batch.append.push_back({{Term{1}, Index{last_}}, EntryType::normal, payload});
    return batch;
  }
  void compact(std::uint64_t to) {
    compacted_ = to;
    check(log_->compact({}, test::snapshot(1, to), Index{to + 1}));
  }

  std::unique_ptr<LogStorage> log_;
  std::size_t writers_;
  Bytes payload_;
  std::uint64_t kept_;
  std::vector<PersistBatch> group_;
  std::uint64_t last_ = 0;
  std::uint64_t compacted_ = 0;
};

enum class Store { wal, leveldb };

std::unique_ptr<LogStorage> open_log(storage::Disk& disk,
                                     const std::string& directory,
                                     Store store,
                                     bool sync = true) {
  return store == Store::wal ? check(storage::open_wal_log_storage(
                                   disk, {.directory = directory + "/log", .sync = sync}))
                             : check(storage::open_leveldb_log_storage(
                                   disk, {.directory = directory + "/log", .sync = sync}));
}

// --- writing

/// Of one round, or the medians of all.
struct Figures {
  double median_us = 0;
  double p99_us = 0;
  double groups_per_second = 0;
  double written_per_payload = 0;
  double syncs_per_group = 0;
};

Figures measure(Subject& subject,
                const storage::DiskCounters& counters,
                double seconds,
                std::size_t group_bytes) {
  std::vector<double> took;
  double total = 0;
  const std::uint64_t bytes_before = counters.written_bytes;
  const std::uint64_t syncs_before = counters.file_syncs;
  for (const double begin = now(); now() - begin < seconds || took.size() < 3;) {
    subject.prepare();
    const double started = now();
    subject.write();
    took.push_back(now() - started);
    total += took.back();
  }
  const auto groups = static_cast<double>(took.size());
  return {.median_us = median(took) * 1e6,
          .p99_us = at(took, 0.99) * 1e6,
          .groups_per_second = groups / total,
          .written_per_payload = static_cast<double>(counters.written_bytes - bytes_before) /
                                 (groups * static_cast<double>(group_bytes)),
          .syncs_per_group = static_cast<double>(counters.file_syncs - syncs_before) / groups};
}

Figures medians(const std::vector<Figures>& rounds) {
  const auto of = [&](double Figures::*member) {
    std::vector<double> values;
    for (const Figures& figures : rounds)
      values.push_back(figures.*member);
    return median(std::move(values));
  };
  return {of(&Figures::median_us),
          of(&Figures::p99_us),
          of(&Figures::groups_per_second),
          of(&Figures::written_per_payload),
          of(&Figures::syncs_per_group)};
}

/// Each in its own directory, which is empty and goes away with it.
using MakeSubject =
    std::function<std::unique_ptr<Subject>(storage::Disk& disk, const std::string& directory)>;

std::map<std::string, Figures> compare(const Settings& settings,
                                       std::size_t group_bytes,
                                       const std::map<std::string, MakeSubject>& subjects) {
  std::map<std::string, std::vector<Figures>> rounds;
  for (std::size_t round = 0; round < settings.rounds; ++round) {
    for (const auto& [name, make] : subjects) {
      const test::TemporaryDirectory directory;
      storage::DiskCounters counters;
      const auto disk = storage::make_counting_disk(storage::posix_disk(), counters);
      const auto subject = make(*disk, directory.path());
      rounds[name].push_back(measure(*subject, counters, settings.seconds, group_bytes));
    }
  }
  std::map<std::string, Figures> result;
  for (const auto& [name, figures] : rounds)
    result[name] = medians(figures);
  return result;
}

std::map<std::string, MakeSubject> stores(std::size_t writers, std::size_t bytes) {
  const auto log = [=](Store store, bool is_new) {
    return [=](storage::Disk& disk, const std::string& directory) -> std::unique_ptr<Subject> {
      auto subject = std::make_unique<Log>(open_log(disk, directory, store), writers, bytes);
      if (!is_new) subject->grow_old();
      return subject;
    };
  };
  return {{"raw",
           [=](storage::Disk& disk, const std::string& directory) -> std::unique_ptr<Subject> {
             return std::make_unique<RawFile>(disk, directory, writers * bytes);
           }},
          {"write-ahead log", log(Store::wal, false)},
          {"write-ahead log, new", log(Store::wal, true)},
          {"LevelDB", log(Store::leveldb, false)}};
}

void print_writing(const Settings& settings) {
  const auto stream =
      compare(settings, kMiB, {{"stream", [](storage::Disk& disk, const std::string& directory) {
                                  return std::unique_ptr<Subject>(
                                      std::make_unique<Stream>(disk, directory));
                                }}});
  std::printf("A plain stream: %.0f MiB/s\n\n", stream.at("stream").groups_per_second);
  std::printf(
      "| writers | bytes | store | group: median us | p99 us | to raw | entries/s | MiB/s "
      "| written per byte | fdatasyncs per group |\n|---|---|---|---|---|---|---|---|---|---|\n");
  for (const std::size_t writers : {1U, 16U, 256U}) {
    for (const std::size_t bytes : {256U, 4096U, 65536U}) {
      const auto figures = compare(settings, writers * bytes, stores(writers, bytes));
      for (const std::string_view name :
           {"raw", "write-ahead log", "write-ahead log, new", "LevelDB"}) {
        const Figures& row = figures.at(std::string(name));
        const double entries = row.groups_per_second * static_cast<double>(writers);
        std::printf("| %zu | %zu | %s | %.0f | %.0f | %.2f | %.0f | %.1f | %.2f | %.2f |\n",
                    writers,
                    bytes,
                    std::string(name).c_str(),
                    row.median_us,
                    row.p99_us,
                    row.median_us / figures.at("raw").median_us,
                    entries,
                    entries * static_cast<double>(bytes) / static_cast<double>(kMiB),
                    row.written_per_payload,
                    row.syncs_per_group);
      }
      std::fflush(stdout);
    }
  }
}

// --- opening again

/// The most memory this process ever had since forget_peak_memory().
double peak_memory_mib() {
  std::ifstream status("/proc/self/status");
  for (std::string word; status >> word;) {
    double kib = 0;
    if (word == "VmHWM:" && status >> kib) return kib / 1024;
  }
  return 0;
}

void forget_peak_memory() {
  std::ofstream("/proc/self/clear_refs") << 5;
}

void print_opening(const Settings& settings) {
  std::printf(
      "\n%llu entries of 256 bytes, opened again (files in the system's cache):\n\n"
      "| store | seconds | MiB/s | most memory meanwhile, MiB |\n|---|---|---|---|\n",
      static_cast<unsigned long long>(settings.entries));
  constexpr std::size_t kBytes = 256;
  constexpr std::size_t kGroup = 256;
  for (const Store store : {Store::wal, Store::leveldb}) {
    const test::TemporaryDirectory directory;
    storage::Disk& disk = storage::posix_disk();
    {
      auto log = open_log(disk, directory.path(), store, false);
      const Bytes payload = Bytes::copy_of(std::string(kBytes, 'p'));
      for (std::uint64_t index = 0; index < settings.entries;) {
        PersistBatch batch = test::Batch().commit(1, index);
        for (std::size_t i = 0; i < kGroup && index < settings.entries; ++i)
          batch.append.push_back({{Term{1}, Index{++index}}, EntryType::normal, payload});
        check(test::write(*log, batch));
      }
    }
    std::vector<double> took;
    double memory = 0;
    for (std::size_t round = 0; round < settings.rounds; ++round) {
      forget_peak_memory();
      const double before = peak_memory_mib();
      const double begin = now();
      auto log = open_log(disk, directory.path(), store);
      const auto loaded = check(log->load({}));
      took.push_back(now() - begin);
      memory = std::max(memory, peak_memory_mib() - before);
      if (!loaded || loaded->last.value != settings.entries) fail("a log came back shorter");
    }
    const double seconds = median(took);
    std::printf(
        "| %s | %.2f | %.0f | %.1f |\n",
        store == Store::wal ? "write-ahead log" : "LevelDB",
        seconds,
        static_cast<double>(settings.entries * kBytes) / seconds / static_cast<double>(kMiB),
        memory);
    std::fflush(stdout);
  }
}

// --- the command line

bool is_on_a_disk(const std::string& directory) {
  // The mount point with the longest name that holds it.
  std::ifstream mounts("/proc/self/mounts");
  std::string best;
  std::string best_type;
  std::string device;
  std::string rest;
  for (std::string point, type; mounts >> device >> point >> type && std::getline(mounts, rest);) {
    const bool holds = directory == point || point == "/" || directory.starts_with(point + "/");
    if (!holds || point.size() < best.size()) continue;
    best = point;
    best_type = type;
  }
  return std::find(std::begin(kFileSystemsInMemory), std::end(kFileSystemsInMemory), best_type) ==
         std::end(kFileSystemsInMemory);
}

Settings parse(const std::vector<std::string>& arguments) {
  Settings settings;
  bool valid = arguments.size() % 2 == 0;
  for (std::size_t i = 0; valid && i < arguments.size(); i += 2) {
    const std::string& value = arguments[i + 1];
    if (arguments[i] == "--directory") {
      settings.directory = value;
    } else if (arguments[i] == "--seconds") {
      settings.seconds = std::strtod(value.c_str(), nullptr);
    } else if (arguments[i] == "--rounds") {
      settings.rounds = std::strtoull(value.c_str(), nullptr, 10);
    } else if (arguments[i] == "--entries") {
      settings.entries = std::strtoull(value.c_str(), nullptr, 10);
    } else {
      valid = false;
    }
  }
  if (valid && settings.seconds > 0 && settings.rounds > 0 && settings.entries > 0) return settings;
  std::cerr << "usage: storage-bench [--directory DIRECTORY] [--seconds T] [--rounds R] "
               "[--entries N]\n";
  std::exit(2);
}

}  // namespace

int main(int argc, char** argv) {
  const Settings settings = parse({argv + 1, argv + argc});
  if (!settings.directory.empty()) ::setenv("TMPDIR", settings.directory.c_str(), 1);
  const std::string directory = std::filesystem::temp_directory_path().string();
  if (!std::filesystem::is_directory(directory)) fail("there is no directory " + directory);
  if (!is_on_a_disk(std::filesystem::canonical(directory).string()))
    fail(directory + " is in memory; name a directory on a disk with --directory");
  print_writing(settings);
  print_opening(settings);
  return 0;
}
