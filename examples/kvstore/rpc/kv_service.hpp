// etcdserverpb.KV: reading and writing keys.
#pragma once

#include "proto/rpc.grpc.pb.h"
#include "rpc/service_context.hpp"

namespace kvstore {

/// Writes go through the log. Reads wait until this member has caught up with everything committed,
/// unless they are serializable. Thread-safe.
class KvService final : public etcdserverpb::KV::CallbackService {
 public:
  explicit KvService(const ServiceContext& context) : context_(context) {}

  grpc::ServerUnaryReactor* Range(grpc::CallbackServerContext* call,
                                  const etcdserverpb::RangeRequest* request,
                                  etcdserverpb::RangeResponse* response) override;
  grpc::ServerUnaryReactor* Put(grpc::CallbackServerContext* call,
                                const etcdserverpb::PutRequest* request,
                                etcdserverpb::PutResponse* response) override;
  grpc::ServerUnaryReactor* DeleteRange(grpc::CallbackServerContext* call,
                                        const etcdserverpb::DeleteRangeRequest* request,
                                        etcdserverpb::DeleteRangeResponse* response) override;
  grpc::ServerUnaryReactor* Txn(grpc::CallbackServerContext* call,
                                const etcdserverpb::TxnRequest* request,
                                etcdserverpb::TxnResponse* response) override;
  grpc::ServerUnaryReactor* Compact(grpc::CallbackServerContext* call,
                                    const etcdserverpb::CompactionRequest* request,
                                    etcdserverpb::CompactionResponse* response) override;

 private:
  const ServiceContext& context_;
};

}  // namespace kvstore
