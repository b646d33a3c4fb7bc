#include "testing/memory_disk.hpp"

#include <algorithm>
#include <optional>
#include <utility>

#include "storage/path.hpp"

namespace raftkit::testing {

namespace {

using storage::file_name;
using storage::parent_directory;

Error missing(const std::string& path) {
  return {Errc::not_found, path + ": no such file"};
}
Error broken(const std::string& path) {
  return {Errc::io_error, path + ": the disk does not write any more"};
}
Error power_lost(const std::string& path) {
  return {Errc::io_error, path + ": the power was lost"};
}

/// Which of `count` waiting changes a power loss keeps.
std::vector<bool> draw(std::size_t count, Survivors survivors, std::mt19937_64& random) {
  const auto part = static_cast<std::ptrdiff_t>(random() % (count + 1));
  std::vector<bool> kept(count, survivors == Survivors::all);
  if (survivors == Survivors::oldest) std::fill_n(kept.begin(), part, true);
  if (survivors == Survivors::newest) std::fill_n(kept.rbegin(), part, true);
  if (survivors == Survivors::any) {
    for (std::size_t at = 0; at < count; ++at)
      kept[at] = random() % 2 == 0;
  }
  return kept;
}

}  // namespace

struct MemoryDisk::Inode {
  /// One sector written, or, without bytes, the file cut or extended to `offset`.
  struct Change {
    std::uint64_t offset = 0;
    std::optional<std::string> bytes;

    void apply(FileContent& content) const {
      if (bytes) {
        content.put(offset, *bytes);
      } else {
        content.resize(offset);
      }
    }
  };

  DiskImage::File durable;
  FileContent current;
  std::vector<Change> waiting;

  void write(std::uint64_t offset, std::string_view bytes) {
    current.put(offset, bytes);
    while (!bytes.empty()) {
      const auto step = std::min<std::uint64_t>(kSectorBytes - offset % kSectorBytes, bytes.size());
      waiting.push_back({offset, std::string(bytes.substr(0, step))});
      bytes.remove_prefix(step);
      offset += step;
    }
  }
  void resize(std::uint64_t size) {
    current.resize(size);
    waiting.push_back({size, std::nullopt});
  }
  void sync() {
    const auto writes = [](const Change& change) { return change.bytes.has_value(); };
    if (std::any_of(waiting.begin(), waiting.end(), writes)) durable.newest.clear();
    for (const Change& change : waiting)
      make_durable(change);
    waiting.clear();
  }
  void make_durable(const Change& change) {
    const std::uint64_t sector = change.offset / kSectorBytes;
    if (change.bytes && durable.newest.insert(sector).second)
      durable.former[sector] = durable.sector(sector);
    change.apply(durable.content);
  }
  void lose_power(Survivors survivors, std::mt19937_64& random) {
    const auto kept = draw(waiting.size(), survivors, random);
    for (std::size_t at = 0; at < waiting.size(); ++at) {
      if (kept[at]) make_durable(waiting[at]);
    }
    // Where nothing was to change, what was lost is there all the same.
    for (const Change& change : waiting) {
      if (change.bytes) durable.newest.insert(change.offset / kSectorBytes);
    }
    FileContent& content = durable.content;
    // The size may have become durable without the bytes: then the file ends in zeros or garbage.
    if (survivors == Survivors::any && content.size() < current.size() && random() % 2 == 0) {
      if (random() % 2 == 0) make_durable({content.size(), "garbage"});
      content.resize(current.size());
    }
    waiting.clear();
    current = content;
  }
};

struct MemoryDisk::Directory {
  /// `name` now means `target`, or nothing; for a rename, `from` means nothing any more.
  struct Change {
    std::string name;
    InodePtr target;
    std::string from;

    void apply(std::map<std::string, InodePtr>& names) const {
      if (!from.empty()) names.erase(from);
      if (target != nullptr) {
        names[name] = target;
      } else {
        names.erase(name);
      }
    }
  };

  std::map<std::string, InodePtr> durable;
  std::map<std::string, InodePtr> current;
  std::vector<Change> waiting;

