// The embedder's code may throw; raftkit does not let it through.
#pragma once

#include <exception>
#include <string>
#include <type_traits>

#include "raftkit/result.hpp"

namespace raftkit::runtime {

/// The result of `call`, or an error of this code with the exception's words.
template <class Call>
std::invoke_result_t<Call> no_throw(Errc code, Call&& call) {
  try {
    return call();
  } catch (const std::exception& thrown) {
    return Error(code, std::string("exception: ") + thrown.what());
  } catch (...) {
    return Error(code, "exception of an unknown type");
  }
}

}  // namespace raftkit::runtime
