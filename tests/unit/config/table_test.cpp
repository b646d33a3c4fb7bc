#include <string>

#include <catch2/catch.hpp>

#include "raftkit/config_table.hpp"

using raftkit::Errc;
using raftkit::config::bind;
using raftkit::config::OptionTable;

TEST_CASE("A row's default is what its variable holds when it is added", "[config]") {
  std::string name = "default";
  OptionTable table({"server", ""});

  table.add({"name", "Member", "Its name."}, bind(name));
  name = "other";

  REQUIRE(table.find("name") != nullptr);
  CHECK(table.find("name")->option.default_text == "default");
  CHECK(table.find("name")->option.file_key == "name");
  CHECK(table.find("Name") == nullptr);
}

TEST_CASE("An option's variable has the program's prefix", "[config]") {
  CHECK(OptionTable({"server", ""}).environment_variable("data-dir") == "ETCD_DATA_DIR");
  CHECK(OptionTable({"server", "", "KV_"}).environment_variable("data-dir") == "KV_DATA_DIR");
}

TEST_CASE("A row that cannot be told from others makes the table invalid", "[config]") {
  const auto* const name = GENERATE("taken", "help", "h", "version", "", "-x", "a=b");
  CAPTURE(name);
  bool taken = false;
  bool other = false;
  OptionTable table({"server", ""});
  table.add({"taken", "", ""}, bind(taken));
  REQUIRE(table.validity());

  table.add({name, "", ""}, bind(other));

  REQUIRE_FALSE(table.validity());
  CHECK(table.validity().error() == Errc::invalid_option);
}
