#include "raftkit/types.hpp"

#include <type_traits>
#include <unordered_set>

#include <catch2/catch.hpp>

using namespace raftkit;  // NOLINT(google-build-using-namespace): a test of exactly these names

static_assert(!std::is_convertible_v<std::uint64_t, Term>);
static_assert(!std::is_convertible_v<Term, Index>);
static_assert(!std::is_constructible_v<Index, Term>);

TEST_CASE("Entry IDs order by term first, then index", "[base]") {
  CHECK(EntryId{Term{2}, Index{1}} > EntryId{Term{1}, Index{9}});
  CHECK(EntryId{Term{2}, Index{3}} > EntryId{Term{2}, Index{2}});
  CHECK(EntryId{Term{2}, Index{3}} == EntryId{Term{2}, Index{3}});
}

TEST_CASE("Numbers print as etcd prints them", "[base]") {
  CHECK(to_string(NodeId{0x08a7274e3c0418b9}) == "8a7274e3c0418b9");
  CHECK(to_string(NodeId{0}) == "0");
  CHECK(to_string(ClusterId{0xffffffffffffffff}) == "ffffffffffffffff");
  CHECK(to_string(EntryId{Term{3}, Index{17}}) == "3/17");
}

TEST_CASE("Index arithmetic counts entries", "[base]") {
  CHECK(Index{5} + 3 == Index{8});
  CHECK(Index{5} - 3 == Index{2});
  CHECK(Index{8} - Index{5} == 3);
}

TEST_CASE("The numbers can be keys of hash tables", "[base]") {
  const std::unordered_set<NodeId> nodes = {NodeId{1}, NodeId{1}, NodeId{2}};
  CHECK(nodes.size() == 2);
}
