// etcdserverpb.Cluster and etcdserverpb.Maintenance: who the members are and how this one is.
#pragma once

#include "proto/rpc.grpc.pb.h"
#include "rpc/service_context.hpp"

namespace kvstore {

/// Thread-safe.
class ClusterService final : public etcdserverpb::Cluster::CallbackService {
 public:
  explicit ClusterService(const ServiceContext& context) : context_(context) {}

  grpc::ServerUnaryReactor* MemberList(grpc::CallbackServerContext* call,
                                       const etcdserverpb::MemberListRequest* request,
                                       etcdserverpb::MemberListResponse* response) override;

 private:
  const ServiceContext& context_;
};

/// Thread-safe.
class MaintenanceService final : public etcdserverpb::Maintenance::CallbackService {
 public:
  explicit MaintenanceService(const ServiceContext& context) : context_(context) {}

  grpc::ServerUnaryReactor* Status(grpc::CallbackServerContext* call,
                                   const etcdserverpb::StatusRequest* request,
                                   etcdserverpb::StatusResponse* response) override;

 private:
  const ServiceContext& context_;
};

}  // namespace kvstore
