// raftkit's values in the words of the data files.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "raftkit/membership_change.hpp"
#include "raftkit/ready.hpp"
#include "raftkit/status.hpp"

namespace raftkit::conformance {

inline constexpr NodeId kAppendThread{~std::uint64_t{0}};
inline constexpr NodeId kApplyThread{~std::uint64_t{0} - 1};
/// What a change carries as its context if it is to be shown as one of the first version.
inline constexpr std::string_view kFirstVersion = "v1";

[[nodiscard]] std::string show_id(NodeId node);
[[nodiscard]] std::string show(Role role);
[[nodiscard]] std::string show(const Entry& entry);
[[nodiscard]] std::string show_entries(const std::vector<Entry>& entries);
[[nodiscard]] std::string show(const HardState& hard);
[[nodiscard]] std::string show(const ProgressStatus& progress);
/// "v1 l2 r3".
[[nodiscard]] std::vector<MemberStep> read_steps(const std::string& text);

/// A membership is shown in the order in which a file wrote it, which raftkit does not keep.
class MembershipNames {
 public:
  struct Lists {
    std::vector<NodeId> voters;
    std::vector<NodeId> learners;
  };
  void remember(const MembershipPtr& membership, Lists lists);
  [[nodiscard]] std::string show(const MembershipPtr& membership) const;

 private:
  std::vector<std::pair<MembershipPtr, Lists>> known_;
};

[[nodiscard]] std::string show(const SnapshotMeta& snapshot, const MembershipNames& names);

/// The parts of a message's text; what is unset is not shown.
struct MessageText {
  NodeId from;
  NodeId to;
  std::string type;
  Term term;
  EntryId log;
  std::optional<Index> hint;  // of a rejection
  Index commit;
  std::optional<NodeId> vote;
  std::vector<Entry> entries;
  std::optional<SnapshotMeta> snapshot;
  std::vector<MessageText> responses;

  [[nodiscard]] std::string show(const MembershipNames& names,
                                 const std::string& indentation = {}) const;
};

[[nodiscard]] MessageText describe(const Envelope& envelope);

}  // namespace raftkit::conformance
