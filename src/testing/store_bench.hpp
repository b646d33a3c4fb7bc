// What the suites for logs and for snapshot stores stand on.
#pragma once

#include <cstdlib>
#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <type_traits>
#include <utility>

#include "raftkit/log_storage.hpp"

#include "testing/check.hpp"
#include "testing/faulty_disk.hpp"
#include "testing/memory_disk.hpp"
#include "testing/suite.hpp"

namespace raftkit::testing {

/// Fails the case with what was expected.
#define RAFTKIT_EXPECT(...) \
  ::raftkit::testing::require((__VA_ARGS__) ? true : false, "expected: " #__VA_ARGS__)

/// By path.
using Files = std::map<std::string, std::string>;

/// One store, in a directory of its own that goes away with this.
template <class Store, class Subject, class Options>
class StoreBench {
 public:
  StoreBench(const Subject& subject, const Options& options)
      : subject_(subject),
        options_(options),
        disk_(subject.uses_disk ? static_cast<storage::Disk*>(&faulty_) : &storage::posix_disk()),
        parent_(subject.uses_disk ? "/member" : make_directory()) {}
  StoreBench(const StoreBench&) = delete;
  StoreBench& operator=(const StoreBench&) = delete;
  ~StoreBench() {  // takes the directory away
    close();
    std::error_code ignored;
    if (!subject_.uses_disk) std::filesystem::remove_all(parent_, ignored);
  }

  [[nodiscard]] const Subject& subject() const { return subject_; }
  [[nodiscard]] const Options& options() const { return options_; }
  [[nodiscard]] std::string directory() const { return parent_ + "/store"; }

  /// Closes the store and opens it again.
  [[nodiscard]] Result<void> try_open() {
    close();
    auto store = subject_.open(*disk_, directory());
    if (!store) return std::move(store).error();
    require(*store != nullptr, "open gives neither a store nor an error");
    store_ = *std::move(store);
    if constexpr (std::is_same_v<Store, LogStorage>) {
      // First of all, as a node does.
      if (auto loaded = store_->load({}); !loaded) return std::move(loaded).error();
    }
    return {};
  }
  void open() {
    const auto opened = try_open();
    require(opened.has_value(),
            "it cannot be opened: ",
            opened ? std::string() : opened.error().message());
  }
  void close() { store_.reset(); }
  [[nodiscard]] Store& store() { return *store_; }

  // Only if the subject uses the disk it is given.

  [[nodiscard]] FaultyDisk& faulty() { return faulty_; }
  [[nodiscard]] MemoryDisk& memory() { return memory_; }
  /// Nothing reaches the disk from now on, and what was not synced is lost as `survivors` says.
  void lose_power(std::uint64_t seed, Survivors survivors) {
    faulty_.set({.operation = DiskOperation::change, .lasts = true});
    close();
    memory_.lose_power(seed, survivors);
    faulty_.heal();
  }
  /// A new store on an empty disk.
  void start_anew() {
    faulty_.heal();
    close();
    memory_.lose_power(0, Survivors::none);  // with faults that did not happen
    memory_.restore({});
    open();
  }
  /// Closes the store; what it leaves.
  [[nodiscard]] Files files() {
    close();
    Files files;
    for (const std::string& path : memory_.files())
      files[path] = memory_.content(path);
    return files;
  }
  /// Closes the store; these are what there is.
  void put_files(const Files& files) {
    close();
    memory_.restore({});
    RAFTKIT_EXPECT(memory_.create_directories(directory()));
    for (const auto& [path, content] : files) {
      RAFTKIT_EXPECT(memory_.open_writable(path, storage::Disk::Open::create_new));
      memory_.set_content(path, content);
    }
  }

  /// What the case reports if it passes.
  void count(std::string what) { counted_ = std::move(what); }
  [[nodiscard]] const std::string& counted() const { return counted_; }

 private:
  static std::string make_directory() {
    std::string path = (std::filesystem::temp_directory_path() / "raftkit-store-XXXXXX").string();
    require(::mkdtemp(path.data()) != nullptr, "cannot make the directory ", path);
    return path;
  }

  const Subject& subject_;
  const Options& options_;
  MemoryDisk memory_;
  FaultyDisk faulty_{memory_};
  storage::Disk* disk_;
  std::string parent_;
  std::unique_ptr<Store> store_;
  std::string counted_;
};

/// All cases run alike: see suite.hpp.
template <class Bench, class Subject, class Options>
[[nodiscard]] auto on_a_bench(const Subject& subject, const Options& options) {
  return [&](const CaseDefinition<Bench>& definition) {
    Bench bench(subject, options);
    definition.run(bench);
    return bench.counted();
  };
}

/// Those of `contract`, and if it is on a disk that can fail, of `crash` and `damage`.
template <class Bench, class Subject>
[[nodiscard]] CaseDefinitions<Bench> cases_for(const Subject& subject,
                                               CaseDefinitions<Bench> contract,
                                               const CaseDefinitions<Bench>& crash,
                                               const CaseDefinitions<Bench>& damage) {
  const auto add = [&](const CaseDefinitions<Bench>& more) {
    contract.insert(contract.end(), more.begin(), more.end());
  };
  const bool survives_on_disk = subject.is_durable && subject.uses_disk;
  if (survives_on_disk) add(crash);
  if (survives_on_disk && subject.notices_damage) add(damage);
  return contract;
}

}  // namespace raftkit::testing
