// What can go wrong, named by what the caller may conclude from it.
#pragma once

#include <string>
#include <string_view>
#include <type_traits>

#include <boost/system/error_code.hpp>

namespace raftkit {

using boost::system::error_code;

/// Every error raftkit reports. A code exists only where some caller would act differently on it.
/// Values are stable: never reuse one.
enum class Errc {
  // What became of a request.
  not_leader = 1,         ///< this node is not the leader, and the request needs it; try the leader
  no_leader = 2,          ///< nobody is known to lead; nothing was done, retry later
  proposal_dropped = 3,   ///< the proposal was not appended and never will be; safe to retry
  commit_unknown = 4,     ///< the proposal may or may not commit; retry only if that is harmless
  command_too_large = 5,  ///< over the node's limit; nothing was sent
  overloaded = 6,         ///< a queue is at its limit; nothing was done, retry later
  timed_out = 7,          ///< no answer in time; nothing was changed by this request
  transfer_aborted = 8,   ///< the target does not lead; somebody else may
  stopped = 9,            ///< the node is stopping or has stopped; nothing was done
  peer_not_found = 10,    ///< no such member, or a message from somebody who is none
  invalid_argument = 11,  ///< the caller's mistake; the message names the value
  not_supported = 12,     ///< this implementation of an interface does not offer it
  session_expired = 13,   ///< the client's session is over; nothing was done, open a new one

  // Why a node cannot start or go on.
  storage_failed = 20,  ///< a write or sync failed: what is durable is unknown, the node is done
  state_machine_failed = 21,  ///< the embedder's state machine failed or threw
  invariant_violated = 22,    ///< a defect in raftkit; nothing more is written or sent
  corrupt_data = 23,          ///< durable data does not match its checksum or its neighbours
  out_of_space = 24,          ///< no room on the device, noticed before anything was written
  already_locked = 25,        ///< another process uses the directory
  io_error = 26,              ///< the operating system refused; the message names the file
  not_found = 27,             ///< a file, snapshot or record that should be there is not
  already_exists = 28,        ///< it is there already
  invalid_option = 29,        ///< a configuration value is refused; the message names the option
  address_unavailable = 30,   ///< an address cannot be bound: in use, or not on this host

  // Reading the log.
  compacted = 40,    ///< the entries were compacted away
  unavailable = 41,  ///< the entries are not there yet

  // Why two nodes do not talk to each other.
  cluster_mismatch = 60,   ///< the other node belongs to another cluster
  member_mismatch = 61,    ///< the other node is not the member that was called
  store_mismatch = 62,     ///< same member ID, another data directory: wiped, or started twice
  protocol_mismatch = 63,  ///< no common protocol version
  malformed = 64,          ///< bytes that are not what they should be; the connection is closed
  message_too_large = 65,  ///< a frame over the limit
  peer_unreachable = 66,   ///< no connection, or it broke
};

/// The category of `Errc`; its name is "raftkit".
[[nodiscard]] const boost::system::error_category& error_category() noexcept;

[[nodiscard]] error_code make_error_code(Errc code) noexcept;

/// An error code and the words that make it useful: which file, which option, which value.
/// The text is for people and may change; decide on the code.
class [[nodiscard]] Error {
 public:
  Error(Errc code)
      : code_(make_error_code(code)) {}    // NOLINT(google-explicit-constructor): as error_code
  Error(error_code code) : code_(code) {}  // NOLINT(google-explicit-constructor): as error_code
  Error(Errc code, std::string detail) : code_(make_error_code(code)), detail_(std::move(detail)) {}
  Error(error_code code, std::string detail) : code_(code), detail_(std::move(detail)) {}

  [[nodiscard]] error_code code() const { return code_; }
  [[nodiscard]] const std::string& detail() const { return detail_; }
  /// The detail if there is one, else what the code means.
  [[nodiscard]] std::string message() const { return detail_.empty() ? code_.message() : detail_; }

  friend bool operator==(const Error& error, Errc code) {
    return error.code_ == make_error_code(code);
  }

 private:
  error_code code_;
  std::string detail_;
};

}  // namespace raftkit

template <>
struct boost::system::is_error_code_enum<raftkit::Errc> : std::true_type {};
