// A server that is wrong on purpose: it acknowledges a put before anybody else holds it. The test
// must notice.
#include "proto/kvstore.pb.h"
#include "server/server.hpp"
#include "state_machine/result.hpp"

namespace {

class EarlyAcknowledgement final : public kvstore::Replica {
 public:
  explicit EarlyAcknowledgement(raftkit::Node& node) : honest_(node) {}

  void propose(raftkit::Bytes command, ProposeDone done) override {
    kvstore::Command decoded;
    const bool is_put = decoded.ParseFromArray(command.data(), static_cast<int>(command.size())) &&
                        decoded.has_put();
    if (!is_put) return honest_.propose(std::move(command), std::move(done));
    honest_.propose(std::move(command), [](raftkit::error_code, const raftkit::ProposeResult&) {});
    done({}, {raftkit::Index{0}, kvstore::encode_response(etcdserverpb::PutResponse())});
  }
  void read_index(ReadDone done) override { honest_.read_index(std::move(done)); }
  [[nodiscard]] raftkit::NodeStatus status() const override { return honest_.status(); }

 private:
  kvstore::NodeReplica honest_;
};

}  // namespace

int main(int argc, char** argv) {
  return kvstore::server_main(
      argc, argv, [](raftkit::Node& node) { return std::make_unique<EarlyAcknowledgement>(node); });
}
