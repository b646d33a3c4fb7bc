// A log in LevelDB.
#pragma once

#include "log_fixture.hpp"

namespace raftkit::test {

class LevelDbLog : public LogOnDisk<storage::LevelDbLogOptions> {
 public:
  /// Whether it may refuse for want of space, and go on.
  static constexpr bool kGoesOnWithoutSpace = false;

  /// LevelDB's least: many logs and tables.
  LevelDbLog()
      : LogOnDisk(storage::open_leveldb_log_storage,
                  {.directory = "/member/log", .write_buffer_bytes = 64 << 10}) {}
};

}  // namespace raftkit::test