  void change(Change change) {
    change.apply(current);
    waiting.push_back(std::move(change));
  }
  void sync(std::size_t count) {
    for (std::size_t at = 0; at < count; ++at)
      waiting[at].apply(durable);
    waiting.clear();
    current = durable;
  }
};

class MemoryDisk::Writer final : public storage::WritableFile {
 public:
  Writer(MemoryDisk& disk, std::string path, InodePtr inode)
      : disk_(disk), path_(std::move(path)), inode_(std::move(inode)), boot_(disk.boots_) {}

  Result<void> append(std::span<const std::byte> bytes) override { return write_at(size(), bytes); }

  Result<void> write_at(std::uint64_t offset, std::span<const std::byte> bytes) override {
    return change(offset + bytes.size(), [&] {
      inode_->write(offset, {reinterpret_cast<const char*>(bytes.data()), bytes.size()});
    });
  }
  Result<void> preallocate(std::uint64_t size) override {
    return change(size, [&] {
      if (size > inode_->current.size()) inode_->resize(size);
    });
  }
  Result<void> truncate(std::uint64_t size) override {
    return change(0, [&] { inode_->resize(size); });
  }
  Result<void> sync() override {
    bool is_lost = false;
    auto synced = change(0, [&] {
      is_lost = disk_.loses_sync();
      is_lost ? inode_->waiting.clear() : inode_->sync();
    });
    if (is_lost) return Error(Errc::io_error, path_ + ": what was written is lost");
    return synced;
  }
  [[nodiscard]] std::uint64_t size() const override {
    const std::lock_guard lock(disk_.mutex_);
    return inode_->current.size();
  }

 private:
  template <class Change>
  Result<void> change(std::uint64_t end, const Change& apply) {
    const std::lock_guard lock(disk_.mutex_);
    if (boot_ != disk_.boots_) return power_lost(path_);
    if (!disk_.can_change()) return broken(path_);
    if (end > inode_->current.size() &&
        disk_.used_bytes() + end - inode_->current.size() > disk_.capacity_)
      return Error(Errc::out_of_space, path_ + ": the disk is full");
    apply();
    return {};
  }

  MemoryDisk& disk_;
  std::string path_;
  InodePtr inode_;
  std::uint64_t boot_;
};

class MemoryDisk::Reader final : public storage::ReadableFile {
 public:
  Reader(MemoryDisk& disk, std::string path, InodePtr inode)
      : disk_(disk),
        path_(std::move(path)),
        inode_(std::move(inode)),
        boot_(disk.boots_),
        size_(inode_->current.size()) {}

  [[nodiscard]] Result<std::size_t> read_at(std::uint64_t offset,
                                            std::span<std::byte> buffer) const override {
    const std::lock_guard lock(disk_.mutex_);
    if (boot_ != disk_.boots_) return power_lost(path_);
    const auto bad = inode_->durable.unreadable.lower_bound(offset / kSectorBytes);
    if (bad != inode_->durable.unreadable.end() && *bad * kSectorBytes < offset + buffer.size())
      return Error(Errc::io_error, path_ + ": sector " + std::to_string(*bad) + " is unreadable");
    return inode_->current.read(offset, buffer);
  }
  [[nodiscard]] std::uint64_t size() const override { return size_; }

 private:
  MemoryDisk& disk_;
  std::string path_;
  InodePtr inode_;
  std::uint64_t boot_;
  std::uint64_t size_;
};

class MemoryDisk::Lock final : public storage::FileLock {
 public:
  Lock(MemoryDisk& disk, std::string path)
      : disk_(disk), path_(std::move(path)), boot_(disk.boots_) {}
  Lock(const Lock&) = delete;
  Lock& operator=(const Lock&) = delete;
  ~Lock() override {  // gives the name back
    const std::lock_guard lock(disk_.mutex_);
    if (boot_ == disk_.boots_) disk_.locked_.erase(path_);
  }

