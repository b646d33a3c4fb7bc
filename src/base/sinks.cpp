#include "raftkit/log_sink.hpp"
#include "raftkit/metrics_sink.hpp"
#include "raftkit/status.hpp"

namespace raftkit {

namespace {

class NullLogSink final : public LogSink {
 public:
  bool enabled(LogLevel) const override { return false; }
  void write(const LogRecord&) override {}
};

}  // namespace

std::shared_ptr<LogSink> null_log_sink() {
  return std::make_shared<NullLogSink>();
}

std::string_view to_string(CounterMetric counter) {
  switch (counter) {
    case CounterMetric::leader_changes:
      return "leader_changes";
    case CounterMetric::proposals_failed:
      return "proposals_failed";
    case CounterMetric::proposals_committed:
      return "proposals_committed";
    case CounterMetric::proposals_applied:
      return "proposals_applied";
    case CounterMetric::reads_failed:
      return "reads_failed";
    case CounterMetric::log_syncs:
      return "log_syncs";
    case CounterMetric::log_bytes:
      return "log_bytes";
    case CounterMetric::late_heartbeats:
      return "late_heartbeats";
    case CounterMetric::messages_sent:
      return "messages_sent";
    case CounterMetric::messages_received:
      return "messages_received";
    case CounterMetric::snapshots_sent:
      return "snapshots_sent";
    case CounterMetric::snapshots_received:
      return "snapshots_received";
  }
  return "unknown";
}

std::string_view to_string(GaugeMetric gauge) {
  switch (gauge) {
    case GaugeMetric::has_leader:
      return "has_leader";
    case GaugeMetric::is_leader:
      return "is_leader";
    case GaugeMetric::term:
      return "term";
    case GaugeMetric::commit_index:
      return "commit_index";
    case GaugeMetric::applied_index:
      return "applied_index";
    case GaugeMetric::proposals_pending:
      return "proposals_pending";
  }
  return "unknown";
}

std::string_view to_string(HistogramMetric histogram) {
  switch (histogram) {
    case HistogramMetric::log_write:
      return "log_write";
    case HistogramMetric::apply:
      return "apply";
    case HistogramMetric::snapshot_save:
      return "snapshot_save";
  }
  return "unknown";
}

std::string_view to_string(ProgressState state) {
  switch (state) {
    case ProgressState::probe:
      return "probe";
    case ProgressState::replicate:
      return "replicate";
    case ProgressState::snapshot:
      return "snapshot";
  }
  return "unknown";
}

}  // namespace raftkit
