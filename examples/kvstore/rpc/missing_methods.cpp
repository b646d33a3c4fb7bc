#include "rpc/missing_methods.hpp"

namespace kvstore {

namespace {

class Refusal final : public grpc::ServerGenericBidiReactor {
 public:
  explicit Refusal(const std::string& method) {
    Finish({grpc::StatusCode::UNIMPLEMENTED,
            "kvstore: " + method + " is not offered by this version"});
  }
  void OnDone() override { delete this; }  // gRPC's way: a reactor lives until it is told so
};

}  // namespace

grpc::ServerGenericBidiReactor* MissingMethods::CreateReactor(
    grpc::GenericCallbackServerContext* call) {
  return new Refusal(call->method());
}

}  // namespace kvstore
