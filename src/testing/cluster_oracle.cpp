#include "testing/cluster_oracle.hpp"

#include <algorithm>

#include "core/membership_changer.hpp"
#include "testing/check.hpp"

namespace raftkit::testing {

namespace {

/// Counted here once more: the core's arithmetic may be what is wrong.
template <class Has>
bool is_majority(const std::vector<NodeId>& voters, const Has& has) {
  const auto count = std::count_if(voters.begin(), voters.end(), has);
  return voters.empty() || 2 * static_cast<std::size_t>(count) > voters.size();
}

/// Of one of these memberships, and of both halves of a joint one.
template <class Has>
bool is_quorum(const std::vector<MembershipPtr>& members, const Has& has) {
  return std::any_of(members.begin(), members.end(), [&](const MembershipPtr& each) {
    return is_majority(each->voters, has) && is_majority(each->voters_outgoing, has);
  });
}

}  // namespace

void ClusterOracle::log_grew(const LogImage& image, Index first) {
  for (Index index = first; index <= image.last(); ++index) {
    const HistoryHash hash = image.hash_at(index);
    const auto [known, is_new] = history_.emplace(image.id_at(index), hash);
    require(is_new || known->second == hash,
            "log matching: two logs hold ",
            known->first,
            " and differ before it");
  }
}

void ClusterOracle::leads(NodeId node, std::uint64_t life, Term term, const LogImage& written) {
  const auto [known, is_new] = leaders_.emplace(term, std::pair(node, life));
  require(known->second == std::pair(node, life),
          "election safety: term ",
          term,
          " is led by ",
          known->second.first,
          " and by ",
          node,
          ", or by one node in two lives");
  if (!is_new) return;
  for (const Chosen& entry : chosen_) {
    if (entry.observed >= term) continue;  // perhaps by a later leader
    require(written.covers(entry.id),
            "leader completeness: the leader of term ",
            term,
            " lacks ",
            entry.id,
            ", which was committed in term ",
            entry.observed);
  }
}

void ClusterOracle::committed(Index index, Term observed, const LogImage& written) {
  if (index < written.base().index) return;  // its content came with a snapshot
  const EntryId id = written.id_at(index);
  const HistoryHash hash = written.hash_at(index);
  if (index <= last_chosen()) {
    require(chosen(index).id == id && chosen(index).hash == hash,
            "state machine safety: both ",
            chosen(index).id,
            " and ",
            id,
            " are committed");
    return;
  }
  require(index == last_chosen() + 1, "index ", index, " was committed and nobody saw it");
  MembershipPtr members = chosen_.back().members;
  if (written.at(index).type != EntryType::normal)
    members = *core::after_entry(members, written.at(index));
  chosen_.push_back({id, hash, observed, std::move(members)});
}

void ClusterOracle::leader_committed(Index index,
                                     const LogImage& leader,
                                     const std::map<NodeId, const LogImage*>& durable,
                                     const std::vector<MembershipPtr>& members) {
  if (index <= leader.base().index) return;
  const auto holds = [&](NodeId node) { return durable.at(node)->covers(leader.id_at(index)); };
  require(is_quorum(members, holds),
          "commit rule: ",
          leader.id_at(index),
          " is not durable on a quorum");
}

HistoryHash ClusterOracle::applied(const Entry& entry, HistoryHash before) {
  const HistoryHash hash = after(before, entry);
  require(entry.id.index <= last_chosen(), entry.id, " is applied, but nobody committed it");
  require(chosen(entry.id.index).hash == hash,
          "state machine safety: ",
          entry.id,
          " is applied where ",
          chosen(entry.id.index).id,
          " was committed");
  return hash;
}

void ClusterOracle::voted(NodeId voter, Term term, NodeId candidate) {
  const auto known = votes_.emplace(std::pair(voter, term), candidate).first;
  require(known->second == candidate,
          "one vote per term: in term ",
          term,
          " node ",
          voter,
          " voted for ",
          known->second,
          " and for ",
          candidate);
}

void ClusterOracle::elected(NodeId node,
                            Term term,
                            const std::vector<MembershipPtr>& members) const {
  const auto voted_for_it = [&](NodeId voter) {
    const auto vote = votes_.find(std::pair(voter, term));
    return vote != votes_.end() && vote->second == node;
  };
  require(is_quorum(members, voted_for_it),
          "election: ",
          node,
          " leads term ",
          term,
          " without the votes of a quorum");
}

std::optional<StoreId> ClusterOracle::store_at(Index index, NodeId member) const {
  const Member* known = members_at(index)->find(member);
  if (known == nullptr || known->store == StoreId{0}) return std::nullopt;
  return known->store;
}

bool ClusterOracle::was_chosen(const Membership& membership) const {
  const Membership* compared = nullptr;
  for (auto entry = chosen_.rbegin(); entry != chosen_.rend(); ++entry) {
    if (entry->members.get() == compared) continue;
    compared = entry->members.get();
    if (*compared == membership) return true;
  }
  return false;
}

void ClusterOracle::read_answered(const ReadReady& read) {
  const auto began = reads_.find(read.read);
  require(began != reads_.end(), "a read is answered that nobody asked for");
  require(read.index >= began->second,
          "linearizable reads: index ",
          began->second,
          " was committed before the read, whose answer is index ",
          read.index);
}

}  // namespace raftkit::testing
