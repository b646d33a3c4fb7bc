#include "state_machine/applier.hpp"

#include "state_machine/changes.hpp"
#include "state_machine/request_error.hpp"
#include "state_machine/result.hpp"
#include "state_machine/transaction.hpp"

namespace kvstore {

using raftkit::Bytes;
using raftkit::Result;

namespace {

/// What the client gets: a response, or why its request is refused. Other errors are not the
/// client's.
template <class Response>
Result<Bytes> to_client(const Result<Response>& outcome) {
  if (outcome) return encode_response(*outcome);
  if (const auto refused = request_error(outcome.error())) return encode_refusal(*refused);
  return outcome.error();
}

}  // namespace

Result<Bytes> Applier::apply(const Bytes& payload, std::uint64_t before) {
  Command command;
  if (!parse(payload.span(), command)) return encode_refusal(RequestError::malformed_command);
  auto result = dispatch(command, before);
  const bool is_refused = result && is_refusal(*result);
  is_refused ? writer_.rollback() : writer_.end_revision();
  return result;
}

Result<Bytes> Applier::dispatch(const Command& command, std::uint64_t before) {
  switch (command.command_case()) {
    case Command::kPut:
      return to_client(put(command.put()));
    case Command::kDeleteRange:
      return to_client(kvstore::erase(writer_, command.delete_range()));
    case Command::kTxn:
      return to_client(transact(command.txn(), before));
    case Command::kCompaction:
      return to_client(compact(command.compaction()));
    case Command::COMMAND_NOT_SET:
      break;
  }
  return encode_refusal(RequestError::malformed_command);
}

Result<etcdserverpb::PutResponse> Applier::put(const etcdserverpb::PutRequest& request) {
  if (auto allowed = check_put(writer_, request); !allowed) return allowed.error();
  return kvstore::put(writer_, request);
}

Result<etcdserverpb::TxnResponse> Applier::transact(const etcdserverpb::TxnRequest& request,
                                                    std::uint64_t before) {
  // History is read from what is written: the batch up to here has to be.
  if (reads_history(request)) {
    if (auto written = commit(before); !written) return written.error();
  }
  return kvstore::transact(writer_, *store_.view(), request);
}

Result<etcdserverpb::CompactionResponse> Applier::compact(
    const etcdserverpb::CompactionRequest& request) {
  if (request.revision() <= writer_.compacted()) return make_error(RequestError::compacted);
  if (request.revision() > writer_.revision()) return make_error(RequestError::future_revision);
  writer_.compact(request.revision());
  etcdserverpb::CompactionResponse response;
  response.mutable_header()->set_revision(writer_.revision());
  return response;
}

Result<void> Applier::commit(std::uint64_t applied) {
  return store_.commit(writer_, applied);
}

}  // namespace kvstore
