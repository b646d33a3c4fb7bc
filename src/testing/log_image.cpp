#include "testing/log_image.hpp"

#include <algorithm>
#include <isa-l/crc64.h>
#include <string_view>

#include "testing/check.hpp"

namespace raftkit::testing {

HistoryHash after(HistoryHash before, const Entry& entry) {
  constexpr HistoryHash kPrime = 0x100000001b3;
  HistoryHash hash = before ^ 0xcbf29ce484222325;
  const auto mix = [&](std::uint64_t value) {
    hash = (hash ^ value) * kPrime;
    hash ^= hash >> 29;
  };
  mix(entry.id.term.value);
  mix(entry.id.index.value);
  mix(entry.payload.size());
  // Not the checksum under test, which need not notice its own mistakes.
  const std::string_view payload = entry.payload.view();
  mix(crc64_ecma_refl(0, reinterpret_cast<const unsigned char*>(payload.data()), payload.size()));
  return hash;
}

void LogImage::apply(const PersistBatch& batch, HistoryHash installed) {
  if (batch.hard_state) hard = *batch.hard_state;
  if (batch.snapshot) {
    snapshot = *batch.snapshot;
    base_ = snapshot.last;
    base_hash_ = installed;
    entries_.clear();
    hashes_.clear();
  }
  if (batch.truncate_from) {
    require(*batch.truncate_from > base_.index && *batch.truncate_from <= last(),
            "a write truncates at ",
            *batch.truncate_from,
            " a log of ",
            base_,
            " to ",
            last());
    entries_.resize(*batch.truncate_from - base_.index - 1);
    hashes_.resize(entries_.size());
  }
  for (const Entry& entry : batch.append) {
    require(entry.id.index == last() + 1, "a write leaves a hole before ", entry.id);
    hashes_.push_back(after(hash_at(last()), entry));
    entries_.push_back(entry);
  }
}

void LogImage::compact(Index index) {
  if (index <= base_.index) return;
  const auto dropped = static_cast<std::ptrdiff_t>(index - base_.index);
  const EntryId base = id_at(index);
  base_hash_ = hash_at(index);
  entries_.erase(entries_.begin(), entries_.begin() + dropped);
  hashes_.erase(hashes_.begin(), hashes_.begin() + dropped);
  base_ = base;
}

EntryId LogImage::id_at(Index index) const {
  return index == base_.index ? base_ : at(index).id;
}

HistoryHash LogImage::hash_at(Index index) const {
  return index == base_.index ? base_hash_ : hashes_[index - base_.index - 1];
}

std::vector<Entry> LogImage::read(Index first, Index last, std::size_t max_bytes) const {
  std::vector<Entry> found;
  std::size_t bytes = 0;
  for (Index index = first; holds(index) && index <= last; ++index) {
    bytes += at(index).size_bytes();
    if (bytes > max_bytes && !found.empty()) break;
    found.push_back(at(index));
  }
  return found;
}

InitialState LogImage::initial(Index applied, MembershipPtr membership, std::size_t kept) const {
  InitialState initial{.hard_state = hard,
                       .membership = std::move(membership),
                       .applied = applied,
                       .base = base_,
                       .older_terms = {},
                       .entries = {}};
  const Index needed = std::min(applied, last() - 1);  // the last entry is always among them
  const std::uint64_t older =
      needed > base_.index ? needed - base_.index - std::min(kept, needed - base_.index) : 0;
  for (Index index = base_.index + 1; index <= last(); ++index) {
    if (index > base_.index + older) {
      initial.entries.push_back(at(index));
    } else if (initial.older_terms.empty() ||
               initial.older_terms.back().term != at(index).id.term) {
      initial.older_terms.push_back({index, at(index).id.term});
    }
  }
  return initial;
}

}  // namespace raftkit::testing
