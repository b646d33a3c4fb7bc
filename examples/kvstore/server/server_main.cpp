#include <cstdio>

#include "raftkit/logging.hpp"

#include "server/server.hpp"

namespace kvstore {

namespace config = raftkit::config;

namespace {

int end(const config::Stop& stop) {
  std::fputs(stop.standard_output.c_str(), stdout);
  std::fputs(stop.standard_error.c_str(), stderr);
  return stop.exit_status;
}

}  // namespace

int server_main(int argc, char** argv, const ReplicaFactory& make_replica) {
  ServerOptions options;
  const auto table = make_option_table(options);
  const auto outcome =
      config::parse(*table, config::arguments_of(argc, argv), config::process_environment());
  if (const auto* stop = std::get_if<config::Stop>(&outcome)) return end(*stop);
  const auto& run = std::get<config::Run>(outcome);

  auto log = raftkit::logging::make_log_sink(
      {options.member.log_level, options.member.log_outputs, options.member.logger});
  if (!log) return end(config::refusal(table->program(), log.error()));
  config::log_notices(**log, run.notices);
  config::log_options(**log, *table, run);
  return run_server(options, *std::move(log), make_replica);
}

}  // namespace kvstore