 private:
  MemoryDisk& disk_;
  std::string path_;
  std::uint64_t boot_;
};

MemoryDisk::MemoryDisk() {
  directories_[""];
  directories_["."];
}
MemoryDisk::~MemoryDisk() = default;  // where the private classes are complete

void MemoryDisk::lose_power(std::uint64_t seed, Survivors survivors) {
  const std::lock_guard lock(mutex_);
  std::mt19937_64 random(seed);
  ++boots_;
  changes_left_.reset();
  syncs_left_.reset();
  locked_.clear();
  for (auto& [path, directory] : directories_) {
    const auto changes = directory.waiting.size();
    const auto kept = survivors == Survivors::all    ? changes
                      : survivors == Survivors::none ? 0
                                                     : random() % (changes + 1);
    directory.sync(kept);
    for (auto& [name, inode] : directory.current)
      inode->lose_power(survivors, random);
  }
}

void MemoryDisk::fail_after(std::uint64_t changes) {
  const std::lock_guard lock(mutex_);
  changes_left_ = changes;
}

void MemoryDisk::fail_sync_after(std::uint64_t syncs) {
  const std::lock_guard lock(mutex_);
  syncs_left_ = syncs;
}

bool MemoryDisk::loses_sync() {
  if (!syncs_left_) return false;
  if (*syncs_left_ > 0) {
    --*syncs_left_;
    return false;
  }
  syncs_left_.reset();
  return true;
}

bool MemoryDisk::can_change() {
  if (!changes_left_) return true;
  if (*changes_left_ == 0) return false;
  --*changes_left_;
  return true;
}

void MemoryDisk::set_capacity(std::uint64_t bytes) {
  const std::lock_guard lock(mutex_);
  capacity_ = bytes;
}

std::vector<std::string> MemoryDisk::files() const {
  const std::lock_guard lock(mutex_);
  std::vector<std::string> paths;
  for (const auto& [path, directory] : directories_) {
    for (const auto& [name, inode] : directory.current)
      paths.push_back(path + "/" + name);
  }
  return paths;
}

std::string MemoryDisk::content(const std::string& path) const {
  const std::lock_guard lock(mutex_);
  const InodePtr inode = find(path);
  return inode == nullptr ? std::string() : inode->current.text();
}

void MemoryDisk::set_content(const std::string& path, const std::string& bytes) {
  const std::lock_guard lock(mutex_);
  const InodePtr inode = find(path);
  if (inode == nullptr) return;
  inode->durable.content.set(bytes);
  inode->current.set(bytes);
  inode->waiting.clear();
}

DiskImage MemoryDisk::image() const {
  const std::lock_guard lock(mutex_);
  DiskImage image;
  for (const auto& [path, directory] : directories_) {
    for (const auto& [name, inode] : directory.durable)
      image.files[path + "/" + name] = inode->durable;
  }
  return image;
}

void MemoryDisk::restore(const DiskImage& image) {
  const std::lock_guard lock(mutex_);
  ++boots_;
  locked_.clear();
  for (auto& [path, directory] : directories_)
    directory = Directory();
  for (const auto& [path, file] : image.files) {
    const auto inode = std::make_shared<Inode>();
    inode->durable = file;
    inode->current = file.content;
    Directory& directory = directories_[parent_directory(path)];
    directory.current[std::string(file_name(path))] = inode;
    directory.durable = directory.current;
  }
}

bool MemoryDisk::is_damaged() const {
  const std::lock_guard lock(mutex_);
  const auto has_damage = [](const auto& named) { return named.second->durable.is_damaged; };
  return std::any_of(directories_.begin(), directories_.end(), [&](const auto& each) {
    const Directory& directory = each.second;
    return std::any_of(directory.durable.begin(), directory.durable.end(), has_damage) ||
           std::any_of(directory.current.begin(), directory.current.end(), has_damage);
  });
}

Result<std::unique_ptr<storage::WritableFile>> MemoryDisk::open_writable(const std::string& path,
                                                                         Open mode) {
  const std::lock_guard lock(mutex_);
  const auto directory = directories_.find(parent_directory(path));
  if (directory == directories_.end()) return missing(path);
  InodePtr inode = find(path);
  if (inode != nullptr && mode == Open::create_new)
    return Error(Errc::already_exists, path + ": exists");
  if ((inode == nullptr || mode == Open::truncate) && !can_change()) return broken(path);
  if (inode == nullptr) {
    inode = std::make_shared<Inode>();
    directory->second.change({std::string(file_name(path)), inode, ""});
  } else if (mode == Open::truncate) {
    inode->resize(0);
  }
  return std::make_unique<Writer>(*this, path, inode);
}

Result<std::unique_ptr<storage::ReadableFile>> MemoryDisk::open_readable(const std::string& path) {
  const std::lock_guard lock(mutex_);
  InodePtr inode = find(path);
  if (inode == nullptr) return missing(path);
  return std::make_unique<Reader>(*this, path, std::move(inode));
}

bool MemoryDisk::exists(const std::string& path) {
  const std::lock_guard lock(mutex_);
  return directories_.contains(path) || find(path) != nullptr;
}

Result<std::vector<std::string>> MemoryDisk::list(const std::string& directory) {
  const std::lock_guard lock(mutex_);
  const auto found = directories_.find(directory);
  if (found == directories_.end()) return missing(directory);
  std::set<std::string> names;
  for (const auto& [name, inode] : found->second.current)
    names.insert(name);
  for (const auto& [path, other] : directories_) {
    if (path != directory && parent_directory(path) == directory) names.emplace(file_name(path));
  }
  return std::vector<std::string>(names.begin(), names.end());
}

Result<std::uint64_t> MemoryDisk::file_size(const std::string& path) {
  const std::lock_guard lock(mutex_);
  const InodePtr inode = find(path);
  if (inode == nullptr) return missing(path);
  return inode->current.size();
}

Result<void> MemoryDisk::create_directories(const std::string& path) {
  const std::lock_guard lock(mutex_);
  for (std::string at = path; !directories_.contains(at); at = parent_directory(at))
    directories_[at];
  return {};
}

Result<void> MemoryDisk::remove_file(const std::string& path) {
  const std::lock_guard lock(mutex_);
  if (find(path) == nullptr) return missing(path);
  if (!can_change()) return broken(path);
  directories_[parent_directory(path)].change({std::string(file_name(path)), nullptr, ""});
  return {};
}

Result<void> MemoryDisk::remove_tree(const std::string& path) {
  const std::lock_guard lock(mutex_);
  if (!can_change()) return broken(path);
  if (find(path) != nullptr)
    directories_[parent_directory(path)].change({std::string(file_name(path)), nullptr, ""});
  std::erase_if(directories_, [&](const auto& directory) {
    return directory.first == path || directory.first.starts_with(path + "/");
  });
  return {};
}

Result<void> MemoryDisk::rename(const std::string& from, const std::string& to) {
  const std::lock_guard lock(mutex_);
  InodePtr inode = find(from);
  if (inode == nullptr) return missing(from);
  if (parent_directory(from) != parent_directory(to))
    return Error(Errc::not_supported, from + ": renames stay within a directory");
  if (!can_change()) return broken(from);
  directories_[parent_directory(to)].change(
      {std::string(file_name(to)), std::move(inode), std::string(file_name(from))});
  return {};
}

Result<void> MemoryDisk::sync_directory(const std::string& path) {
  const std::lock_guard lock(mutex_);
  const auto directory = directories_.find(path);
  if (directory == directories_.end()) return missing(path);
  if (!can_change()) return broken(path);
  directory->second.sync(directory->second.waiting.size());
  return {};
}

Result<std::unique_ptr<storage::FileLock>> MemoryDisk::lock(const std::string& path) {
  const std::lock_guard lock(mutex_);
  if (!directories_.contains(parent_directory(path))) return missing(path);
  if (!locked_.insert(path).second) return Error(Errc::already_locked, path + ": is locked");
  return std::make_unique<Lock>(*this, path);
}

Result<std::uint64_t> MemoryDisk::free_bytes(const std::string& /*path*/) {
  const std::lock_guard lock(mutex_);
  const auto used = used_bytes();
  return used < capacity_ ? capacity_ - used : 0;
}

MemoryDisk::InodePtr MemoryDisk::find(const std::string& path) const {
  const auto directory = directories_.find(parent_directory(path));
  if (directory == directories_.end()) return nullptr;
  const auto& names = directory->second.current;
  const auto found = names.find(std::string(file_name(path)));
  return found == names.end() ? nullptr : found->second;
}

std::uint64_t MemoryDisk::used_bytes() const {
  std::uint64_t used = 0;
  for (const auto& [path, directory] : directories_) {
    for (const auto& [name, inode] : directory.current)
      used += inode->current.size();
  }
  return used;
}

}  // namespace raftkit::testing
