// What lies on a simulated disk, and what time and bad firmware make of it.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>

#include "core/random.hpp"
#include "testing/file_content.hpp"

namespace raftkit::testing {

inline constexpr std::uint64_t kSectorBytes = 512;

/// All that is durable, while nothing waits for a sync.
struct DiskImage {
  struct File {
    FileContent content;
    /// Of each sector, what it held before the last sync that changed it.
    std::map<std::uint64_t, std::string> former;
    /// The sectors that the last sync changed, and those of writes that a power loss came before.
    std::set<std::uint64_t> newest;
    std::set<std::uint64_t> unreadable;
    bool is_damaged = false;

    [[nodiscard]] std::string sector(std::uint64_t number) const;
    void put_sector(std::uint64_t number, std::string bytes);
  };
  std::map<std::string, File> files;  // by path
};

enum class DiskDamage : std::uint8_t {
  flipped,      ///< one to three bits of a sector
  lost,         ///< the last synced write to a sector never reached it
  misdirected,  ///< a sector holds what another one holds
  truncated,    ///< the file ends too early, or a sector holds zeros
  unreadable,   ///< reading a sector is an error
};
inline constexpr std::uint32_t kDiskDamages = 5;

enum class DamageScope : std::uint8_t {
  /// What the stores promise to notice: not the end of LevelDB's logs and manifests and of a
  /// write-ahead log's segments, which a power loss may tear, too: storage/framed_stream.hpp,
  /// docs/storage-format.md.
  noticeable,
  anywhere,
};

/// Damages one sector. Returns its file; none: nothing there can be damaged in this way.
[[nodiscard]] std::optional<std::string> damage(DiskImage& image,
                                                DiskDamage kind,
                                                DamageScope scope,
                                                core::Random& random);

}  // namespace raftkit::testing
