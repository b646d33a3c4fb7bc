// What a request is refused for before it goes into the log.
#include "state_machine/validate.hpp"

#include <catch2/catch.hpp>

#include "requests.hpp"

namespace kvstore::test {

namespace {

constexpr std::size_t kMaxOperations = 128;

std::optional<RequestError> validate_txn(const TxnRequest& request,
                                         std::size_t max_operations = kMaxOperations) {
  return validate(request, max_operations);
}

}  // namespace

TEST_CASE("A request without a key is refused", "[kvstore][validate]") {
  CHECK(validate(range_of("")) == RequestError::key_not_provided);
  CHECK(validate(put_of("")) == RequestError::key_not_provided);
  CHECK(validate(delete_of("")) == RequestError::key_not_provided);
  CHECK(validate(range_of("", "b")) == RequestError::key_not_provided);
  CHECK_FALSE(validate(range_of(kNoEnd)));
}

TEST_CASE("A put must not bring what it asks to ignore", "[kvstore][validate]") {
  PutRequest request = put_of("k", "v");
  request.set_ignore_value(true);
  CHECK(validate(request) == RequestError::value_provided);
  request.clear_value();
  CHECK_FALSE(validate(request));

  request.set_ignore_lease(true);
  CHECK_FALSE(validate(request));
  request.set_lease(1);
  CHECK(validate(request) == RequestError::lease_provided);
}

TEST_CASE("A transaction is refused for what any of its operations would be",
          "[kvstore][validate][txn]") {
  PutRequest ignoring = put_of("k", "v");
  ignoring.set_ignore_value(true);

  CHECK(validate_txn(Txn().then(put_of(""))) == RequestError::key_not_provided);
  CHECK(validate_txn(Txn().otherwise(range_of(""))) == RequestError::key_not_provided);
  CHECK(validate_txn(Txn().otherwise(delete_of(""))) == RequestError::key_not_provided);
  CHECK(validate_txn(Txn().when(version_is("", Compare::EQUAL, 0))) ==
        RequestError::key_not_provided);
  CHECK(validate_txn(Txn().then(ignoring)) == RequestError::value_provided);
  CHECK(validate_txn(Txn().then(Txn().otherwise(ignoring))) == RequestError::value_provided);
}

TEST_CASE("An operation that says nothing is refused as a key that is not found",
          "[kvstore][validate][txn]") {
  TxnRequest request;
  request.add_failure();

  CHECK(validate_txn(request) == RequestError::key_not_found);
}

TEST_CASE("The longest of a transaction's three lists counts against the limit",
          "[kvstore][validate][txn]") {
  Txn txn;
  for (int i = 0; i < 3; ++i) {
    txn.when(version_is("k", Compare::EQUAL, 0)).then(range_of("k")).otherwise(range_of("k"));
  }
  CHECK_FALSE(validate_txn(txn, 3));
  CHECK(validate_txn(txn, 2) == RequestError::too_many_operations);

  auto compares = txn;
  CHECK(validate_txn(compares.when(version_is("k", Compare::EQUAL, 0)), 3) ==
        RequestError::too_many_operations);
  auto successes = txn;
  CHECK(validate_txn(successes.then(range_of("k")), 3) == RequestError::too_many_operations);
  auto failures = txn;
  CHECK(validate_txn(failures.otherwise(range_of("k")), 3) == RequestError::too_many_operations);
}

TEST_CASE("A nested transaction may use what its parent leaves", "[kvstore][validate][txn]") {
  const auto nested = Txn().then(range_of("a")).then(range_of("b"));
  const auto parent = Txn().then(range_of("c")).then(nested);

  CHECK_FALSE(validate_txn(parent, 4));
  CHECK(validate_txn(parent, 3) == RequestError::too_many_operations);

  // Siblings do not share a budget.
  const auto wide = Txn().then(nested).then(nested);
  CHECK_FALSE(validate_txn(wide, 4));
}

TEST_CASE("A branch must not put a key twice", "[kvstore][validate][txn]") {
  CHECK(validate_txn(Txn().then(put_of("k")).then(put_of("k"))) == RequestError::duplicate_key);
  CHECK(validate_txn(Txn().otherwise(put_of("k")).otherwise(put_of("k"))) ==
        RequestError::duplicate_key);
  CHECK_FALSE(validate_txn(Txn().then(put_of("k")).otherwise(put_of("k"))));
  CHECK_FALSE(validate_txn(Txn().then(put_of("k")).then(put_of("kk"))));
}

TEST_CASE("A branch must not put a key that it deletes, in whichever order",
          "[kvstore][validate][txn]") {
  CHECK(validate_txn(Txn().then(put_of("k")).then(delete_of("k"))) == RequestError::duplicate_key);
  CHECK(validate_txn(Txn().then(delete_of("k")).then(put_of("k"))) == RequestError::duplicate_key);
  CHECK(validate_txn(Txn().then(delete_of("a", "z")).then(put_of("k"))) ==
        RequestError::duplicate_key);
  CHECK_FALSE(validate_txn(Txn().then(delete_of("a", "k")).then(put_of("k"))));
  CHECK_FALSE(validate_txn(Txn().then(delete_of("k")).otherwise(put_of("k"))));
}

TEST_CASE("Deletions may overlap", "[kvstore][validate][txn]") {
  CHECK_FALSE(
      validate_txn(Txn().then(delete_of("k")).then(delete_of("k")).then(delete_of("a", "z"))));
}

TEST_CASE("What nested transactions may change counts for their parent's branch",
          "[kvstore][validate][txn]") {
  const auto putting = Txn().then(put_of("k"));
  const auto putting_otherwise = Txn().otherwise(put_of("k"));
  const auto deleting = Txn().otherwise(delete_of("k"));

  CHECK(validate_txn(Txn().then(put_of("k")).then(putting)) == RequestError::duplicate_key);
  CHECK(validate_txn(Txn().then(putting).then(putting_otherwise)) == RequestError::duplicate_key);
  CHECK(validate_txn(Txn().then(delete_of("k")).then(putting)) == RequestError::duplicate_key);
  CHECK(validate_txn(Txn().then(deleting).then(put_of("k"))) == RequestError::duplicate_key);
  CHECK(validate_txn(Txn().then(Txn().then(putting)).then(put_of("k"))) ==
        RequestError::duplicate_key);
}

TEST_CASE("The branches of one nested transaction may change the same key",
          "[kvstore][validate][txn]") {
  CHECK_FALSE(validate_txn(Txn().then(Txn().then(put_of("k")).otherwise(put_of("k")))));
  CHECK_FALSE(validate_txn(Txn().then(Txn().then(put_of("k")).otherwise(delete_of("k")))));
}

TEST_CASE("Only a transaction of ranges alone is read without the log",
          "[kvstore][validate][txn]") {
  CHECK(is_read_only(TxnRequest()));
  CHECK(is_read_only(Txn().then(range_of("k")).otherwise(range_of("k"))));
  CHECK_FALSE(is_read_only(Txn().then(range_of("k")).otherwise(put_of("k"))));
  CHECK_FALSE(is_read_only(Txn().then(delete_of("k"))));
  CHECK_FALSE(is_read_only(Txn().then(Txn().then(range_of("k")))));
}

TEST_CASE("A transaction is serializable if its every range is", "[kvstore][validate][txn]") {
  RangeRequest local = range_of("k");
  local.set_serializable(true);

  CHECK(is_serializable(TxnRequest()));
  CHECK(is_serializable(Txn().then(local).otherwise(local)));
  CHECK_FALSE(is_serializable(Txn().then(local).otherwise(range_of("k"))));
}

}  // namespace kvstore::test

namespace kvstore::test {

TEST_CASE("All lists of a transaction and of those within it have a limit together",
          "[kvstore][validate]") {
  TxnRequest request;
  for (int branch = 0; branch < 40; ++branch) {
    TxnRequest& nested = *request.add_success()->mutable_request_txn();
    for (int i = 0; i < 80; ++i)
      *nested.add_success()->mutable_request_range() = range_of("k");
  }
  CHECK_FALSE(validate(request, 128));
  for (int branch = 0; branch < 20; ++branch)
    *request.add_success() = request.success(0);

  CHECK(validate(request, 128) == RequestError::too_many_operations);
}

}  // namespace kvstore::test
