// Who belongs to the cluster, and who of them decides.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "raftkit/bytes.hpp"
#include "raftkit/result.hpp"
#include "raftkit/types.hpp"

namespace raftkit {

/// What the cluster knows about one member. Name, store and attributes are empty until the member
/// has published itself through the log, which it does at each start.
struct Member {
  NodeId id;
  std::string name;
  std::vector<std::string> peer_urls;             ///< where the other members reach it; ascending
  StoreId store;                                  ///< its data directory; 0 while unknown
  std::map<std::string, std::string> attributes;  ///< the embedder's, e.g. addresses for clients

  friend bool operator==(const Member&, const Member&) = default;
};

/// Who takes part. All lists ascending, without repetition.
///
/// While `voters_outgoing` is not empty the membership is *joint*: elections and commits need a
/// majority of `voters` and a majority of `voters_outgoing` [thesis §4.3].
struct Membership {
  std::vector<NodeId> voters;
  std::vector<NodeId> voters_outgoing;
  std::vector<NodeId> learners;  ///< receive the log, decide nothing
  std::vector<NodeId>
      learners_next;            ///< outgoing voters that become learners when the joint phase ends
  bool auto_leave = false;      ///< the leader ends the joint phase by itself
  std::vector<Member> members;  ///< descriptions of all of the above, ascending by id

  [[nodiscard]] bool is_joint() const { return !voters_outgoing.empty(); }
  /// In either half.
  [[nodiscard]] bool is_voter(NodeId node) const;
  [[nodiscard]] bool is_learner(NodeId node) const;
  /// Voter or learner.
  [[nodiscard]] bool contains(NodeId node) const;
  /// The description of a member, or nullptr.
  [[nodiscard]] const Member* find(NodeId node) const;
  /// Everybody in any of the four lists, ascending, each once.
  [[nodiscard]] std::vector<NodeId> all() const;

  friend bool operator==(const Membership&, const Membership&) = default;
};

/// Memberships change rarely and travel everywhere: they are shared and never altered.
using MembershipPtr = std::shared_ptr<const Membership>;

/// The bytes of a Membership or a Member in entries, snapshots and stores: protocol-buffer encoding
/// as `raftkit.proto` documents it, the same bytes for equal values on every node.
[[nodiscard]] Bytes encode(const Membership& membership);
[[nodiscard]] Bytes encode(const Member& member);
/// Errors: malformed.
[[nodiscard]] Result<Membership> decode_membership(const Bytes& bytes);
[[nodiscard]] Result<Member> decode_member(const Bytes& bytes);

}  // namespace raftkit
