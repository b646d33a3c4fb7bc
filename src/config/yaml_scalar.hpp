// What a scalar of a YAML 1.1 file is, in the eyes of the library that etcd uses.
#pragma once

#include <string>
#include <yaml-cpp/yaml.h>

namespace raftkit::config {

enum class ScalarKind { null, boolean, integer, real, string };

struct Scalar {
  ScalarKind kind = ScalarKind::null;
  std::string text;  ///< booleans as "true" or "false", integers without '+' and underscores
};

/// `node` is a scalar or null.
[[nodiscard]] Scalar resolve(const YAML::Node& node);

}  // namespace raftkit::config
