#include "rpc/kv_service.hpp"

#include <new>
#include <utility>  // Boost 1.74 needs it before Asio on g++ 12

#include <boost/asio/post.hpp>

#include "proto/kvstore.pb.h"
#include "rpc/status.hpp"
#include "state_machine/reads.hpp"
#include "state_machine/result.hpp"
#include "state_machine/validate.hpp"

namespace kvstore {

using grpc::CallbackServerContext;
using grpc::ServerUnaryReactor;
using raftkit::Bytes;
using raftkit::Errc;
using raftkit::Error;
using raftkit::error_code;
using raftkit::ProposeResult;

namespace {

Bytes encode(const Command& command) {
  return Bytes::build(command.ByteSizeLong(), [&](std::span<std::byte> memory) {
    command.SerializeWithCachedSizesToArray(reinterpret_cast<std::uint8_t*>(memory.data()));
  });
}

/// Larger results are not taken apart on the thread that keeps the cluster alive.
constexpr std::size_t kSmallResult = std::size_t{64} << 10;

/// Sends `command` through the log and its result to the client; `then` may do more before the
/// answer goes.
template <class Response, class Then>
void propose(const ServiceContext& context,
             const Command& command,
             ServerUnaryReactor* reactor,
             Response* response,
             Then then) {
  const auto finish = [&context, reactor, response, then](const ProposeResult& proposed) {
    if (auto decoded = decode_result(proposed.result, *response); !decoded) {
      return reactor->Finish(to_status(decoded.error()));
    }
    context.complete(*response->mutable_header(), context.replica.status());
    then();
  };
  context.replica.propose(
      encode(command), [&context, reactor, finish](error_code code, const ProposeResult& proposed) {
        if (code) return reactor->Finish(to_status(Error(code)));
        if (proposed.result.size() <= kSmallResult) return finish(proposed);
        boost::asio::post(context.readers, [finish, proposed] { finish(proposed); });
      });
}

template <class Response>
void propose(const ServiceContext& context,
             const Command& command,
             ServerUnaryReactor* reactor,
             Response* response) {
  propose(context, command, reactor, response, [reactor] { reactor->Finish(grpc::Status::OK); });
}

/// Answers a request that changes nothing from the state as it is now.
template <class Request, class Response>
void answer_now(const ServiceContext& context,
                const Request& request,
                ServerUnaryReactor* reactor,
                Response* response) {
  try {
    auto answer = evaluate(*context.state_machine.view(), request);
    if (!answer) return reactor->Finish(to_status(answer.error()));
    response->Swap(&*answer);
  } catch (const std::bad_alloc&) {
    return reactor->Finish(to_status(RequestError::response_too_large));
  }
  context.complete(*response->mutable_header(), context.replica.status());
  reactor->Finish(grpc::Status::OK);
}

enum class Consistency { linearizable, serializable };

/// Answered in no time, whatever the store holds. At an old revision even a single key may have to
/// be looked for behind much that was removed.
bool is_short(const etcdserverpb::RangeRequest& request) {
  return request.range_end().empty() && request.revision() <= 0;
}
bool is_short(const etcdserverpb::TxnRequest&) {
  return false;
}

template <class Request, class Response>
void read(const ServiceContext& context,
          const Request& request,
          Consistency consistency,
          ServerUnaryReactor* reactor,
          Response* response) {
  const auto answer = [&context, &request, reactor, response] {
    if (is_short(request)) return answer_now(context, request, reactor, response);
    boost::asio::post(context.readers, [&context, &request, reactor, response] {
      answer_now(context, request, reactor, response);
    });
  };
  if (consistency == Consistency::serializable) return answer();
  context.replica.read_index([reactor, answer](error_code code) {
    if (code) return reactor->Finish(to_status(Error(code)));
    answer();
  });
}

/// Refuses the call, or has `answer` finish it.
template <class Answer>
ServerUnaryReactor* serve(CallbackServerContext* call,
                          std::optional<RequestError> refused,
                          Answer answer) {
  ServerUnaryReactor* reactor = call->DefaultReactor();
  if (refused) {
    reactor->Finish(to_status(*refused));
  } else {
    answer(reactor);
  }
  return reactor;
}

}  // namespace

ServerUnaryReactor* KvService::Range(CallbackServerContext* call,
                                     const etcdserverpb::RangeRequest* request,
                                     etcdserverpb::RangeResponse* response) {
  return serve(call, validate(*request), [&](ServerUnaryReactor* reactor) {
    const auto consistency =
        request->serializable() ? Consistency::serializable : Consistency::linearizable;
    read(context_, *request, consistency, reactor, response);
  });
}

ServerUnaryReactor* KvService::Put(CallbackServerContext* call,
                                   const etcdserverpb::PutRequest* request,
                                   etcdserverpb::PutResponse* response) {
  return serve(call, validate(*request), [&](ServerUnaryReactor* reactor) {
    Command command;
    *command.mutable_put() = *request;
    propose(context_, command, reactor, response);
  });
}

ServerUnaryReactor* KvService::DeleteRange(CallbackServerContext* call,
                                           const etcdserverpb::DeleteRangeRequest* request,
                                           etcdserverpb::DeleteRangeResponse* response) {
  return serve(call, validate(*request), [&](ServerUnaryReactor* reactor) {
    Command command;
    *command.mutable_delete_range() = *request;
    propose(context_, command, reactor, response);
  });
}

ServerUnaryReactor* KvService::Txn(CallbackServerContext* call,
                                   const etcdserverpb::TxnRequest* request,
                                   etcdserverpb::TxnResponse* response) {
  const auto refused = validate(*request, context_.max_txn_operations);
  return serve(call, refused, [&](ServerUnaryReactor* reactor) {
    if (is_read_only(*request)) {
      const auto consistency =
          is_serializable(*request) ? Consistency::serializable : Consistency::linearizable;
      return read(context_, *request, consistency, reactor, response);
    }
    Command command;
    *command.mutable_txn() = *request;
    propose(context_, command, reactor, response);
  });
}

ServerUnaryReactor* KvService::Compact(CallbackServerContext* call,
                                       const etcdserverpb::CompactionRequest* request,
                                       etcdserverpb::CompactionResponse* response) {
  ServerUnaryReactor* reactor = call->DefaultReactor();
  Command command;
  *command.mutable_compaction() = *request;
  const auto finish = [reactor](const raftkit::Result<void>& outcome) {
    reactor->Finish(outcome ? grpc::Status::OK : to_status(outcome.error()));
  };
  propose(context_, command, reactor, response, [this, request, finish] {
    if (!request->physical()) return finish({});
    context_.state_machine.async_compacted(request->revision(), finish);
  });
  return reactor;
}

}  // namespace kvstore
