// A write-ahead log.
#pragma once

#include <cstdint>
#include <memory>

#include "log_fixture.hpp"
#include "storage/wal/log.hpp"
#include "support/log_lines.hpp"

namespace raftkit::test {

class WalLog : public LogOnDisk<storage::WalLogOptions> {
 public:
  /// Whether it may refuse for want of space, and go on.
  static constexpr bool kGoesOnWithoutSpace = true;

  /// The least: many segments.
  WalLog() : LogOnDisk(open, {.directory = "/member/log", .segment_bytes = 64 << 10}) {
    options().reserve_bytes = 0;
    options().log_sink = lines_;
  }

  /// What it logged.
  [[nodiscard]] const Lines& lines() const { return *lines_; }

 private:
  static Result<std::unique_ptr<LogStorage>> open(storage::Disk& disk,
                                                  const storage::WalLogOptions& options) {
    static std::uint64_t drawn = 0;  // no two logs have the same number
    // At once what a thread would do at some time.
    storage::WalInternals internals;
    internals.background = [](const auto& work) { work(); };
    internals.draw = [] { return ++drawn; };
    return storage::open_wal_log(disk, options, std::move(internals));
  }

  std::shared_ptr<Lines> lines_ = std::make_shared<Lines>();
};

}  // namespace raftkit::test
