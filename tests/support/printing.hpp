// How failed checks show raftkit's values.
#pragma once

#include <string>
#include <type_traits>

#include <catch2/catch.hpp>

#include "raftkit/error.hpp"
#include "raftkit/types.hpp"

template <class Value>
struct Catch::StringMaker<
    Value,
    std::enable_if_t<
        std::is_same_v<decltype(raftkit::to_string(std::declval<const Value&>())), std::string>>> {
  static std::string convert(const Value& value) { return raftkit::to_string(value); }
};
template <>
struct Catch::StringMaker<raftkit::Error> {
  static std::string convert(const raftkit::Error& error) { return error.message(); }
};
template <>
struct Catch::StringMaker<raftkit::Errc> {
  static std::string convert(raftkit::Errc code) { return raftkit::Error(code).message(); }
};
