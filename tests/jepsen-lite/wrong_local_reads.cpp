// A server that is wrong on purpose: it answers linearizable reads from whatever it has applied.
// The test must notice.
#include "server/server.hpp"

namespace {

class LocalReads final : public kvstore::Replica {
 public:
  explicit LocalReads(raftkit::Node& node) : honest_(node) {}

  void propose(raftkit::Bytes command, ProposeDone done) override {
    honest_.propose(std::move(command), std::move(done));
  }
  void read_index(ReadDone done) override { done({}); }
  [[nodiscard]] raftkit::NodeStatus status() const override { return honest_.status(); }

 private:
  kvstore::NodeReplica honest_;
};

}  // namespace

int main(int argc, char** argv) {
  return kvstore::server_main(
      argc, argv, [](raftkit::Node& node) { return std::make_unique<LocalReads>(node); });
}
