// Snapshots as strings, for tests that need no streams.
#pragma once

#include "testing/snapshots.hpp"

namespace raftkit::test {

using testing::content_of;
using testing::drain;
using testing::noise;
using testing::save;

}  // namespace raftkit::test
