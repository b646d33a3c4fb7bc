// The page of a run: what is wrong stands on it in words, and nothing breaks out of its place.
#include "testing/history_page.hpp"

#include <sstream>

#include <catch2/catch.hpp>

#include "raftkit/testing/simulation.hpp"

#include "bad_history.hpp"
#include "transport/json.hpp"

using namespace raftkit;           // NOLINT(google-build-using-namespace): domain words of the test
using namespace raftkit::testing;  // NOLINT(google-build-using-namespace): as above
using Catch::Contains;
using transport::JsonValue;

namespace {

std::string page_of(const History& history) {
  std::ostringstream out;
  write_page(out, history, check_history(history));
  return out.str();
}

/// What the page's script draws.
JsonValue data_of(const std::string& page) {
  const std::string begin = R"(<script type="application/json" id="data">)";
  const std::size_t from = page.find(begin) + begin.size();
  const auto data = transport::parse_json(
      std::string_view(page).substr(from, page.find("</script>", from) - from));
  REQUIRE(data);
  return *data;
}

std::size_t count(const std::string& text, const std::string& what) {
  std::size_t found = 0;
  for (auto at = text.find(what); at != std::string::npos; at = text.find(what, at + 1))
    ++found;
  return found;
}

}  // namespace

TEST_CASE("The page names the first impossible operation, the reason and the core", "[history]") {
  const std::string page = page_of(stale_read());

  CHECK_THAT(page, Contains("<h1>Seed 42: nobody could have seen list 3 like this</h1>"));
  CHECK_THAT(page, Contains("<code>raftkit-sim --seed 42</code>"));
  CHECK_THAT(page, Contains("<code>abcdef0123456789</code>"));
  CHECK_THAT(page,
             Contains("<strong>✗ operation 5: client 2, read list 3 on node 2, from 60.000 to "
                      "70.000 ms: length 2</strong>"));
  CHECK_THAT(page, Contains("<p>expected length 3, got 2</p>"));
  CHECK_THAT(page,
             Contains("<li>operation 4: client 1, append 4 to list 3 on node 1, from 41.000 to "
                      "50.000 ms: length 3</li>\n<li>operation 5: "));
}

TEST_CASE("The page's script gets the run, and the states around each operation", "[history]") {
  const JsonValue data = data_of(page_of(stale_read()));

  CHECK(data.find("impossible")->number() == 4);
  REQUIRE(data.find("core")->items.size() == 2);
  CHECK(data.find("core")->items[0].number() == 3);
  const auto& operations = data.find("ops")->items;
  REQUIRE(operations.size() == 6);
  CHECK(operations[3].find("what")->text == "append 4 to list 3");
  CHECK(operations[3].find("answer")->text == "length 3");
  CHECK(operations[3].find("before")->text.starts_with("length 2 "));
  CHECK(operations[3].find("after")->text.starts_with("length 3 "));
  CHECK(operations[4].find("after")->text.starts_with("length 3 "));
  CHECK(data.find("lists")->items.at(0).find("order")->items.size() == 5);
  CHECK(data.find("faults")->items.at(0).find("who")->text == "1 | 2 3");
  CHECK(data.find("leaders")->items.at(0).find("t1")->kind == JsonValue::Kind::null);
  CHECK(data.find("power")->items.size() == 3);
}

TEST_CASE("A page shows a failure that is none of its clients' business", "[history]") {
  History history = stale_read();
  history.operations.resize(3);
  history.failure = "durability: <b>node 2</b> & its log";

  const std::string page = page_of(history);

  CHECK_THAT(page, Contains("<h1>Seed 42: failed</h1>"));
  CHECK_THAT(page,
             Contains("<pre>FAILED: durability: &lt;b&gt;node 2&lt;/b&gt; &amp; its log</pre>"));
  CHECK(data_of(page).find("impossible")->kind == JsonValue::Kind::null);
}

TEST_CASE("Nothing in a history ends the script that it stands in", "[history]") {
  History history = stale_read();
  history.faults[0].who = "</script><script>alert(1)</script>";

  const std::string page = page_of(history);

  CHECK(count(page, "</script>") == 2);  // the page's own
  CHECK(data_of(page).find("faults")->items.at(0).find("who")->text == history.faults[0].who);
}

TEST_CASE("A page needs nothing that is outside of it", "[history]") {
  std::ostringstream out;
  CHECK_FALSE(simulate({.seed = 2, .duration = std::chrono::seconds(10), .page = &out}).failure);
  const std::string page = out.str();

  CHECK_THAT(page, Contains("<h1>Seed 2: nothing is wrong</h1>"));
  CHECK(data_of(page).find("ops")->items.size() > 50);
  for (const char* outside : {"src=", "href=", "url(", "@import", "import(", "fetch("})
    CHECK_THAT(page, !Contains(outside));
  CHECK(count(page, "http") == 1);  // the name of SVG's elements
}
