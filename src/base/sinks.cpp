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

std::string_view to_string(Counter counter) {
  switch (counter) {
    case Counter::leader_changes:
      return "leader_changes";
    case Counter::proposals_failed:
      return "proposals_failed";
    case Counter::proposals_committed:
      return "proposals_committed";
    case Counter::proposals_applied:
      return "proposals_applied";
    case Counter::reads_failed:
      return "reads_failed";
    case Counter::log_syncs:
      return "log_syncs";
    case Counter::log_bytes:
      return "log_bytes";
    case Counter::late_heartbeats:
      return "late_heartbeats";
    case Counter::messages_sent:
      return "messages_sent";
    case Counter::messages_received:
      return "messages_received";
    case Counter::snapshots_sent:
      return "snapshots_sent";
    case Counter::snapshots_received:
      return "snapshots_received";
  }
  return "unknown";
}

std::string_view to_string(Gauge gauge) {
  switch (gauge) {
    case Gauge::has_leader:
      return "has_leader";
    case Gauge::is_leader:
      return "is_leader";
    case Gauge::term:
      return "term";
    case Gauge::commit_index:
      return "commit_index";
    case Gauge::applied_index:
      return "applied_index";
    case Gauge::proposals_pending:
      return "proposals_pending";
  }
  return "unknown";
}

std::string_view to_string(Histogram histogram) {
  switch (histogram) {
    case Histogram::log_write:
      return "log_write";
    case Histogram::apply:
      return "apply";
    case Histogram::snapshot_save:
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
