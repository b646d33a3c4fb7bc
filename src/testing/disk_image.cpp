#include "testing/disk_image.hpp"

#include <algorithm>
#include <span>
#include <vector>

#include "storage/leveldb_file.hpp"
#include "storage/path.hpp"
#include "storage/wal/segment.hpp"
#include "testing/sim_clock.hpp"

namespace raftkit::testing {

namespace {

/// Sectors that may be damaged, by file: large files must not get all of it.
std::map<std::string, std::vector<std::uint64_t>> choices(const DiskImage& image,
                                                          DiskDamage kind,
                                                          DamageScope scope) {
  std::map<std::string, std::vector<std::uint64_t>> found;
  for (const auto& [path, file] : image.files) {
    // Where these end they alone say.
    const bool is_stream = storage::is_framed(storage::role_of(path));
    const bool is_segment = storage::wal::sequence_of(storage::file_name(path)).has_value();
    const bool may_be_torn = scope == DamageScope::noticeable && (is_stream || is_segment);
    // A segment is as long as it ever was, and zeros amid it are no end.
    if (may_be_torn && is_stream && kind == DiskDamage::truncated) continue;
    const auto sectors = (file.content.written_bytes() + kSectorBytes - 1) / kSectorBytes;
    for (std::uint64_t sector = 0; sector < sectors; ++sector) {
      if (may_be_torn && file.newest.contains(sector)) continue;
      if (kind == DiskDamage::lost && !file.former.contains(sector)) continue;
      found[path].push_back(sector);
    }
  }
  return found;
}

std::string flipped(std::string bytes, core::Random& random) {
  for (std::uint32_t left = 1 + random.below(3); left > 0; --left) {
    const std::uint32_t bit = random.below(static_cast<std::uint32_t>(bytes.size()) * 8);
    bytes[bit / 8] = static_cast<char>(bytes[bit / 8] ^ (1 << (bit % 8)));
  }
  return bytes;
}

/// Any sector of the disk.
std::string other_sector(const DiskImage& image, core::Random& random) {
  const auto donors = choices(image, DiskDamage::misdirected, DamageScope::anywhere);
  const auto donor =
      std::next(donors.begin(), random.below(static_cast<std::uint32_t>(donors.size())));
  return image.files.at(donor->first).sector(any_of(random, donor->second));
}

}  // namespace

std::string DiskImage::File::sector(std::uint64_t number) const {
  std::string bytes(kSectorBytes, '\0');
  bytes.resize(content.read(number * kSectorBytes, std::as_writable_bytes(std::span(bytes))));
  return bytes;
}

void DiskImage::File::put_sector(std::uint64_t number, std::string bytes) {
  bytes.resize(sector(number).size(), '\0');  // the file's size is kept elsewhere
  content.put(number * kSectorBytes, bytes);
}

std::optional<std::string> damage(DiskImage& image,
                                  DiskDamage kind,
                                  DamageScope scope,
                                  core::Random& random) {
  const auto all = choices(image, kind, scope);
  if (all.empty()) return std::nullopt;
  const auto chosen = std::next(all.begin(), random.below(static_cast<std::uint32_t>(all.size())));
  const std::uint64_t sector = any_of(random, chosen->second);
  DiskImage::File& file = image.files.at(chosen->first);
  const std::string before = file.sector(sector);
  switch (kind) {
    case DiskDamage::flipped:
      file.put_sector(sector, flipped(before, random));
      break;
    case DiskDamage::lost:
      file.put_sector(sector, file.former.at(sector));
      break;
    case DiskDamage::misdirected:
      file.put_sector(sector, other_sector(image, random));
      break;
    case DiskDamage::truncated:
      if (random.below(2) == 0) {
        file.put_sector(sector, {});
      } else {
        file.content.resize(sector * kSectorBytes +
                            random.below(static_cast<std::uint32_t>(before.size())));
      }
      break;
    case DiskDamage::unreadable:
      file.unreadable.insert(sector);
      break;
  }
  if (kind != DiskDamage::unreadable && file.sector(sector) == before) return std::nullopt;
  file.is_damaged = true;
  return chosen->first;
}

}  // namespace raftkit::testing
