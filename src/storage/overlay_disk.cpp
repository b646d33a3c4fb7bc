#include "storage/overlay_disk.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>

#include "storage/path.hpp"

namespace raftkit::storage {

namespace {

Error not_found(const std::string& path) {
  return {Errc::not_found, "there is no " + path};
}

class NoLock final : public FileLock {};

}  // namespace

/// The bytes of a file: those below, and the pages that differ from them. Thread-safe.
class OverlayDisk::Content {
 public:
  Content() = default;
  explicit Content(std::shared_ptr<const ReadableFile> below)
      : below_(std::move(below)), size_(below_->size()), below_bytes_(size_) {}

  [[nodiscard]] std::uint64_t size() const {
    const std::lock_guard lock(mutex_);
    return size_;
  }

  [[nodiscard]] Result<std::size_t> read_at(std::uint64_t offset,
                                            std::span<std::byte> buffer) const {
    const std::lock_guard lock(mutex_);
    if (offset >= size_) return std::size_t{0};
    buffer = buffer.first(std::min<std::uint64_t>(buffer.size(), size_ - offset));
    for (std::size_t done = 0; done < buffer.size();) {
      const std::uint64_t at = offset + done;
      const auto part = buffer.subspan(done).first(
          std::min<std::size_t>(buffer.size() - done, kPageBytes - at % kPageBytes));
      const auto page = pages_.find(at / kPageBytes);
      if (page != pages_.end()) {
        std::memcpy(part.data(), page->second->data() + at % kPageBytes, part.size());
      } else if (auto read = read_below(at, part); !read) {
        return std::move(read).error();
      }
      done += part.size();
    }
    return buffer.size();
  }

  [[nodiscard]] Result<void> write_at(std::uint64_t offset, std::span<const std::byte> bytes) {
    const std::lock_guard lock(mutex_);
    return write(offset, bytes);
  }
  [[nodiscard]] Result<void> append(std::span<const std::byte> bytes) {
    const std::lock_guard lock(mutex_);
    return write(size_, bytes);
  }
  void grow(std::uint64_t size) {
    const std::lock_guard lock(mutex_);
    size_ = std::max(size_, size);
  }
  [[nodiscard]] Result<void> truncate(std::uint64_t size) {
    const std::lock_guard lock(mutex_);
    if (size < size_) {
      pages_.erase(pages_.lower_bound((size + kPageBytes - 1) / kPageBytes), pages_.end());
      below_bytes_ = std::min(below_bytes_, size);
      const auto last = pages_.find(size / kPageBytes);
      if (last != pages_.end()) {
        const auto kept = static_cast<std::ptrdiff_t>(size % kPageBytes);
        std::fill(last->second->begin() + kept, last->second->end(), std::byte{});
      }
    }
    size_ = size;
    return {};
  }

 private:
  static constexpr std::size_t kPageBytes = 4096;
  using Page = std::array<std::byte, kPageBytes>;

  /// Zeros where nothing is.
  Result<void> read_below(std::uint64_t offset, std::span<std::byte> buffer) const {
    std::size_t count = 0;
    if (offset < below_bytes_) {
      const auto wanted =
          buffer.first(std::min<std::uint64_t>(buffer.size(), below_bytes_ - offset));
      const auto read = below_->read_at(offset, wanted);
      if (!read) return read.error();
      count = *read;
    }
    std::fill(buffer.begin() + static_cast<std::ptrdiff_t>(count), buffer.end(), std::byte{});
    return {};
  }

  Result<void> write(std::uint64_t offset, std::span<const std::byte> bytes) {
    while (!bytes.empty()) {
      const std::uint64_t number = offset / kPageBytes;
      auto& page = pages_[number];
      if (page == nullptr) {
        page = std::make_unique<Page>();
        if (auto read = read_below(number * kPageBytes, *page); !read) {
          pages_.erase(number);
          return read;
        }
      }
      const std::size_t within = offset % kPageBytes;
      const auto part = bytes.first(std::min(bytes.size(), kPageBytes - within));
      std::memcpy(page->data() + within, part.data(), part.size());
      offset += part.size();
      bytes = bytes.subspan(part.size());
      size_ = std::max(size_, offset);
    }
    return {};
  }

  std::shared_ptr<const ReadableFile> below_;
  mutable std::mutex mutex_;  // guards everything below
  std::uint64_t size_ = 0;
  std::uint64_t below_bytes_ = 0;  // so much of below_ counts
  std::map<std::uint64_t, std::unique_ptr<Page>> pages_;
};

class OverlayDisk::Writer final : public WritableFile {
 public:
  explicit Writer(ContentPtr content) : content_(std::move(content)) {}

  Result<void> append(std::span<const std::byte> bytes) override { return content_->append(bytes); }
  Result<void> write_at(std::uint64_t offset, std::span<const std::byte> bytes) override {
    return content_->write_at(offset, bytes);
  }
  Result<void> preallocate(std::uint64_t size) override {
    content_->grow(size);
    return {};
  }
  Result<void> truncate(std::uint64_t size) override { return content_->truncate(size); }
  Result<void> sync() override { return {}; }
  [[nodiscard]] std::uint64_t size() const override { return content_->size(); }

