// Short ways to say what is to be persisted.
#pragma once

#include "testing/batches.hpp"

namespace raftkit::test {

using testing::Batch;
using testing::entry;
using testing::read;
using testing::snapshot;
using testing::write;

}  // namespace raftkit::test
