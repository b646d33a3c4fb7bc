#include "bench/kv_processes.hpp"

#include <algorithm>
#include <fstream>
#include <sstream>
#include <stdexcept>
#include <unistd.h>

namespace raftkit::bench {

namespace {

std::string read(int pid, const char* file) {
  std::ifstream stream("/proc/" + std::to_string(pid) + "/" + file);
  std::stringstream content;
  content << stream.rdbuf();
  if (content.str().empty()) throw std::runtime_error("no process " + std::to_string(pid));
  return content.str();
}

}  // namespace

ProcessUse use_of(const std::vector<int>& pids) {
  ProcessUse use;
  for (const int pid : pids) {
    const std::string stat = read(pid, "stat");
    std::istringstream after_name(stat.substr(stat.rfind(')') + 2));
    std::string skipped;
    std::uint64_t user = 0;
    std::uint64_t system = 0;
    for (int i = 0; i < 11; ++i)
      after_name >> skipped;
    after_name >> user >> system;
    use.cpu_seconds +=
        static_cast<double>(user + system) / static_cast<double>(sysconf(_SC_CLK_TCK));
    std::istringstream statm(read(pid, "statm"));
    std::uint64_t total = 0;
    std::uint64_t resident = 0;
    statm >> total >> resident;
    use.resident_bytes =
        std::max(use.resident_bytes, resident * static_cast<std::uint64_t>(sysconf(_SC_PAGESIZE)));
  }
  return use;
}

}  // namespace raftkit::bench
