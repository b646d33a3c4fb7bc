#include "mvcc/database.hpp"

#include <algorithm>
#include <string>

#include <leveldb/cache.h>
#include <leveldb/filter_policy.h>

#include "raftkit/storage.hpp"

namespace kvstore::mvcc {

using raftkit::Errc;
using raftkit::Error;
using raftkit::Result;

namespace {

constexpr int kFilterBitsPerKey = 10;

}  // namespace

Result<std::shared_ptr<Database>> Database::open(raftkit::storage::Disk& disk,
                                                 const std::string& directory,
                                                 const DatabaseOptions& options) {
  std::shared_ptr<Database> database(new Database);
  database->directory_ = directory;
  database->env_ = raftkit::storage::make_leveldb_env(disk);
  database->filter_.reset(leveldb::NewBloomFilterPolicy(kFilterBitsPerKey));
  database->cache_.reset(leveldb::NewLRUCache(options.cache_bytes));

  leveldb::Options settings;
  settings.create_if_missing = true;
  settings.paranoid_checks = true;  // damage is an error, never a silent gap
  settings.filter_policy = database->filter_.get();
  settings.block_cache = database->cache_.get();
  settings.write_buffer_size = options.write_buffer_bytes;
  settings.env = database->env_.get();
  leveldb::DB* opened = nullptr;
  const leveldb::Status status = leveldb::DB::Open(settings, directory, &opened);
  if (!status.ok()) return database->error(status);
  database->db_.reset(opened);
  return database;
}

Database::~Database() {
  db_.reset();
  if (then_) then_();
}

Result<std::optional<std::string>> Database::get(std::string_view key,
                                                 const leveldb::Snapshot* snapshot) {
  leveldb::ReadOptions options;
  options.snapshot = snapshot;
  std::string value;
  const leveldb::Status status = db_->Get(options, slice(key), &value);
  if (status.IsNotFound()) return std::optional<std::string>();
  if (!status.ok()) return error(status);
  return std::optional<std::string>(std::move(value));
}

Result<void> Database::write(leveldb::WriteBatch& batch, Durability durability) {
  leveldb::WriteOptions options;
  options.sync = durability == Durability::power_loss;
  const leveldb::Status status = db_->Write(options, &batch);
  batch.Clear();
  if (!status.ok()) return error(status);
  return {};
}

std::uint64_t Database::used_bytes() {
  const leveldb::Range everything("", "\xff");
  std::uint64_t bytes = 0;
  db_->GetApproximateSizes(&everything, 1, &bytes);
  // With the block cache, which has its own way to say how much of this it is.
  std::string text;
  if (!db_->GetProperty("leveldb.approximate-memory-usage", &text)) return bytes;
  const std::uint64_t memory = std::stoull(text);
  return bytes + memory - std::min<std::uint64_t>(memory, cache_->TotalCharge());
}

Error Database::error(const leveldb::Status& status) const {
  const Errc code = status.IsCorruption() ? Errc::corrupt_data : Errc::io_error;
  return {code, "store in " + directory_ + ": " + status.ToString()};
}

Error Database::corruption(std::string_view what) const {
  return {Errc::corrupt_data, "store in " + directory_ + ": " + std::string(what)};
}

}  // namespace kvstore::mvcc
