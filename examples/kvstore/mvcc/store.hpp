// Keys with their history, in a directory.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>

#include <boost/asio/thread_pool.hpp>

#include "raftkit/disk.hpp"
#include "raftkit/result.hpp"

#include "mvcc/compactor.hpp"
#include "mvcc/database.hpp"
#include "mvcc/view.hpp"
#include "mvcc/writer.hpp"

namespace kvstore::mvcc {

struct StoreOptions {
  std::string directory;
  raftkit::storage::Disk* disk = nullptr;  ///< null: the operating system's
  DatabaseOptions database;
  /// A directory without a store is damage, to be left as it is.
  bool must_exist = false;
};

/// The database lives in DIRECTORY/db-N; the file DIRECTORY/current names it, so that another one
/// can take its place atomically.
class Store {
 public:
  struct Sizes {
    std::uint64_t file_bytes = 0;
    std::uint64_t in_use_bytes = 0;  ///< without what a compaction of the files would free
  };

  /// Opens what is there, or makes an empty store. Errors: io_error · out_of_space · corrupt_data.
  [[nodiscard]] static raftkit::Result<std::unique_ptr<Store>> open(const StoreOptions& options);

  Store(const Store&) = delete;
  Store& operator=(const Store&) = delete;
  ~Store();  // waits for what runs in the background

  /// open() found nothing.
  [[nodiscard]] bool is_new() const { return is_new_; }

  /// The newest state that was committed. Threads: any.
  [[nodiscard]] std::shared_ptr<const View> view() const;

  /// Changes on top of the newest state; one at a time.
  [[nodiscard]] Writer begin() const;
  /// Writes them, and shows them to everybody. Errors: io_error · out_of_space; the store is done
  /// then.
  [[nodiscard]] raftkit::Result<void> commit(Writer& writer, std::uint64_t applied);

  /// Makes everything committed so far durable; completes on another thread with the applied index
  /// that is.
  void async_sync(std::function<void(raftkit::Result<std::uint64_t>)> done);
  /// Completes, on any thread, when the history before `revision` is removed. Threads: any.
  void async_compacted(std::int64_t revision, Compactor::Done done);

  /// Whoever waits for async_compacted() is told `stopped`. Threads: any.
  void stop_waiting();

  /// Threads: any. Asks the file system.
  [[nodiscard]] Sizes sizes() const;

  /// A copy of a View::raw(), to take this store's place.
  class Replacement {
   public:
    /// In the order of the keys. Errors: io_error · out_of_space.
    [[nodiscard]] raftkit::Result<void> add(std::string_view key, std::string_view value);
    /// Durable and in place on return. Errors: io_error · out_of_space · corrupt_data (what was
    /// added is no store).
    [[nodiscard]] raftkit::Result<void> commit(std::uint64_t applied);
    ~Replacement();  // removes it unless it was committed

   private:
    friend class Store;
    Replacement(Store& store, std::string name, std::shared_ptr<Database> database);

    Store& store_;
    std::string name_;
    std::shared_ptr<Database> database_;
    leveldb::WriteBatch batch_;
    bool is_named_ = false;  // perhaps: from then on only the next start may remove it
  };
  [[nodiscard]] raftkit::Result<std::unique_ptr<Replacement>> replace();

 private:
  explicit Store(StoreOptions options);
  [[nodiscard]] std::string path(const std::string& name) const;
  [[nodiscard]] raftkit::Result<void> open_current();
  [[nodiscard]] raftkit::Result<void> make_current(const std::string& name);
  void remove_leftovers(const std::string& current);
  void use(std::shared_ptr<Database> database, const View::Position& position);

  StoreOptions options_;
  raftkit::storage::Disk& disk_;
  bool is_new_ = false;
  std::string name_;  // of the directory in use
  std::shared_ptr<Compactor> compactor_;
  mutable std::mutex mutex_;  // guards view_ and compactor_: that both belong to one database
  std::shared_ptr<const View> view_;
  boost::asio::thread_pool syncs_{1};
};

}  // namespace kvstore::mvcc
