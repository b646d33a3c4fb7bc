// The one place where errors become what etcd's clients compare: a gRPC code and an exact text.
#pragma once

#include <grpcpp/support/status.h>

#include "raftkit/error.hpp"

#include "state_machine/request_error.hpp"

namespace kvstore {

[[nodiscard]] grpc::Status to_status(RequestError error);
/// A RequestError, or what consensus, the store or the disk said.
[[nodiscard]] grpc::Status to_status(const raftkit::Error& error);

}  // namespace kvstore
