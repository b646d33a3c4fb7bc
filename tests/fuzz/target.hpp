// What is fuzzed: one target per program, each with a property of a decoder that no input may
// break.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

/// Does with an input what the target is about; 0, or does not return. Throws CheckFailed if the
/// property does not hold.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace raftkit::fuzz {

/// Inputs to begin with: valid ones, so that what is made of them gets beyond the first check.
[[nodiscard]] std::vector<std::string> examples();

}  // namespace raftkit::fuzz