 private:
  ContentPtr content_;
};

class OverlayDisk::Reader final : public ReadableFile {
 public:
  explicit Reader(ContentPtr content) : content_(std::move(content)) {}

  Result<std::size_t> read_at(std::uint64_t offset, std::span<std::byte> buffer) const override {
    return content_->read_at(offset, buffer);
  }
  [[nodiscard]] std::uint64_t size() const override { return content_->size(); }

 private:
  ContentPtr content_;
};

Result<OverlayDisk::ContentPtr> OverlayDisk::find(const std::string& path) {
  const auto known = files_.find(path);
  if (known != files_.end()) {
    if (known->second == nullptr) return not_found(path);
    return known->second;
  }
  if (removed_.contains(parent_directory(path))) return not_found(path);
  auto below = below_.open_readable(path);
  if (!below) return std::move(below).error();
  auto content = std::make_shared<Content>(*std::move(below));
  files_[path] = content;  // so that all who opened it see what is written
  return content;
}

bool OverlayDisk::is_there(const std::string& path) const {
  const auto known = files_.find(path);
  if (known != files_.end()) return known->second != nullptr;
  return made_.contains(path) || (!removed_.contains(path) && below_.exists(path));
}

Result<std::vector<std::string>> OverlayDisk::names_in(const std::string& directory) const {
  std::set<std::string> names;
  if (!made_.contains(directory)) {
    if (!is_there(directory)) return not_found(directory);
    auto below = below_.list(directory);
    if (!below) return below;
    for (std::string& name : *below) {
      if (is_there(directory + "/" + name)) names.insert(std::move(name));
    }
  }
  for (const auto& [path, content] : files_) {
    if (content != nullptr && parent_directory(path) == directory) names.emplace(file_name(path));
  }
  for (const std::string& made : made_) {
    if (parent_directory(made) == directory) names.emplace(file_name(made));
  }
  return std::vector<std::string>(names.begin(), names.end());
}

Result<std::unique_ptr<WritableFile>> OverlayDisk::open_writable(const std::string& path,
                                                                 Open mode) {
  const std::lock_guard lock(mutex_);
  if (!is_there(parent_directory(path))) return not_found(path);
  auto found = find(path);
  if (!found && !(found.error() == Errc::not_found)) return std::move(found).error();
  if (found && mode == Open::create_new)
    return Error(Errc::already_exists, path + " exists already");
  const bool is_kept = found && mode == Open::append;
  const ContentPtr content = is_kept ? *found : std::make_shared<Content>();
  files_[path] = content;
  return std::make_unique<Writer>(content);
}

Result<std::unique_ptr<ReadableFile>> OverlayDisk::open_readable(const std::string& path) {
  const std::lock_guard lock(mutex_);
  auto found = find(path);
  if (!found) return std::move(found).error();
  return std::make_unique<Reader>(*std::move(found));
}

bool OverlayDisk::exists(const std::string& path) {
  const std::lock_guard lock(mutex_);
  return is_there(path);
}

Result<std::vector<std::string>> OverlayDisk::list(const std::string& directory) {
  const std::lock_guard lock(mutex_);
  return names_in(directory);
}

Result<std::uint64_t> OverlayDisk::file_size(const std::string& path) {
  const std::lock_guard lock(mutex_);
  if (!is_there(path)) return not_found(path);
  const auto known = files_.find(path);
  return known == files_.end() ? below_.file_size(path) : known->second->size();
}

Result<void> OverlayDisk::create_directories(const std::string& path) {
  const std::lock_guard lock(mutex_);
  for (std::string at = path; !is_there(at); at = parent_directory(at))
    made_.insert(at);
  return {};
}

Result<void> OverlayDisk::remove_file(const std::string& path) {
  const std::lock_guard lock(mutex_);
  auto found = find(path);
  if (!found) return std::move(found).error();
  files_[path] = nullptr;
  return {};
}

Result<void> OverlayDisk::remove_tree(const std::string& path) {
  const std::lock_guard lock(mutex_);
  std::vector<std::string> left{path};
  while (!left.empty()) {
    const std::string next = std::move(left.back());
    left.pop_back();
    if (const auto names = names_in(next)) {
      for (const std::string& name : *names)
        left.push_back(next + "/" + name);
      if (made_.erase(next) == 0) removed_.insert(next);
    } else if (is_there(next)) {
      files_[next] = nullptr;
    }
  }
  return {};
}

Result<void> OverlayDisk::rename(const std::string& from, const std::string& to) {
  const std::lock_guard lock(mutex_);
  auto found = find(from);
  if (!found) return std::move(found).error();
  files_[from] = nullptr;
  files_[to] = *std::move(found);
  return {};
}

Result<void> OverlayDisk::sync_directory(const std::string& path) {
  const std::lock_guard lock(mutex_);
  if (!is_there(path)) return not_found(path);
  return {};
}

Result<std::unique_ptr<FileLock>> OverlayDisk::lock(const std::string& path) {
  const std::lock_guard lock(mutex_);
  if (!is_there(parent_directory(path))) return not_found(path);
  if (!below_.exists(path)) return std::make_unique<NoLock>();
  return below_.lock(path);
}

Result<std::uint64_t> OverlayDisk::free_bytes(const std::string& /*path*/) {
  return std::uint64_t{1} << 40;
}

}  // namespace raftkit::storage
