#include <functional>

#include <catch2/catch.hpp>

#include "support/core_group.hpp"
#include "support/printing.hpp"

using namespace raftkit;        // NOLINT(google-build-using-namespace): domain words of the test
using namespace raftkit::test;  // NOLINT(google-build-using-namespace): as above

TEST_CASE("An option that makes no sense is refused by its name", "[core][options]") {
  struct Case {
    std::string field;
    std::function<void(RaftOptions&)> spoil;
  };
  const std::vector<Case> cases = {
      {"id = 0", [](RaftOptions& options) { options.id = NodeId{0}; }},
      {"heartbeat_interval_ticks = 0",
       [](RaftOptions& options) { options.heartbeat_interval_ticks = 0; }},
      {"election_timeout_ticks = 1",
       [](RaftOptions& options) { options.election_timeout_ticks = 1; }},
      {"election_timeout_ticks = 1073741825",
       [](RaftOptions& options) { options.election_timeout_ticks = (1U << 30) + 1; }},
      {"max_inflight_messages = 0",
       [](RaftOptions& options) { options.max_inflight_messages = 0; }},
      {"max_inflight_bytes = 0", [](RaftOptions& options) { options.max_inflight_bytes = 0; }},
      {"max_apply_bytes = 0", [](RaftOptions& options) { options.max_apply_bytes = 0; }},
      {"max_uncommitted_bytes = 0",
       [](RaftOptions& options) { options.max_uncommitted_bytes = 0; }},
  };
  for (const Case& wrong : cases) {
    RaftOptions options;
    options.id = NodeId{1};
    REQUIRE(RawNode::create(options, bootstrapped(voters(3))));

    wrong.spoil(options);
    const auto created = RawNode::create(options, bootstrapped(voters(3)));

    REQUIRE_FALSE(created);
    CHECK(created.error() == Errc::invalid_option);
    CHECK_THAT(created.error().message(), Catch::Contains(wrong.field));
  }
}

TEST_CASE("A leader sends heartbeats only as often as its option says", "[core][options]") {
  CoreBench bench({.tune = [](RaftOptions& options) { options.heartbeat_interval_ticks = 3; }});
  bench.lead_all();

  bench.tick(2);
  bench.run();
  CHECK(bench.take_sent<HeartbeatRequest>(2).empty());

  bench.tick(1);
  bench.run();
  CHECK(bench.take_sent<HeartbeatRequest>(2).size() == 1);
}
