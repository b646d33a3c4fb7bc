// Splitting paths, which are plain strings with slashes everywhere in this layer.
#pragma once

#include <string>
#include <string_view>

namespace raftkit::storage {

/// The directory that holds `path`: "." for a bare name, "/" for one in the root.
[[nodiscard]] inline std::string parent_directory(std::string_view path) {
  while (path.size() > 1 && path.back() == '/')
    path.remove_suffix(1);
  const auto slash = path.rfind('/');
  if (slash == std::string_view::npos) return ".";
  return std::string(path.substr(0, slash == 0 ? 1 : slash));
}

/// What follows the last slash.
[[nodiscard]] inline std::string_view file_name(std::string_view path) {
  return path.substr(path.rfind('/') + 1);  // npos + 1 is 0
}

}  // namespace raftkit::storage
