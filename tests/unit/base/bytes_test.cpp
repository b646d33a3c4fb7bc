#include "raftkit/bytes.hpp"

#include <cstring>

#include <catch2/catch.hpp>

using raftkit::Bytes;

TEST_CASE("Bytes copies what it is given and compares by content", "[base]") {
  std::string text = "abc";
  const Bytes bytes = Bytes::copy_of(text);
  text = "xyz";

  CHECK(bytes.view() == "abc");
  CHECK(bytes == Bytes::copy_of("abc"));
  CHECK_FALSE(bytes == Bytes::copy_of("abd"));
}

TEST_CASE("A copy and a slice of Bytes share its memory", "[base]") {
  const Bytes bytes = Bytes::copy_of("hello world");

  const Bytes copy =
      bytes;  // NOLINT(performance-unnecessary-copy-initialization): the copy is tested
  const Bytes word = bytes.slice(6, 5);

  CHECK(copy.data() == bytes.data());
  CHECK(word.data() == bytes.data() + 6);
  CHECK(word.view() == "world");
}

TEST_CASE("A slice is clipped to the bytes that are there", "[base]") {
  const Bytes bytes = Bytes::copy_of("hello");

  CHECK(bytes.slice(3, 100).view() == "lo");
  CHECK(bytes.slice(5, 1).empty());
  CHECK(bytes.slice(100, 1).empty());
  CHECK(bytes.slice(1, 0).empty());
}

TEST_CASE("A slice keeps the memory alive after the original is gone", "[base]") {
  Bytes word;
  {
    const Bytes bytes = Bytes::copy_of("hello world");
    word = bytes.slice(6, 5);
  }
  CHECK(word.view() == "world");
}

TEST_CASE("Bytes can alias memory that something else owns", "[base]") {
  auto owner = std::make_shared<std::string>("frame:payload");
  const std::weak_ptr<std::string> watch = owner;

  Bytes payload = Bytes::aliasing(owner, std::as_bytes(std::span(*owner)).subspan(6));
  owner.reset();

  CHECK(payload.view() == "payload");
  CHECK_FALSE(watch.expired());
  payload = {};
  CHECK(watch.expired());
}

TEST_CASE("Bytes can be filled in place", "[base]") {
  const Bytes bytes = Bytes::build(
      3, [](std::span<std::byte> memory) { std::memcpy(memory.data(), "xyz", memory.size()); });
  CHECK(bytes.view() == "xyz");
  CHECK(Bytes::build(0, [](std::span<std::byte>) { FAIL("nothing to fill"); }).empty());
}
