// A report for people, and for programs.
#pragma once

#include <iosfwd>
#include <string_view>

#include "inspect/inspection.hpp"

namespace raftkit::inspect {

void print_text(std::ostream& out, const Report& report);

/// One object in one line. Numbers of terms, indexes, bytes and offsets are JSON numbers; IDs are
/// strings in hexadecimal, as etcd's tools print them. Names do not change; new ones may come.
void print_json(std::ostream& out, const Report& report);

/// As both spell it; "unknown" for what a newer release may have written.
[[nodiscard]] std::string_view name_of(RecordReport::Kind kind);
[[nodiscard]] std::string_view name_of(EntryType type);

}  // namespace raftkit::inspect
