// A whole cluster in one thread, in virtual time, under faults: every run follows from its seed.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <iosfwd>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "raftkit/bytes.hpp"
#include "raftkit/state_machine.hpp"
#include "raftkit/types.hpp"

namespace raftkit::testing {

/// What can go wrong. Most of it lasts for a while; `corrupt`, `reset`, `clock`, `transfer`,
/// `join`, `remove`, `demote`, `replay`, `oversize`, `wipe`, `garble`, `broken_disk`, `full_disk`
/// and `failed_sync` happen once. What happens to disks, except that they are slow, hang or are
/// lost, does nothing to stores in memory, which three quarters of the seeds have; the others have
/// the production stores.
enum class SimFault : std::uint8_t {
  split,           ///< two halves that do not hear each other
  isolate_leader,  ///< the leader hears nobody, and nobody hears it
  mute,            ///< one node is not heard by another
  deafen,          ///< one node hears nobody, and all hear it
  bridge,          ///< two halves that both reach one node, and not each other
  slow_path,       ///< up to a second and a half on one way
  corrupt,         ///< a bit of what is sent next is turned over
  reset,           ///< the connections between two nodes break
  kill,            ///< kill -9, and a restart
  kill_leader,     ///< the same, of whoever leads
  kill_all,        ///< the same, of everybody at once
  power_cut,       ///< as kill, and nobody is told
  kill_amid,       ///< as kill, of whoever is next in the middle of writing or reading something
  stop,            ///< in good order, and a restart
  pause,           ///< SIGSTOP
  pause_leader,    ///< the same, of whoever leads
  slow_disk,       ///< each write takes up to a second and a half
  hung_disk,       ///< no write returns
  broken_disk,     ///< writes and syncs fail, until the process, which must give up, starts again
  full_disk,       ///< the same for want of room
  clock,           ///< runs up to a tenth too fast or too slow from now on
  transfer,        ///< leadership is to go to somebody else
  join,            ///< a new node becomes a voter, or a learner, perhaps in place of another one
  remove,          ///< a voter is removed, if there are more than three
  demote,          ///< a voter becomes a learner, if there are more than three
  ring,            ///< each member hears only two others, if there are more than three
  flap,            ///< a path breaks and heals every 50 to 500 ms, one way or both
  replay,          ///< what was sent before on a path comes again, perhaps after a new handshake
  oversize,        ///< a frame announces a message over the limit, of up to 4 GiB
  wipe,            ///< a voter's disk is lost, it starts with an empty one, and is replaced
  duplicate,       ///< elsewhere another process starts with a voter's ID and an empty disk
  garble,          ///< a bit of the next part of a snapshot on its way is turned over
  rot,             ///< kill, and bits are turned over in what a node has on its disk
  lost_write,      ///< kill, and a sector still holds what it held before
  misdirected,     ///< kill, and a sector holds what another one holds
  truncated,       ///< kill, and a file ends too early, or a sector holds zeros
  unreadable,      ///< kill, and a sector cannot be read
  failed_sync,     ///< one fails, and what it should have made durable is lost
};
inline constexpr std::size_t kSimFaults = 38;

[[nodiscard]] std::string_view to_string(SimFault fault);

/// One thing that goes wrong. The numbers choose among what there is then, e.g. a node.
struct SimFaultStep {
  std::chrono::milliseconds at{0};
  SimFault fault = SimFault::split;
  std::uint32_t a = 0;
  std::uint32_t b = 0;
  std::chrono::milliseconds lasts{0};
};
using SimFaultPlan = std::vector<SimFaultStep>;  ///< ascending by time

/// "at 1200 ms: split(3, 5) for 800 ms".
std::ostream& operator<<(std::ostream& out, const SimFaultStep& step);

/// Whether the plan of this seed cuts paths one after the other, and does nothing else. Every
/// sixteenth does: it shows whether leaders stay.
[[nodiscard]] constexpr bool cuts_paths_in_turn(std::uint64_t seed) {
  return seed % 16 == 13;
}
/// A random plan of some of the faults: which, how often and for how long follows from the seed.
[[nodiscard]] SimFaultPlan make_fault_plan(std::uint64_t seed, std::chrono::milliseconds duration);

struct SimulationOptions {
  /// Of everything that the other options leave open: timings, tuning of the nodes, the workload.
  std::uint64_t seed = 0;
  std::size_t nodes = 3;  ///< voters at the beginning, 1 to 9
  /// Of the faults. After it everything heals, or with odd seeds everything but a few voters that
  /// stay dead, mute or deaf, and the cluster must come to itself again. The run ends when each
  /// client has had 50 answers per minute of it on average, or fails after two more minutes.
  std::chrono::milliseconds duration{60'000};
  /// None: make_fault_plan(seed, duration).
  std::optional<SimFaultPlan> faults = std::nullopt;
  std::size_t clients = 4;

  /// Makes a node's state machine, at every start of the node. None: lists of numbers, whose every
  /// answer and state is checked against what was committed. Of others it is checked that all nodes
  /// answer each command alike, whether they applied all commands before it or began with a
  /// snapshot; an on-disk one must keep its content, by node, outside of the object.
  std::function<std::unique_ptr<StateMachine>(NodeId)> state_machine = {};
  /// Makes a command for it from a number that counts up, of at most a few MiB. Required with
  /// `state_machine`.
  std::function<Bytes(std::uint64_t)> command = {};

  /// Stop after so many events. For looking at a run up to what went wrong.
  std::optional<std::uint64_t> until_event = std::nullopt;
  std::ostream* trace = nullptr;  ///< a line per event; null: none

  /// Gets the history of the run at its end, as JSON Lines (docs/testing.md has the format): what
  /// each client asked, when, and what it was told; faults, leaders, and which nodes were up. Of
  /// an embedder's state machine the number of each command is recorded, and the index at which it
  /// was applied, but neither its bytes nor the answer. Null: none.
  std::ostream* history = nullptr;
  /// Gets the same as one HTML page at its end, for looking at it in a browser. Null: none.
  std::ostream* page = nullptr;
  /// The command that repeats this run, for people who read the history or the page; the caller
  /// alone knows it.
  std::string reproduce = {};

  /// How many operations all clients together begin in a simulated second, from 1 to 1,000,000; a
  /// client that waits for an answer longer than its share begins the next one when it has it, and
  /// after the faults they make up for what is missing.
  /// None: clients pause as the seed says, most often for some tens of milliseconds.
  std::optional<std::uint64_t> operations_per_second = std::nullopt;
};

/// Rare situations that a run may get into, e.g. "leader: two at once": what a test that means to
/// cover everything should have seen.
[[nodiscard]] std::span<const std::string_view> simulation_marks();

/// What became of it.
struct SimulationReport {
  /// The first thing that must not happen, most often after the name of the property; none: all is
  /// well.
  std::optional<std::string> failure;
  std::uint64_t events = 0;
  std::uint64_t trace_hash = 0;  ///< equal for equal runs
  std::chrono::milliseconds simulated{0};
  std::uint64_t appended = 0;  ///< proposals that were answered with their result
  std::uint64_t read = 0;
  std::uint64_t refused = 0;      ///< certainly never applied
  std::uint64_t unknown = 0;      ///< may have been applied
  std::uint64_t terms = 0;        ///< the newest one
  std::uint64_t faults = 0;       ///< that found something to do
  std::uint64_t fault_kinds = 0;  ///< how many kinds these are of
  /// How often each of simulation_marks() happened.
  std::vector<std::uint64_t> marks = {};
  /// Lists whose history was too much for the search; the other checks covered them.
  bool is_history_complete = true;
  std::uint64_t replayed = 0;  ///< retries in a session that were answered as the first copy was
  /// Whether more disks were damaged than a cluster is made for: then it may have stopped, and the
  /// run ended with the faults.
  bool has_left_model = false;
  std::uint64_t expired = 0;  ///< sessions that were forgotten while their client used them
};

/// Runs the cluster: the production driver, core, codec, frames and links on simulated sockets,
/// disks and clocks. Checked wherever it could break: one leader per term, one vote per term, log
/// matching, leader completeness, the commit rule, state machine safety, nothing promised that is
/// not durable, equal answers everywhere; of the built-in clients: linearizability, nothing applied
/// that was refused, nothing applied twice, in some runs although clients propose until they are
/// answered (then they have sessions); after the faults: a leader, a commit and an answer to
/// everybody in time, and equal states.
///
/// Deterministic, as long as the state machine is. What that throws becomes
/// the failure. Blocks; no threads: `async_sync` must complete on the thread that calls it.
[[nodiscard]] SimulationReport simulate(const SimulationOptions& options);

}  // namespace raftkit::testing
