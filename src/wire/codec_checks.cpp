#include "wire/codec_checks.hpp"

#include "wire/codec.hpp"

namespace raftkit::wire {

std::optional<std::string> what_is_wrong(const AppendRequest& request, Term term) {
  EntryId last = request.previous;
  for (const Entry& entry : request.entries) {
    if (entry.id.index != last.index + 1) {
      return "entry " + to_string(entry.id) + " follows " + to_string(last);
    }
    if (entry.id.term < last.term) {
      return "terms go back: entry " + to_string(entry.id) + " follows " + to_string(last);
    }
    last = entry.id;
  }
  // A leader's log ends in its own term at the latest.
  if (last.term > term) {
    return "entry " + to_string(last) + " is newer than the sender's term " + to_string(term);
  }
  return std::nullopt;
}

std::size_t size_bytes(const Envelope& envelope) {
  std::size_t bytes = kMessageOverheadBytes;
  if (const auto* append = std::get_if<AppendRequest>(&envelope.message)) {
    for (const Entry& entry : append->entries)
      bytes += entry.size_bytes();
  } else if (const auto* propose = std::get_if<ProposeRequest>(&envelope.message)) {
    for (const Proposal& proposal : propose->proposals)
      bytes += proposal.payload.size() + Entry::kOverheadBytes;
  }
  return bytes;
}

}  // namespace raftkit::wire
