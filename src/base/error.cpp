#include "raftkit/error.hpp"

namespace raftkit {

namespace {

const char* sentence(Errc code) {
  // A line per code.
  // clang-format off
  switch (code) {
    case Errc::not_leader: return "this node is not the leader";
    case Errc::no_leader: return "no leader is known";
    case Errc::proposal_dropped: return "the proposal was not appended and never will be";
    case Errc::commit_unknown: return "it is unknown whether the proposal commits";
    case Errc::command_too_large: return "the command is too large";
    case Errc::overloaded: return "a queue is full, retry later";
    case Errc::timed_out: return "timed out";
    case Errc::transfer_aborted: return "leadership was not handed over";
    case Errc::stopped: return "the node is stopped";
    case Errc::peer_not_found: return "no such member";
    case Errc::invalid_argument: return "invalid argument";
    case Errc::not_supported: return "not supported";
    case Errc::session_expired: return "the session has expired";
    case Errc::storage_failed: return "the log store failed; restart the node";
    case Errc::state_machine_failed: return "the state machine failed";
    case Errc::invariant_violated: return "a protocol invariant was violated; this is a defect in raftkit";
    case Errc::corrupt_data: return "stored data are damaged";
    case Errc::out_of_space: return "no space left on the device";
    case Errc::already_locked: return "in use by another process";
    case Errc::io_error: return "input/output error";
    case Errc::not_found: return "not found";
    case Errc::already_exists: return "already exists";
    case Errc::invalid_option: return "invalid option";
    case Errc::address_unavailable: return "cannot listen on the address";
    case Errc::compacted: return "the entries were compacted away";
    case Errc::unavailable: return "the entries are not available yet";
    case Errc::cluster_mismatch: return "cluster ID mismatch";
    case Errc::member_mismatch: return "member ID mismatch";
    case Errc::store_mismatch: return "the member has another data directory than before";
    case Errc::protocol_mismatch: return "no common protocol version";
    case Errc::malformed: return "malformed data";
    case Errc::message_too_large: return "the message is too large";
    case Errc::peer_unreachable: return "the peer cannot be reached";
  }
  // clang-format on
  return "unknown raftkit error";
}

// Boost 1.74 declares the base's destructor protected and not virtual; nobody deletes a category.
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wnon-virtual-dtor"
class Category final : public boost::system::error_category {
 public:
  const char* name() const noexcept override { return "raftkit"; }
  std::string message(int value) const override { return sentence(static_cast<Errc>(value)); }
};
#pragma GCC diagnostic pop

}  // namespace

const boost::system::error_category& error_category() noexcept {
  static const Category category;
  return category;
}

error_code make_error_code(Errc code) noexcept {
  return {static_cast<int>(code), error_category()};
}

}  // namespace raftkit
