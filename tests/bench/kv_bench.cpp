// Measures a running cluster from outside, whoever it is: kvstore or etcd.
#include <cstdio>
#include <exception>
#include <sstream>
#include <stdexcept>
#include <string>

#include "bench/kv_load.hpp"
#include "bench/kv_processes.hpp"

namespace {

using raftkit::bench::LoadOptions;
using raftkit::bench::Operation;

constexpr const char* kUsage =
    R"(usage: kv-bench --endpoints HOST:PORT,... --op put|get|range [OPTION VALUE]...
  --clients N        requests at a time (default 1)
  --connections N    TCP connections (default: one per client, at most 16)
  --seconds N        how long (default 5)
  --keys N           key space (default 10000)
  --fill N           put N keys once, in order, instead of running for a time
  --range-keys N     keys per range (default 100)
  --value-bytes N    (default 256)
  --serializable 1   reads that need no quorum
  --pids P,...       servers whose processor time and memory are printed
prints one line: operations/s, median and p99 latency in us, server CPU us per operation, largest resident MiB
)";

struct Options {
  LoadOptions load;
  std::vector<int> pids;
};

std::vector<std::string> split(const std::string& text) {
  std::vector<std::string> parts;
  std::istringstream stream(text);
  for (std::string part; std::getline(stream, part, ',');)
    parts.push_back(part);
  return parts;
}

Options parse(int argc, char** argv) {
  Options options;
  LoadOptions& load = options.load;
  for (int i = 1; i < argc; i += 2) {
    const std::string flag = argv[i];
    if (i + 1 == argc) throw std::invalid_argument(flag);
    const std::string value = argv[i + 1];
    if (flag == "--endpoints")
      load.endpoints = split(value);
    else if (flag == "--op" && value == "put")
      load.operation = Operation::put;
    else if (flag == "--op" && value == "get")
      load.operation = Operation::get;
    else if (flag == "--op" && value == "range")
      load.operation = Operation::range;
    else if (flag == "--clients")
      load.clients = std::stoul(value);
    else if (flag == "--connections")
      load.connections = std::stoul(value);
    else if (flag == "--seconds")
      load.duration = std::chrono::seconds(std::stoul(value));
    else if (flag == "--keys")
      load.keys = std::stoull(value);
    else if (flag == "--fill")
      load.keys = std::stoull(value), load.sequential = true;
    else if (flag == "--range-keys")
      load.range_keys = std::stoull(value);
    else if (flag == "--value-bytes")
      load.value_bytes = std::stoul(value);
    else if (flag == "--serializable")
      load.serializable = value != "0";
    else if (flag == "--pids")
      for (const auto& pid : split(value))
        options.pids.push_back(std::stoi(pid));
    else
      throw std::invalid_argument(flag + " " + value);
  }
  if (load.endpoints.empty()) throw std::invalid_argument("--endpoints is missing");
  return options;
}

int run(const Options& options) {
  using namespace raftkit::bench;
  const ProcessUse before = use_of(options.pids);
  const LoadResult result = run_load(options.load);
  const ProcessUse after = use_of(options.pids);
  if (result.operations == 0) {
    std::fprintf(stderr, "nothing succeeded: %s\n", result.first_failure.c_str());
    return 1;
  }
  const double cpu =
      (after.cpu_seconds - before.cpu_seconds) * 1e6 / static_cast<double>(result.operations);
  std::printf(
      "%9.0f ops/s   median %7u us   p99 %7u us   cpu %7.1f us/op   rss %5.0f MiB   %llu "
      "failed%s%s\n",
      static_cast<double>(result.operations) / result.seconds,
      result.quantile(0.5),
      result.quantile(0.99),
      cpu,
      static_cast<double>(after.resident_bytes) / (1 << 20),
      static_cast<unsigned long long>(result.failures),
      result.failures > 0 ? ": " : "",
      result.first_failure.c_str());
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    return run(parse(argc, argv));
  } catch (const std::invalid_argument& wrong) {
    std::fprintf(stderr, "kv-bench: cannot read %s\n%s", wrong.what(), kUsage);
    return 2;
  } catch (const std::exception& failed) {
    std::fprintf(stderr, "kv-bench: %s\n", failed.what());
    return 1;
  }
}
