#include "raftkit/state_machine.hpp"

namespace raftkit {

Result<Index> StateMachine::applied_index() {
  return Index{0};
}

void StateMachine::async_sync(std::function<void(Result<Index>)> done) {
  done(Errc::not_supported);
}

Result<std::unique_ptr<SnapshotSource>> StateMachine::capture(const SnapshotMeta&) {
  return Errc::not_supported;
}

Result<std::unique_ptr<SnapshotSink>> StateMachine::restore(const SnapshotMeta&) {
  return Errc::not_supported;
}

}  // namespace raftkit
