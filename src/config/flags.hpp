// Command lines as Go's flag package reads them.
#pragma once

#include <set>
#include <span>
#include <string>

#include "raftkit/config_table.hpp"

namespace raftkit::config {

/// How far reading came: it stops at the first thing that is not right.
enum class FlagsEnd {
  complete,
  help,       ///< somebody asked for it
  malformed,  ///< `complaint` is what etcd would print before the usage
  stray_word  ///< `complaint` says which word is no flag
};

enum class VersionAsked { no, yes };

struct Flags {
  FlagsEnd end = FlagsEnd::complete;
  std::string complaint;
  std::set<std::string, std::less<>> given;  ///< options whose variables were set
  VersionAsked version = VersionAsked::no;
};

/// Sets the variables of all flags up to the end.
[[nodiscard]] Flags parse_flags(const OptionTable& table, std::span<const std::string> arguments);

}  // namespace raftkit::config
