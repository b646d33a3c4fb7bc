#include <catch2/catch.hpp>

#include "machine.hpp"

namespace kvstore::test {

namespace {

using Shown = std::vector<std::string>;

/// k at version 2, created at 2, changed at 3; l at version 1, created at 4.
Machine filled() {
  Machine machine;
  machine.apply(
      {command_of(put_of("k", "5")), command_of(put_of("k", "6")), command_of(put_of("l", "7"))});
  return machine;
}

bool holds(const Machine& machine, const Compare& compare) {
  return machine.read(Txn().when(compare).request())->succeeded();
}

Compare over(Compare compare, const std::string& range_end) {
  compare.set_range_end(range_end);
  return compare;
}

}  // namespace

TEST_CASE("A transaction without conditions succeeds", "[kvstore][txn]") {
  const Machine machine = filled();

  CHECK(machine.read(TxnRequest())->succeeded());
  CHECK(machine.read(TxnRequest())->header().revision() == 4);
}

TEST_CASE("All conditions must hold", "[kvstore][txn]") {
  const Machine machine = filled();
  const auto right = version_is("k", Compare::EQUAL, 2);
  const auto wrong = version_is("l", Compare::EQUAL, 2);

  CHECK(machine.read(Txn().when(right).when(right).request())->succeeded());
  CHECK_FALSE(machine.read(Txn().when(right).when(wrong).request())->succeeded());
}

TEST_CASE("A condition is about any property of a key", "[kvstore][txn]") {
  const Machine machine = filled();
  Compare create = compare_of("k", Compare::CREATE, Compare::EQUAL);
  create.set_create_revision(2);
  Compare lease = compare_of("k", Compare::LEASE, Compare::LESS);
  lease.set_lease(1);

  CHECK(holds(machine, create));
  CHECK(holds(machine, lease));
  CHECK(holds(machine, mod_is("k", Compare::GREATER, 2)));
  CHECK_FALSE(holds(machine, mod_is("k", Compare::GREATER, 3)));
  CHECK(holds(machine, version_is("k", Compare::LESS, 3)));
  CHECK_FALSE(holds(machine, version_is("k", Compare::LESS, 2)));
  CHECK(holds(machine, value_is("k", Compare::NOT_EQUAL, "5")));
  CHECK(holds(machine, value_is("k", Compare::GREATER, "5")));
}

TEST_CASE("A condition without a number compares with zero", "[kvstore][txn]") {
  const Machine machine = filled();

  CHECK(holds(machine, compare_of("k", Compare::VERSION, Compare::GREATER)));
  CHECK(holds(machine, compare_of("nobody", Compare::VERSION, Compare::EQUAL)));
  CHECK(holds(machine, compare_of("k", Compare::VALUE, Compare::GREATER)));
}

TEST_CASE("A missing key's counters are zero, but it has no value to compare", "[kvstore][txn]") {
  const Machine machine = filled();

  CHECK(holds(machine, version_is("nobody", Compare::EQUAL, 0)));
  CHECK(holds(machine, mod_is("nobody", Compare::LESS, 1)));
  CHECK_FALSE(holds(machine, mod_is("nobody", Compare::NOT_EQUAL, 0)));
  for (const auto result : {Compare::EQUAL, Compare::NOT_EQUAL, Compare::LESS, Compare::GREATER}) {
    CHECK_FALSE(holds(machine, value_is("nobody", result, "")));
    CHECK_FALSE(holds(machine, value_is("nobody", result, "v")));
  }
}

TEST_CASE("A condition over a range holds for each key in it, or for a missing one",
          "[kvstore][txn]") {
  const Machine machine = filled();

  CHECK(holds(machine, over(version_is("a", Compare::GREATER, 0), "z")));
  CHECK_FALSE(holds(machine, over(version_is("a", Compare::EQUAL, 2), "z")));
  CHECK(holds(machine, over(value_is("k", Compare::GREATER, "5"), kNoEnd)));
  CHECK(holds(machine, over(version_is("x", Compare::EQUAL, 0), "z")));
  CHECK_FALSE(holds(machine, over(version_is("x", Compare::GREATER, 0), "z")));
  CHECK_FALSE(holds(machine, over(value_is("x", Compare::NOT_EQUAL, "v"), "z")));
}

TEST_CASE("A transaction is one revision, however much it changes", "[kvstore][txn]") {
  Machine machine = filled();

  const auto response = machine
                            .txn(Txn()
                                     .then(put_of("a", "1"))
                                     .then(Txn().then(put_of("b", "2")).then(delete_of("k", "m")))
                                     .then(put_of("c", "3")))
                            .value();

  CHECK(response.succeeded());
  CHECK(response.header().revision() == 5);
  CHECK(machine.view()->revision() == 5);
  CHECK(shown(*machine.read(everything())) == Shown{"a=1", "b=2", "c=3"});
  CHECK(shown(*machine.read(everything(4))) == Shown{"k=6", "l=7"});
  CHECK(machine.read(range_of("c"))->kvs(0).mod_revision() == 5);
}

TEST_CASE("Headers within a transaction tell the revision as it is at that point",
          "[kvstore][txn]") {
  Machine machine = filled();

  const auto response = machine
                            .txn(Txn()
                                     .then(range_of("k"))
                                     .then(delete_of("nobody"))
                                     .then(put_of("a", "1"))
                                     .then(range_of("k"))
                                     .then(delete_of("nobody"))
                                     .then(Txn().then(range_of("k"))))
                            .value();

  CHECK(response.responses(0).response_range().header().revision() == 4);
  CHECK(response.responses(1).response_delete_range().header().revision() == 4);
  CHECK(response.responses(2).response_put().header().revision() == 5);
  CHECK(response.responses(3).response_range().header().revision() == 5);
  CHECK(response.responses(4).response_delete_range().header().revision() == 5);
  const auto& nested = response.responses(5).response_txn();
  CHECK(nested.has_header());
  CHECK(nested.header().revision() == 0);
  CHECK(nested.responses(0).response_range().header().revision() == 5);
}

TEST_CASE("Operations see those before them", "[kvstore][txn]") {
  Machine machine = filled();

  const auto response = machine
                            .txn(Txn()
                                     .then(put_of("a", "1"))
                                     .then(delete_of("k"))
                                     .then(everything())
                                     .then(everything(4)))
                            .value();

  CHECK(shown(response.responses(2).response_range()) == Shown{"a=1", "l=7"});
  CHECK(shown(response.responses(3).response_range()) == Shown{"k=6", "l=7"});
}

TEST_CASE("Conditions of nested transactions are judged before anything is changed",
          "[kvstore][txn]") {
  Machine machine = filled();
  const auto nested = Txn()
                          .when(version_is("a", Compare::EQUAL, 0))
                          .then(put_of("b", "a was missing"))
                          .otherwise(put_of("b", "a was there"));

  const auto response = machine.txn(Txn().then(put_of("a", "1")).then(nested)).value();

  CHECK(response.responses(1).response_txn().succeeded());
  CHECK(shown(*machine.read(range_of("b"))) == Shown{"b=a was missing"});
}

TEST_CASE("Only the chosen branch is judged and executed", "[kvstore][txn]") {
  Machine machine = filled();
  PutRequest refused = put_of("nobody");
  refused.set_ignore_value(true);

  const auto failing = Txn()
                           .when(version_is("k", Compare::EQUAL, 9))
                           .then(refused)
                           .then(everything(99))
                           .otherwise(put_of("a", "1"));

  const auto response = machine.txn(failing).value();
  CHECK_FALSE(response.succeeded());
  CHECK(response.responses_size() == 1);
  CHECK(shown(*machine.read(range_of("a"))) == Shown{"a=1"});
}

TEST_CASE("A transaction with one operation that cannot be changes nothing", "[kvstore][txn]") {
  Machine machine = filled();
  must(machine.compact(3));
  PutRequest ignoring = put_of("nobody");
  ignoring.set_ignore_value(true);
  PutRequest leased = put_of("b", "1");
  leased.set_lease(1);
  const auto after_a_put = [&](const auto& request) {
    return refusal(machine.txn(Txn().then(put_of("a", "1")).then(request)));
  };

  CHECK(after_a_put(ignoring) == RequestError::key_not_found);
  CHECK(after_a_put(leased) == RequestError::lease_not_found);
  CHECK(after_a_put(Txn().then(ignoring)) == RequestError::key_not_found);
  CHECK(after_a_put(everything(2)) == RequestError::compacted);
  // Not even the revision that this very transaction makes.
  CHECK(after_a_put(everything(5)) == RequestError::future_revision);
  CHECK(machine.view()->revision() == 4);
  CHECK(machine.read(range_of("a"))->count() == 0);
  CHECK(machine.put("a", "1")->header().revision() == 5);
}

TEST_CASE("A transaction that changes nothing is no revision", "[kvstore][txn]") {
  Machine machine = filled();

  const auto response =
      machine.txn(Txn().then(delete_of("nobody")).then(Txn().then(range_of("k")))).value();

  CHECK(response.header().revision() == 4);
  CHECK(machine.view()->revision() == 4);
}

TEST_CASE("A transaction of ranges reads old revisions, all or none", "[kvstore][txn]") {
  Machine machine = filled();
  const auto response = machine.read(Txn().then(everything(2)).then(range_of("k")).request());
  CHECK(shown(response->responses(0).response_range()) == Shown{"k=5"});
  CHECK(shown(response->responses(1).response_range()) == Shown{"k=6"});

  must(machine.compact(3));
  CHECK(refusal(machine.read(Txn().then(range_of("k")).then(everything(2)).request())) ==
        RequestError::compacted);
  CHECK(refusal(machine.read(Txn().then(everything(5)).request())) ==
        RequestError::future_revision);
}

TEST_CASE("A transaction reads the history that its own batch makes", "[kvstore][txn]") {
  Machine machine;

  const auto results = machine.apply({command_of(put_of("k", "1")),
                                      command_of(put_of("k", "2")),
                                      command_of(Txn().then(put_of("l", "1")).then(everything(2)))},
                                     1);

  TxnResponse response;
  REQUIRE(decode_result(results[2], response).has_value());
  CHECK(shown(response.responses(1).response_range()) == Shown{"k=1"});
  CHECK(machine.applied() == 4);
}

TEST_CASE("A transaction that is nested as deep as gRPC lets it in can be applied and answered",
          "[kvstore][txn]") {
  constexpr int kLevels = 49;
  Machine machine = filled();
  auto nested = Txn().then(put_of("deep", "1")).then(range_of("deep"));
  for (int level = 0; level < kLevels; ++level)
    nested = Txn().then(nested);
  REQUIRE(TxnRequest().ParseFromString(nested.request().SerializeAsString()));

  const auto response = machine.txn(nested);

  REQUIRE(response.has_value());
  CHECK(response->header().revision() == 5);
}

// etcd's rules let this pass: the deletion stands in a later nested transaction.
TEST_CASE("A key may come and go within one revision", "[kvstore][txn]") {
  Machine machine = filled();
  const auto both = Txn().then(Txn().then(put_of("k", "x"))).then(Txn().then(delete_of("k")));

  const auto response = machine.txn(both).value();

  CHECK(response.responses(1).response_txn().responses(0).response_delete_range().deleted() == 1);
  CHECK(shown(*machine.read(everything())) == Shown{"l=7"});
  CHECK(shown(*machine.read(everything(4))) == Shown{"k=6", "l=7"});
  must(machine.compact(5));
  machine.wait_until_compacted(5);
  machine.apply({}, 1);
  CHECK(records_of(*machine.view())['h'] == 0);
}

}  // namespace kvstore::test
