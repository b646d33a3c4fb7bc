#include <catch2/catch.hpp>

#include "machine.hpp"

namespace kvstore::test {

namespace {

mvccpb::KeyValue only(const raftkit::Result<RangeResponse>& response) {
  REQUIRE(response.has_value());
  REQUIRE(response->kvs_size() == 1);
  return response->kvs(0);
}

}  // namespace

TEST_CASE("An empty store is at revision 1, and the first change makes it 2", "[kvstore]") {
  Machine machine;
  CHECK((*machine).is_new());
  CHECK(machine.view()->revision() == 1);
  CHECK(machine.read(range_of("k"))->header().revision() == 1);

  CHECK(machine.put("k", "v")->header().revision() == 2);
  CHECK(machine.view()->revision() == 2);
}

TEST_CASE("A put creates a key at version 1, and each further one counts", "[kvstore][put]") {
  Machine machine;
  must(machine.put("other", "1"));
  must(machine.put("k", "1"));
  must(machine.put("k", "1"));

  const auto kv = only(machine.read(range_of("k")));
  CHECK(kv.create_revision() == 3);
  CHECK(kv.mod_revision() == 4);
  CHECK(kv.version() == 2);
  CHECK(kv.lease() == 0);
}

TEST_CASE("A deletion resets the version", "[kvstore][put][delete]") {
  Machine machine;
  must(machine.put("k", "1"));
  must(machine.put("k", "2"));
  must(machine.erase("k"));
  CHECK(machine.read(range_of("k"))->kvs_size() == 0);

  must(machine.put("k", "3"));

  const auto kv = only(machine.read(range_of("k")));
  CHECK(kv.version() == 1);
  CHECK(kv.create_revision() == 5);
}

TEST_CASE("A put shows the previous version if asked to, and none for a new key",
          "[kvstore][put]") {
  Machine machine;
  PutRequest request = put_of("k", "2");
  request.set_prev_kv(true);
  CHECK_FALSE(machine.put(request)->has_prev_kv());

  request.set_value("3");
  const auto response = machine.put(request).value();

  CHECK(response.prev_kv().value() == "2");
  CHECK(response.prev_kv().version() == 1);
  CHECK_FALSE(machine.put("k", "4")->has_prev_kv());
}

TEST_CASE("A put may keep the value, and is a new revision all the same", "[kvstore][put]") {
  Machine machine;
  must(machine.put("k", "kept"));
  PutRequest request = put_of("k");
  request.set_ignore_value(true);
  request.set_ignore_lease(true);

  CHECK(machine.put(request)->header().revision() == 3);

  const auto kv = only(machine.read(range_of("k")));
  CHECK(kv.value() == "kept");
  CHECK(kv.version() == 2);
}

TEST_CASE("A put that keeps something needs the key, else it changes nothing", "[kvstore][put]") {
  Machine machine;
  PutRequest value = put_of("k");
  value.set_ignore_value(true);
  PutRequest lease = put_of("k", "v");
  lease.set_ignore_lease(true);

  CHECK(refusal(machine.put(value)) == RequestError::key_not_found);
  CHECK(refusal(machine.put(lease)) == RequestError::key_not_found);
  CHECK(machine.view()->revision() == 1);
}

TEST_CASE("A put with an unknown lease changes nothing", "[kvstore][put]") {
  Machine machine;
  PutRequest request = put_of("k", "v");
  request.set_lease(7);

  CHECK(refusal(machine.put(request)) == RequestError::lease_not_found);
  CHECK(machine.view()->revision() == 1);
}

TEST_CASE("A range deletion is one revision, and counts and shows what it took",
          "[kvstore][delete]") {
  Machine machine;
  machine.apply(
      {command_of(put_of("a", "1")), command_of(put_of("b", "2")), command_of(put_of("c", "3"))});
  DeleteRangeRequest request = delete_of("a", "c");
  request.set_prev_kv(true);

  const auto response = machine.apply_one<DeleteRangeResponse>(request).value();

  CHECK(response.header().revision() == 5);
  CHECK(response.deleted() == 2);
  REQUIRE(response.prev_kvs_size() == 2);
  CHECK(response.prev_kvs(0).value() == "1");
  CHECK(response.prev_kvs(1).value() == "2");
  CHECK(shown(*machine.read(everything())) == std::vector<std::string>{"c=3"});
  CHECK(shown(*machine.read(everything(4))) == std::vector<std::string>{"a=1", "b=2", "c=3"});
}

TEST_CASE("A deletion that finds nothing is no revision", "[kvstore][delete]") {
  Machine machine;
  must(machine.put("k", "v"));

  const auto response = machine.erase("x", "z").value();

  CHECK(response.deleted() == 0);
  CHECK(response.header().revision() == 2);
  CHECK(machine.erase("z", "a")->deleted() == 0);
  CHECK(machine.view()->revision() == 2);
}

TEST_CASE("Commands of one batch see each other, and each is a revision of its own", "[kvstore]") {
  Machine machine;

  machine.apply({command_of(put_of("a", "1")),
                 command_of(put_of("a", "2")),
                 command_of(delete_of("a")),
                 command_of(put_of("a", "3"))});

  CHECK(machine.view()->revision() == 5);
  CHECK(shown(*machine.read(everything(2))) == std::vector<std::string>{"a=1"});
  CHECK(shown(*machine.read(everything(3))) == std::vector<std::string>{"a=2"});
  CHECK(shown(*machine.read(everything(4))).empty());
  CHECK(only(machine.read(range_of("a"))).version() == 1);
}

TEST_CASE("State and applied index outlive the process", "[kvstore]") {
  Machine machine;
  machine.apply({command_of(put_of("a", "1")), command_of(put_of("a", "2"))}, 3);
  CHECK(machine.applied() == 5);

  machine.reopen();

  CHECK_FALSE((*machine).is_new());
  CHECK(machine.applied() == 5);
  CHECK(machine.view()->revision() == 3);
  CHECK(shown(*machine.read(everything(2))) == std::vector<std::string>{"a=1"});
}

TEST_CASE("A batch without commands still counts as applied", "[kvstore]") {
  Machine machine;
  must(machine.put("a", "1"));

  machine.apply({}, 4);

  CHECK(machine.applied() == 5);
  CHECK(machine.view()->revision() == 2);
  machine.reopen();
  CHECK(machine.applied() == 5);
}

TEST_CASE("A command that nobody understands is refused and changes nothing", "[kvstore]") {
  Machine machine;
  RangeResponse response;
  for (const std::string& payload : {std::string("\xff\xff"), std::string()}) {
    std::vector<raftkit::Command> commands = {
        {{raftkit::Term{1}, raftkit::Index{1}}, raftkit::Bytes::copy_of(payload)}};
    std::vector<raftkit::Bytes> results(1);
    (*machine).apply(commands, commands[0].id, results);
    const auto decoded = decode_result(results[0], response);
    CHECK(request_error(decoded.error()) == RequestError::malformed_command);
  }
  CHECK(machine.view()->revision() == 1);
}

TEST_CASE("Keys of any bytes stay apart and in order", "[kvstore]") {
  using namespace std::string_literals;
  const std::vector<std::string> keys = {"\0"s,
                                         "\0\0"s,
                                         "\0\x01"s,
                                         "\0\xff"s,
                                         "\x01"s,
                                         "a"s,
                                         "a\0"s,
                                         "a\0b"s,
                                         "a\xff"s,
                                         "b"s,
                                         "\xff"s,
                                         "\xff\xff"s};
  Machine machine;
  for (auto key = keys.rbegin(); key != keys.rend(); ++key)
    must(machine.put(*key, "old"));
  const auto revision = machine.view()->revision();
  for (const std::string& key : keys)
    must(machine.put(key, "new"));

  for (const auto at : {revision, machine.view()->revision()}) {
    const auto all = machine.read(everything(at)).value();
    std::vector<std::string> found;
    for (const auto& kv : all.kvs())
      found.push_back(kv.key());
    CHECK(found == keys);
    for (const std::string& key : keys)
      CHECK(only(machine.read(range_of(key, "", at))).key() == key);
  }
}

}  // namespace kvstore::test
