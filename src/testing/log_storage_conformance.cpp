#include "raftkit/testing/log_storage_conformance.hpp"

#include <cstdlib>
#include <exception>
#include <filesystem>

#include "testing/log_storage_bench.hpp"

namespace raftkit::testing {

namespace {

std::vector<LogStorageCaseDefinition> cases_for(const LogStorageSubject& subject) {
  auto cases = log_storage_contract_cases();
  const auto add = [&](const std::vector<LogStorageCaseDefinition>& more) {
    cases.insert(cases.end(), more.begin(), more.end());
  };
  const bool survives_on_disk = subject.is_durable && subject.uses_disk;
  if (survives_on_disk) add(log_storage_crash_cases());
  if (survives_on_disk && subject.notices_damage) add(log_storage_damage_cases());
  return cases;
}

LogStorageCase run(const LogStorageCaseDefinition& definition,
                   const LogStorageSubject& subject,
                   const LogStorageSuiteOptions& options) {
  LogStorageCase result{std::string(definition.name), true, ""};
  try {
    LogStorageBench bench(subject, options);
    definition.run(bench);
    result.what = bench.counted();
  } catch (const std::exception& failure) {  // a log must not throw either
    result.passed = false;
    result.what = failure.what();
  }
  return result;
}

std::string make_directory() {
  std::string path = (std::filesystem::temp_directory_path() / "raftkit-log-XXXXXX").string();
  require(::mkdtemp(path.data()) != nullptr, "cannot make the directory ", path);
  return path;
}

}  // namespace

LogStorageBench::LogStorageBench(const LogStorageSubject& subject,
                                 const LogStorageSuiteOptions& options)
    : subject_(subject),
      options_(options),
      disk_(subject.uses_disk ? static_cast<storage::Disk*>(&faulty_) : &storage::posix_disk()),
      directory_(subject.uses_disk ? "/member" : make_directory()) {}

LogStorageBench::~LogStorageBench() {
  close();
  std::error_code ignored;
  if (!subject_.uses_disk) std::filesystem::remove_all(directory_, ignored);
}

Result<void> LogStorageBench::try_open() {
  close();
  auto log = subject_.open(*disk_, directory_ + "/log");
  if (!log) return std::move(log).error();
  require(*log != nullptr, "open gives neither a log nor an error");
  log_ = *std::move(log);
  // First of all, as a node does.
  if (auto loaded = log_->load({}); !loaded) return std::move(loaded).error();
  return {};
}

void LogStorageBench::open() {
  const auto opened = try_open();
  require(opened.has_value(),
          "it cannot be opened: ",
          opened ? std::string() : opened.error().message());
}

void LogStorageBench::lose_power(std::uint64_t seed, Survivors survivors) {
  faulty_.set({.operation = DiskOperation::change, .lasts = true});
  close();
  memory_.lose_power(seed, survivors);
  faulty_.heal();
}

std::vector<std::string> log_storage_case_names(const LogStorageSubject& subject) {
  std::vector<std::string> names;
  for (const auto& definition : cases_for(subject))
    names.emplace_back(definition.name);
  return names;
}

LogStorageCase run_log_storage_case(std::string_view name,
                                    const LogStorageSubject& subject,
                                    const LogStorageSuiteOptions& options) {
  for (const auto& definition : cases_for(subject)) {
    if (definition.name == name) return run(definition, subject, options);
  }
  return {std::string(name), false, "no such case"};
}

std::vector<LogStorageCase> check_log_storage(const LogStorageSubject& subject,
                                              const LogStorageSuiteOptions& options) {
  std::vector<LogStorageCase> results;
  for (const auto& definition : cases_for(subject))
    results.push_back(run(definition, subject, options));
  return results;
}

}  // namespace raftkit::testing
