// What this server does not offer.
#pragma once

#include <grpcpp/generic/async_generic_service.h>

namespace kvstore {

/// Answers every method that no other service has with UNIMPLEMENTED, and says which one it was.
/// Thread-safe.
class MissingMethods final : public grpc::CallbackGenericService {
 public:
  grpc::ServerGenericBidiReactor* CreateReactor(grpc::GenericCallbackServerContext* call) override;
};

}  // namespace kvstore
