#include <string>
#include <vector>

#include <catch2/catch.hpp>

#include "raftkit/config_value.hpp"

using raftkit::Errc;
using raftkit::config::bind;
using raftkit::config::bind_choice;
using raftkit::config::FileType;
using raftkit::config::Milliseconds;
using raftkit::config::parse_url_list;

namespace {

enum class Colour { red, green };

}  // namespace

TEST_CASE("A bound variable takes what a text says, and goes back to its default", "[config]") {
  std::uint64_t count = 7;
  const auto value = bind(count);

  REQUIRE(value->set("0x10"));
  CHECK(count == 16);
  CHECK(value->text() == "16");

  value->reset();
  CHECK(count == 7);
}

TEST_CASE("A text that is refused leaves the variable as it was", "[config]") {
  std::uint32_t count = 7;
  const auto value = bind(count);

  CHECK(value->set("x").error().message() == "not a whole number from 0 up");
  CHECK(value->set("4294967296").error().message() == "out of range");
  CHECK(count == 7);
}

TEST_CASE("Each type has its name, its spelling and its type in a file", "[config]") {
  bool flag = true;
  std::string name = "a";
  std::int64_t number = -5;
  Milliseconds interval{100};
  std::chrono::nanoseconds age = std::chrono::seconds(5);
  std::vector<std::string> words = {"a", "b"};
  auto urls = parse_url_list("http://h:1").value();

  CHECK(bind(flag)->text() == "true");
  CHECK(bind(flag)->file_type() == FileType::boolean);
  CHECK(bind(name)->text() == "a");
  CHECK(bind(name)->file_type() == FileType::string);
  CHECK(bind(number)->text() == "-5");
  CHECK(bind(number)->type() == "int64");
  CHECK(bind(interval)->text() == "100");
  CHECK(bind(interval)->file_type() == FileType::integer);
  CHECK(bind(age)->text() == "5s");
  CHECK(bind(age)->file_type() == FileType::nanoseconds);
  CHECK(bind(words)->text() == "a,b");
  CHECK(bind(words)->file_type() == FileType::string_list);
  CHECK(bind(urls)->text() == "http://h:1");
  CHECK(bind(urls)->file_type() == FileType::string);
}

TEST_CASE("Bounds are not checked when a text is read", "[config]") {
  Milliseconds timeout{1000};
  const auto value = bind(timeout, {Milliseconds{1}, Milliseconds{50000}});

  CHECK(value->limits() == "from 1 to 50000");
  REQUIRE(value->set("0"));
  CHECK_FALSE(value->is_within_limits());
  REQUIRE(value->set("1"));
  CHECK(value->is_within_limits());
  REQUIRE(value->set("50000"));
  CHECK(value->is_within_limits());
  REQUIRE(value->set("50001"));
  CHECK_FALSE(value->is_within_limits());
}

TEST_CASE("One bound is enough", "[config]") {
  std::uint64_t count = 1;
  CHECK(bind(count, {1, {}})->limits() == "at least 1");
  CHECK(bind(count, {{}, 9})->limits() == "at most 9");
  CHECK(bind(count)->limits().empty());
}

TEST_CASE("A choice takes exactly its words", "[config]") {
  Colour colour = Colour::red;
  const auto value = bind_choice(colour, {{"red", Colour::red}, {"green", Colour::green}});

  CHECK(value->text() == "red");
  REQUIRE(value->set("green"));
  CHECK(colour == Colour::green);
  CHECK(value->set("Red").error().message() == "must be \"red\" or \"green\"");
  CHECK(value->set("").error() == Errc::invalid_option);
  CHECK(colour == Colour::green);
}

TEST_CASE("A list of words keeps order and repetitions, and may be empty", "[config]") {
  std::vector<std::string> words = {"default"};
  const auto value = bind(words);

  REQUIRE(value->set("b,a,,b"));
  CHECK(words == std::vector<std::string>{"b", "a", "", "b"});
  REQUIRE(value->set(""));
  CHECK(words.empty());
}

TEST_CASE("A list of URLs takes an empty text for its default", "[config]") {
  auto urls = parse_url_list("http://h:1").value();
  std::string name;

  CHECK(bind(urls)->is_reset_by_empty_text());
  CHECK_FALSE(bind(name)->is_reset_by_empty_text());
}
