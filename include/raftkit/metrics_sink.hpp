// Where raftkit's numbers go.
#pragma once

#include <cstdint>
#include <string_view>

namespace raftkit {

/// Values that only grow.
enum class CounterMetric : std::uint8_t {
  leader_changes,       ///< times a different leader became known
  proposals_failed,     ///< of any kind, that this node took or refused: answered with an error
  proposals_committed,  ///< entries committed, as seen here
  proposals_applied,    ///< entries applied here
  reads_failed,         ///< linearizable reads answered with an error
  log_syncs,            ///< durable log writes, each one sync
  log_bytes,            ///< payload bytes handed to the log
  late_heartbeats,      ///< ticks that came more than one interval late
  messages_sent,
  messages_received,
  snapshots_sent,
  snapshots_received,
};

/// Values that go up and down.
enum class GaugeMetric : std::uint8_t {
  has_leader,  ///< 0 or 1
  is_leader,   ///< 0 or 1
  term,
  commit_index,
  applied_index,
  proposals_pending,  ///< of any kind, waiting here for their result
};

/// Durations in seconds.
enum class HistogramMetric : std::uint8_t {
  log_write,  ///< one group of batches, written and durable
  apply,      ///< one batch of commands
  snapshot_save,
};

/// Implement it to receive measurements. Thread-safe: called from all of raftkit's threads. Must
/// not block and must not call back.
class MetricsSink {
 public:
  virtual ~MetricsSink() = default;

  virtual void add(CounterMetric counter, std::uint64_t amount) = 0;
  virtual void set(GaugeMetric gauge, std::uint64_t value) = 0;
  virtual void observe(HistogramMetric histogram, double seconds) = 0;
};

[[nodiscard]] std::string_view to_string(CounterMetric counter);
[[nodiscard]] std::string_view to_string(GaugeMetric gauge);
[[nodiscard]] std::string_view to_string(HistogramMetric histogram);

}  // namespace raftkit
