#include "mvcc/store.hpp"

#include <algorithm>
#include <span>

#include <boost/asio/post.hpp>

#include "mvcc/records.hpp"

namespace kvstore::mvcc {

using raftkit::Errc;
using raftkit::Error;
using raftkit::Result;
using Durability = Database::Durability;

namespace {

constexpr std::size_t kMaxNameBytes = 64;
constexpr std::size_t kReplacementBatchBytes = std::size_t{1} << 20;
constexpr const char* kCurrentFile = "current";
const std::string kDatabasePrefix = "db-";

/// Where an existing database stands.
Result<View::Position> read_position(Database& database) {
  const auto number = [&](std::string_view key) -> Result<std::uint64_t> {
    const auto stored = database.get(key, nullptr);
    if (!stored) return stored.error();
    const auto decoded = *stored ? decode_number(**stored) : std::nullopt;
    if (!decoded)
      return database.corruption("the record " + std::string(key) + " is missing or damaged");
    return *decoded;
  };
  const auto format = number(kFormatKey);
  if (!format) return format.error();
  if (*format != kFormat) {
    return database.corruption("its format is " + std::to_string(*format) +
                               ", and this version understands only " + std::to_string(kFormat));
  }
  const auto applied = number(kAppliedKey);
  const auto revision = number(kRevisionKey);
  const auto compacted = number(kCompactedKey);
  for (const auto* each : {&applied, &revision, &compacted}) {
    if (!*each) return each->error();
  }
  return View::Position{
      *applied, static_cast<std::int64_t>(*revision), static_cast<std::int64_t>(*compacted)};
}

}  // namespace

Store::Store(StoreOptions options)
    : options_(std::move(options)),
      disk_(options_.disk != nullptr ? *options_.disk : raftkit::storage::posix_disk()) {}

Store::~Store() {
  syncs_.join();
}

Result<std::unique_ptr<Store>> Store::open(const StoreOptions& options) {
  std::unique_ptr<Store> store(new Store(options));
  if (auto made = store->disk_.create_directories(options.directory); !made) return made.error();
  const auto current =
      raftkit::storage::read_file(store->disk_, store->path(kCurrentFile), kMaxNameBytes);
  if (current) {
    store->name_ = *current;
    if (!store->name_.starts_with(kDatabasePrefix) ||
        !store->disk_.exists(store->path(store->name_))) {
      return Error(Errc::corrupt_data,
                   store->path(kCurrentFile) + " names no database that is there");
    }
  } else if (current.error() == Errc::not_found && options.must_exist) {
    return Error(Errc::corrupt_data,
                 options.directory + " holds no store, but this member was in use");
  } else if (current.error() == Errc::not_found) {
    store->is_new_ = true;
    store->name_ = kDatabasePrefix + "1";
  } else {
    return current.error();
  }
  store->remove_leftovers(store->is_new_ ? "" : store->name_);
  if (auto opened = store->open_current(); !opened) return opened.error();
  return store;
}

std::string Store::path(const std::string& name) const {
  return options_.directory + "/" + name;
}

void Store::remove_leftovers(const std::string& current) {
  const auto names = disk_.list(options_.directory);
  if (!names) return;
  for (const std::string& name : *names) {
    // What cannot be removed only takes space.
    if (name.starts_with(kDatabasePrefix) && name != current) (void)disk_.remove_tree(path(name));
  }
}

Result<void> Store::open_current() {
  auto database = Database::open(disk_, path(name_), options_.database);
  if (!database) return std::move(database).error();
  if (is_new_) {
    leveldb::WriteBatch first;
    const View::Position start;
    first.Put(slice(kFormatKey), encode_number(kFormat));
    first.Put(slice(kAppliedKey), encode_number(start.applied));
    first.Put(slice(kRevisionKey), encode_number(static_cast<std::uint64_t>(start.revision)));
    first.Put(slice(kCompactedKey), encode_number(static_cast<std::uint64_t>(start.compacted)));
    if (auto written = (*database)->write(first, Durability::power_loss); !written) return written;
    if (auto named = make_current(name_); !named) return named;
  }
  const auto position = read_position(**database);
  if (!position) return position.error();
  use(*database, *position);
  return {};
}

Result<void> Store::make_current(const std::string& name) {
  return raftkit::storage::write_file_atomically(
      disk_, path(kCurrentFile), std::as_bytes(std::span(name)));
}

void Store::use(std::shared_ptr<Database> database, const View::Position& position) {
  auto compactor = std::make_shared<Compactor>(database);
  if (position.compacted > 0) compactor->start(position.compacted);
  auto view = std::make_shared<const View>(std::move(database), position);
  const std::lock_guard lock(mutex_);
  compactor_.swap(compactor);
  view_.swap(view);
}

std::shared_ptr<const View> Store::view() const {
  const std::lock_guard lock(mutex_);
  return view_;
}

Writer Store::begin() const {
  const auto now = view();
  return {now->database_handle(), now->position()};
}

Result<void> Store::commit(Writer& writer, std::uint64_t applied) {
  const auto before = view();
  if (auto written = writer.commit(applied); !written) return written;
  auto next = std::make_shared<const View>(before->database_handle(), writer.position());
  const std::lock_guard lock(mutex_);
  view_.swap(next);
  if (writer.compacted() > before->compacted()) compactor_->start(writer.compacted());
  return {};
}

void Store::async_sync(std::function<void(Result<std::uint64_t>)> done) {
  boost::asio::post(syncs_, [now = view(), done = std::move(done)] {
    // LevelDB's log is written in order: with this record everything before it is durable.
    leveldb::WriteBatch marker;
    marker.Put(slice(kFormatKey), encode_number(kFormat));
    if (auto written = now->database().write(marker, Durability::power_loss); !written) {
      return done(written.error());
    }
    done(now->position().applied);
  });
}

void Store::async_compacted(std::int64_t revision, Compactor::Done done) {
  std::shared_ptr<Compactor> compactor;
  {
    const std::lock_guard lock(mutex_);
    compactor = compactor_;
  }
  compactor->wait(revision, std::move(done));
}

void Store::stop_waiting() {
  std::shared_ptr<Compactor> compactor;
  {
    const std::lock_guard lock(mutex_);
    compactor = compactor_;
  }
  compactor->stop_waiting();
}

Store::Sizes Store::sizes() const {
  const auto now = view();
  Sizes sizes;
  sizes.in_use_bytes = now->database().used_bytes();
  const std::string& directory = now->database().directory();
  const auto names = disk_.list(directory);
  if (!names) return sizes;
  for (const std::string& name : *names) {
    if (const auto bytes = disk_.file_size(directory + "/" + name)) sizes.file_bytes += *bytes;
  }
  sizes.in_use_bytes = std::min(sizes.in_use_bytes, sizes.file_bytes);
  return sizes;
}

Result<std::unique_ptr<Store::Replacement>> Store::replace() {
  const std::uint64_t number = std::stoull(name_.substr(kDatabasePrefix.size())) + 1;
  const std::string name = kDatabasePrefix + std::to_string(number);
  if (auto removed = disk_.remove_tree(path(name)); !removed) return removed.error();
  auto database = Database::open(disk_, path(name), options_.database);
  if (!database) return std::move(database).error();
  return std::unique_ptr<Replacement>(new Replacement(*this, name, *std::move(database)));
}

Store::Replacement::Replacement(Store& store, std::string name, std::shared_ptr<Database> database)
    : store_(store), name_(std::move(name)), database_(std::move(database)) {}

Store::Replacement::~Replacement() {
  database_.reset();
  if (!is_named_) (void)store_.disk_.remove_tree(store_.path(name_));
}

Result<void> Store::Replacement::add(std::string_view key, std::string_view value) {
  batch_.Put(slice(key), slice(value));
  if (batch_.ApproximateSize() < kReplacementBatchBytes) return {};
  return database_->write(batch_, Durability::process_crash);
}

Result<void> Store::Replacement::commit(std::uint64_t applied) {
  batch_.Put(slice(kAppliedKey), encode_number(applied));
  if (auto written = database_->write(batch_, Durability::power_loss); !written) return written;
  const auto position = read_position(*database_);
  if (!position) return position.error();
  is_named_ = true;
  if (auto switched = store_.make_current(name_); !switched) return switched;

  const auto old = store_.view();
  old->database().on_close([&disk = store_.disk_, directory = old->database().directory()] {
    (void)disk.remove_tree(directory);  // what stays is removed at the next start
  });
  store_.name_ = name_;
  store_.use(std::move(database_), *position);
  return {};
}

}  // namespace kvstore::mvcc
