#include "storage/leveldb_env.hpp"

#include "raftkit/storage.hpp"

#include "storage/encoding.hpp"
#include "storage/path.hpp"

namespace raftkit::storage {

namespace {

class DatabaseLock final : public leveldb::FileLock {
 public:
  explicit DatabaseLock(std::unique_ptr<storage::FileLock> lock) : lock_(std::move(lock)) {}

 private:
  std::unique_ptr<storage::FileLock> lock_;
};

/// Hands what was opened to LevelDB, which takes raw pointers.
template <class Opened, class File>
leveldb::Status hand_out(Opened opened, File** result) {
  *result = opened ? opened->release() : nullptr;
  return opened ? leveldb::Status::OK() : to_status(opened.error());
}

/// LevelDB's log for people. It is no part of the data, and nobody reads it here.
bool is_info_log(const std::string& path) {
  return file_name(path) == "LOG";
}

/// Holds the name of the newest log, which LevelDB itself would not miss.
constexpr std::string_view kNewestLog = "/CURRENT-LOG";

Result<void> check_current(Disk& disk, const std::string& directory) {
  if (disk.exists(directory + "/CURRENT")) return {};
  const auto names = disk.list(directory);
  if (!names) return names.error();
  for (const std::string& name : *names) {
    // These are only made under a CURRENT that is durable.
    if (name.ends_with(".log") || name.ends_with(".ldb") || name.ends_with(".sst"))
      return Error(Errc::corrupt_data, directory + " has lost its file CURRENT");
  }
  return {};
}

Result<void> check_newest_log(Disk& disk, const std::string& directory) {
  constexpr std::size_t kLongestName = 255;
  const auto name = read_file(disk, directory + std::string(kNewestLog), kLongestName);
  if (!name && name.error() == Errc::not_found) return {};
  if (!name) return name.error();
  if (disk.exists(directory + "/" + *name)) return {};
  return Error(Errc::corrupt_data, directory + " has lost its newest log " + *name);
}

}  // namespace

leveldb::Status LevelDbEnv::NewSequentialFile(const std::string& path,
                                              leveldb::SequentialFile** result) {
  return hand_out(open_sequential(shared_.disk(), path), result);
}

leveldb::Status LevelDbEnv::NewRandomAccessFile(const std::string& path,
                                                leveldb::RandomAccessFile** result) {
  return hand_out(open_random_access(shared_.disk(), path), result);
}

leveldb::Status LevelDbEnv::NewWritableFile(const std::string& path,
                                            leveldb::WritableFile** result) {
  *result = nullptr;
  return shared_.change([&]() -> Result<void> {
    auto file = create(path);
    if (!file) return std::move(file).error();
    *result = file->release();
    return {};
  });
}

Result<std::unique_ptr<LevelDbFile>> LevelDbEnv::create(const std::string& path) {
  const bool is_log = role_of(path) == LevelDbRole::log;
  if (is_log) {
    if (auto sealed = shared_.seal_logs(parent_directory(path)); !sealed)
      return std::move(sealed).error();
  }
  auto file = shared_.disk().open_writable(path, Disk::Open::truncate);
  if (!file) return std::move(file).error();
  if (is_log) {
    const std::string newest = parent_directory(path) + std::string(kNewestLog);
    auto named = write_file_atomically(shared_.disk(), newest, bytes_of(file_name(path)));
    if (!named) return std::move(named).error();  // else the log's own name is durable, too
  }
  return std::make_unique<LevelDbFile>(shared_, path, *std::move(file));
}

bool LevelDbEnv::FileExists(const std::string& path) {
  return shared_.disk().exists(path);
}

leveldb::Status LevelDbEnv::GetChildren(const std::string& directory,
                                        std::vector<std::string>* result) {
  auto names = shared_.disk().list(directory);
  if (!names) return to_status(names.error());
  *result = *std::move(names);
  return leveldb::Status::OK();
}

leveldb::Status LevelDbEnv::RemoveFile(const std::string& path) {
  if (const auto failure = shared_.failure()) return to_status(*failure);
  // Failing leaves garbage, which LevelDB removes when it opens the database again.
  const auto removed = shared_.disk().remove_file(path);
  return removed ? leveldb::Status::OK() : to_status(removed.error());
}

leveldb::Status LevelDbEnv::CreateDir(const std::string& directory) {
  const auto created = shared_.disk().create_directories(directory);
  return created ? leveldb::Status::OK() : to_status(created.error());
}

leveldb::Status LevelDbEnv::RemoveDir(const std::string& directory) {
  const auto removed = shared_.disk().remove_tree(directory);
  return removed ? leveldb::Status::OK() : to_status(removed.error());
}

leveldb::Status LevelDbEnv::GetFileSize(const std::string& path, std::uint64_t* size) {
  const auto found = shared_.disk().file_size(path);
  *size = found ? *found : 0;
  return found ? leveldb::Status::OK() : to_status(found.error());
}

leveldb::Status LevelDbEnv::RenameFile(const std::string& from, const std::string& to) {
  if (is_info_log(from)) return leveldb::Status::OK();
  return shared_.change([&]() -> Result<void> {
    if (auto renamed = shared_.disk().rename(from, to); !renamed) return renamed;
    return shared_.disk().sync_directory(parent_directory(to));
  });
}

leveldb::Status LevelDbEnv::LockFile(const std::string& path, leveldb::FileLock** lock) {
  *lock = nullptr;
  return shared_.change([&]() -> Result<void> {
    // The first thing that LevelDB does when it opens a database.
    auto locked = shared_.disk().lock(path);
    if (!locked) return std::move(locked).error();
    const std::string directory = parent_directory(path);
    if (auto complete = check_current(shared_.disk(), directory); !complete) return complete;
    if (auto complete = check_newest_log(shared_.disk(), directory); !complete) return complete;
    *lock = std::make_unique<DatabaseLock>(*std::move(locked)).release();
    return {};
  });
}

leveldb::Status LevelDbEnv::UnlockFile(leveldb::FileLock* lock) {
  const std::unique_ptr<leveldb::FileLock> owned(lock);
  return leveldb::Status::OK();
}

void LevelDbEnv::Schedule(void (*function)(void* argument), void* argument) {
  const auto work = [=] { function(argument); };
  if (background_) return background_(work);
  worker_.post(work);
}

void LevelDbEnv::StartThread(void (*function)(void* argument), void* argument) {
  leveldb::Env::Default()->StartThread(function, argument);
}

leveldb::Status LevelDbEnv::GetTestDirectory(std::string* /*path*/) {
  return leveldb::Status::NotSupported("no test directory");
}

leveldb::Status LevelDbEnv::NewLogger(const std::string& /*path*/, leveldb::Logger** result) {
  *result = nullptr;  // as LevelDB takes it: no log
  return leveldb::Status::NotSupported("no log for people");
}

std::uint64_t LevelDbEnv::NowMicros() {
  return leveldb::Env::Default()->NowMicros();
}

void LevelDbEnv::SleepForMicroseconds(int micros) {
  leveldb::Env::Default()->SleepForMicroseconds(micros);
}

std::unique_ptr<leveldb::Env> make_leveldb_env(Disk& disk) {
  return std::make_unique<LevelDbEnv>(disk);
}

}  // namespace raftkit::storage
