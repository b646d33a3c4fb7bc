#include <catch2/catch.hpp>

#include "raftkit/result.hpp"

#include "base/assert.hpp"

using raftkit::Errc;
using raftkit::Error;
using raftkit::Result;

TEST_CASE("An Errc is an error_code of the raftkit category", "[base]") {
  const raftkit::error_code code = Errc::not_leader;

  CHECK(code == Errc::not_leader);
  CHECK(std::string(code.category().name()) == "raftkit");
  CHECK(code.message() == "this node is not the leader");
}

TEST_CASE("An Error shows its detail, or what the code means", "[base]") {
  CHECK(Error(Errc::timed_out).message() == "timed out");
  CHECK(Error(Errc::io_error, "cannot open /x").message() == "cannot open /x");
  CHECK(Error(Errc::io_error, "cannot open /x") == Errc::io_error);
}

TEST_CASE("A Result holds a value or an error", "[base]") {
  const Result<int> good = 7;
  const Result<int> bad = Errc::not_found;

  REQUIRE(good);
  CHECK(*good == 7);
  REQUIRE_FALSE(bad);
  CHECK(bad.error() == Errc::not_found);
  CHECK_THROWS_AS(bad.value(), std::bad_variant_access);
}

TEST_CASE("A Result of nothing is success or an error", "[base]") {
  const Result<void> good;
  const Result<void> bad = Error(Errc::out_of_space, "full");

  CHECK(good);
  CHECK_FALSE(bad);
  CHECK(bad.error().message() == "full");
}

TEST_CASE("A failed assertion names the invariant, the condition and the values", "[base]") {
  const raftkit::Index commit{7};
  const raftkit::Index last{5};
  try {
    RAFTKIT_ASSERT(commit <= last, "INV-COMMIT-BOUND", commit, last, true, 3);
    FAIL("the assertion holds");
  } catch (const raftkit::base::InvariantViolation& violation) {
    CHECK(violation.id() == "INV-COMMIT-BOUND");
    CHECK(std::string(violation.what()) == "INV-COMMIT-BOUND: commit <= last with 7, 5, true, 3");
  }
}
