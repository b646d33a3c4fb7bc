// The stores that the common cases are run over.
#include "raftkit/storage.hpp"

#include "support/log_storage_cases.hpp"

namespace raftkit::test {

namespace {

class MemoryHome final : public LogStorageHome {
 public:
  LogStorage& reopen() override {
    log_ = storage::make_memory_log_storage();
    return *log_;
  }

 private:
  std::unique_ptr<LogStorage> log_;
};

}  // namespace

std::vector<LogStorageKind> log_storage_kinds() {
  return {
      {"memory", false, [] { return std::make_unique<MemoryHome>(); }},
  };
}

}  // namespace raftkit::test
