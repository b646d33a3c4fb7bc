#include <catch2/catch.hpp>

#include "machine.hpp"

namespace kvstore::test {

namespace {

using raftkit::testing::Survivors;

constexpr Survivors kAll[] = {
    Survivors::none, Survivors::oldest, Survivors::newest, Survivors::any, Survivors::all};

/// Batches up to `count`, each with one put and one update, so that what is there tells how many
/// survived.
void fill(Machine& machine, int count) {
  for (int i = static_cast<int>(machine.applied() / 2); i < count; ++i) {
    machine.apply({command_of(put_of("k" + std::to_string(i), std::string(300, 'v'))),
                   command_of(put_of("last", std::to_string(i)))});
  }
}

/// Whole batches from the front, and nothing else.
void check_prefix(Machine& machine) {
  const auto batches = machine.applied() / 2;
  CHECK(machine.applied() % 2 == 0);
  CHECK(machine.view()->revision() == static_cast<std::int64_t>(1 + 2 * batches));
  CHECK(machine.read(range_of("k", "l"))->count() == static_cast<std::int64_t>(batches));
  for (std::uint64_t i = 1; i <= batches; ++i) {
    const auto then =
        machine.read(range_of("last", "", static_cast<std::int64_t>(1 + 2 * i))).value();
    CHECK(shown(then) == std::vector<std::string>{"last=" + std::to_string(i - 1)});
  }
}

}  // namespace

TEST_CASE("A power loss takes a suffix of the batches, never a part of one",
          "[kvstore][power_loss]") {
  for (const Survivors survivors : kAll) {
    for (std::uint64_t seed = 0; seed < 8; ++seed) {
      Machine machine;
      machine.set_write_buffer_bytes(4096);  // several logs and tables
      machine.reopen();
      fill(machine, 40);

      machine.lose_power(seed, survivors);

      CHECK(machine.applied() <= 80);
      if (survivors == Survivors::all) CHECK(machine.applied() == 80);
      check_prefix(machine);
    }
  }
}

TEST_CASE("After a sync nothing before it is lost", "[kvstore][power_loss]") {
  for (const Survivors survivors : kAll) {
    for (std::uint64_t seed = 0; seed < 8; ++seed) {
      Machine machine;
      machine.set_write_buffer_bytes(4096);
      machine.reopen();
      fill(machine, static_cast<int>(10 + seed));
      const auto durable = machine.sync();
      CHECK(durable == 20 + 2 * seed);
      fill(machine, 40);

      machine.lose_power(seed, survivors);

      CHECK(machine.applied() >= durable);
      CHECK(machine.applied() <= 80);
      check_prefix(machine);
    }
  }
}

TEST_CASE("A power loss after a restore keeps what was restored", "[kvstore][power_loss]") {
  for (const Survivors survivors : kAll) {
    Machine from;
    fill(from, 5);
    Machine to;
    fill(to, 20);
    REQUIRE(to.restore(from.capture(), 60).has_value());

    to.lose_power(1, survivors);

    CHECK(to.applied() == 60);
    CHECK(to.read(range_of("k", "l"))->count() == 5);
  }
}

TEST_CASE("A power loss during a restore keeps what was there", "[kvstore][power_loss]") {
  for (const Survivors survivors : kAll) {
    Machine machine;
    fill(machine, 5);
    CHECK(machine.sync() == 10);
    const std::string stream = machine.capture();
    auto sink = (*machine).restore(meta_at(60)).value();
    const auto half = std::string_view(stream).substr(0, stream.size() / 2);
    REQUIRE(sink->write(std::as_bytes(std::span(half.data(), half.size()))).has_value());

    machine.disk().lose_power(1, survivors);
    sink.reset();
    machine.reopen();

    CHECK(machine.applied() == 10);
    check_prefix(machine);
    CHECK(machine.disk().list("store").value().size() == 2);
  }
}

TEST_CASE("A store that power took while it was made is new again", "[kvstore][power_loss]") {
  for (const Survivors survivors : kAll) {
    Machine machine;
    machine.lose_power(2, survivors);
    CHECK(machine.applied() == 0);
    CHECK(machine.view()->revision() == 1);
    CHECK_FALSE((*machine).is_new());  // open() had returned: that is durable
  }
}

TEST_CASE("A store whose writes fail stops the node instead of going on", "[kvstore][power_loss]") {
  Machine machine;
  must(machine.put("k", "1"));
  machine.disk().lose_power(1, Survivors::all);  // everything that is open fails from now on

  CHECK_THROWS_AS(machine.put("k", "2"), std::runtime_error);
  CHECK(machine.view()->revision() == 2);
}

}  // namespace kvstore::test
