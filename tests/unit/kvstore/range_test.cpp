#include <catch2/catch.hpp>

#include "machine.hpp"

namespace kvstore::test {

namespace {

using Shown = std::vector<std::string>;

/// Four keys, whose order differs by each thing to sort by.
Machine filled() {
  Machine machine;
  machine.apply({command_of(put_of("b", "1")),
                 command_of(put_of("a", "3")),
                 command_of(put_of("d", "9")),
                 command_of(put_of("c", "2")),
                 command_of(put_of("d", "4")),
                 command_of(put_of("d", "0")),
                 command_of(put_of("b", "7"))});
  return machine;
}

RangeRequest sorted(RangeRequest::SortTarget target, RangeRequest::SortOrder order) {
  RangeRequest request = everything();
  request.set_sort_target(target);
  request.set_sort_order(order);
  return request;
}

}  // namespace

TEST_CASE("A range is a key, or the keys before an end, or all keys from one on",
          "[kvstore][range]") {
  const Machine machine = filled();

  CHECK(shown(*machine.read(range_of("b"))) == Shown{"b=7"});
  CHECK(shown(*machine.read(range_of("b", "d"))) == Shown{"b=7", "c=2"});
  CHECK(shown(*machine.read(range_of("c", kNoEnd))) == Shown{"c=2", "d=0"});
  CHECK(shown(*machine.read(everything())) == Shown{"a=3", "b=7", "c=2", "d=0"});
}

TEST_CASE("A range that ends before it begins is empty", "[kvstore][range]") {
  const Machine machine = filled();

  CHECK(machine.read(range_of("c", "b"))->count() == 0);
  CHECK(machine.read(range_of("c", "c"))->count() == 0);
  CHECK(machine.read(range_of("c", "b", 3))->count() == 0);
}

TEST_CASE("A range shows any revision that is not compacted, with the newest in its header",
          "[kvstore][range]") {
  const Machine machine = filled();

  const auto response = machine.read(everything(4)).value();

  CHECK(shown(response) == Shown{"a=3", "b=1", "d=9"});
  CHECK(response.header().revision() == 8);
  CHECK(shown(*machine.read(everything(1))).empty());
  CHECK(shown(*machine.read(everything(-3))) == shown(*machine.read(everything())));
}

TEST_CASE("The future cannot be read", "[kvstore][range]") {
  const Machine machine = filled();

  CHECK(refusal(machine.read(everything(9))) == RequestError::future_revision);
  CHECK(refusal(machine.read(range_of("nobody", "", 9))) == RequestError::future_revision);
  CHECK_FALSE(refusal(machine.read(everything(8))));
}

TEST_CASE("A range is sorted by what is asked for, also upwards by default", "[kvstore][range]") {
  const Machine machine = filled();
  const auto by = [&](RangeRequest::SortTarget target, RangeRequest::SortOrder order) {
    return shown(*machine.read(sorted(target, order)));
  };

  CHECK(by(RangeRequest::KEY, RangeRequest::DESCEND) == Shown{"d=0", "c=2", "b=7", "a=3"});
  CHECK(by(RangeRequest::VALUE, RangeRequest::ASCEND) == Shown{"d=0", "c=2", "a=3", "b=7"});
  CHECK(by(RangeRequest::VALUE, RangeRequest::NONE) == Shown{"d=0", "c=2", "a=3", "b=7"});
  CHECK(by(RangeRequest::CREATE, RangeRequest::ASCEND) == Shown{"b=7", "a=3", "d=0", "c=2"});
  CHECK(by(RangeRequest::MOD, RangeRequest::DESCEND) == Shown{"b=7", "d=0", "c=2", "a=3"});
  CHECK(by(RangeRequest::VERSION, RangeRequest::DESCEND).front() == "d=0");
}

TEST_CASE("Sorting comes before the limit", "[kvstore][range]") {
  const Machine machine = filled();
  RangeRequest request = sorted(RangeRequest::MOD, RangeRequest::DESCEND);
  request.set_limit(1);

  const auto response = machine.read(request).value();

  CHECK(shown(response) == Shown{"b=7"});
  CHECK(response.more());
  CHECK(response.count() == 4);
}

TEST_CASE("`more` tells that the limit left something out, `count` what the range holds",
          "[kvstore][range]") {
  const Machine machine = filled();
  RangeRequest request = range_of("b", kNoEnd);
  request.set_limit(2);
  auto response = machine.read(request).value();
  CHECK(shown(response) == Shown{"b=7", "c=2"});
  CHECK(response.more());
  CHECK(response.count() == 3);

  request.set_limit(3);
  response = machine.read(request).value();
  CHECK(response.kvs_size() == 3);
  CHECK_FALSE(response.more());
}

TEST_CASE("Filters come before the limit, and do not change the count", "[kvstore][range]") {
  const Machine machine = filled();
  RangeRequest request = everything();
  request.set_min_create_revision(3);
  request.set_max_create_revision(4);
  auto response = machine.read(request).value();
  CHECK(shown(response) == Shown{"a=3", "d=0"});
  CHECK(response.count() == 4);

  request.set_limit(1);
  response = machine.read(request).value();
  CHECK(shown(response) == Shown{"a=3"});
  CHECK(response.more());

  request.set_min_mod_revision(7);
  request.set_max_mod_revision(7);
  response = machine.read(request).value();
  CHECK(shown(response) == Shown{"d=0"});
  CHECK_FALSE(response.more());
}

TEST_CASE("A range may show only keys, or only how many", "[kvstore][range]") {
  const Machine machine = filled();
  RangeRequest request = sorted(RangeRequest::VALUE, RangeRequest::ASCEND);
  request.set_keys_only(true);
  CHECK(shown(*machine.read(request)) == Shown{"d=", "c=", "a=", "b="});

  request.set_count_only(true);
  request.set_limit(1);
  const auto response = machine.read(request).value();
  CHECK(response.kvs_size() == 0);
  CHECK(response.count() == 4);
  CHECK_FALSE(response.more());
}

TEST_CASE("A view stays as it was", "[kvstore][range]") {
  Machine machine;
  must(machine.put("k", "1"));
  const auto view = machine.view();

  must(machine.put("k", "2"));
  must(machine.compact(3));
  machine.wait_until_compacted(3);

  CHECK(shown(*evaluate(*view, everything())) == Shown{"k=1"});
  CHECK(view->revision() == 2);
}

}  // namespace kvstore::test
