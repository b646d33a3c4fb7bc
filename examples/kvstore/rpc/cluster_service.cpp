#include "rpc/cluster_service.hpp"

#include <sstream>

#include "raftkit/tcp_transport.hpp"

namespace kvstore {

using grpc::ServerUnaryReactor;

ServerUnaryReactor* ClusterService::MemberList(grpc::CallbackServerContext* call,
                                               const etcdserverpb::MemberListRequest*,
                                               etcdserverpb::MemberListResponse* response) {
  const raftkit::NodeStatus status = context_.replica.status();
  context_.complete(*response->mutable_header(), status);
  for (const raftkit::Member& known : status.membership->members) {
    etcdserverpb::Member& member = *response->add_members();
    member.set_id(known.id.value);
    member.set_name(known.name);
    for (const std::string& url : known.peer_urls)
      member.add_peerurls(url);
    const auto urls = known.attributes.find(std::string(raftkit::kClientUrlsAttribute));
    if (urls == known.attributes.end()) continue;
    std::istringstream list(urls->second);
    for (std::string url; std::getline(list, url, ',');)
      member.add_clienturls(url);
  }
  ServerUnaryReactor* reactor = call->DefaultReactor();
  reactor->Finish(grpc::Status::OK);
  return reactor;
}

ServerUnaryReactor* MaintenanceService::Status(grpc::CallbackServerContext* call,
                                               const etcdserverpb::StatusRequest*,
                                               etcdserverpb::StatusResponse* response) {
  const raftkit::NodeStatus status = context_.replica.status();
  context_.complete(*response->mutable_header(), status);
  response->mutable_header()->set_revision(context_.state_machine.view()->revision());
  response->set_version(context_.version);
  const auto sizes = context_.state_machine.sizes();
  response->set_dbsize(static_cast<std::int64_t>(sizes.file_bytes));
  response->set_dbsizeinuse(static_cast<std::int64_t>(sizes.in_use_bytes));
  response->set_leader(status.leader ? status.leader->value : 0);
  response->set_raftindex(status.commit.value);
  response->set_raftterm(status.term.value);
  response->set_raftappliedindex(status.applied.value);
  if (!status.leader) response->add_errors("etcdserver: no leader");
  ServerUnaryReactor* reactor = call->DefaultReactor();
  reactor->Finish(grpc::Status::OK);
  return reactor;
}

}  // namespace kvstore
