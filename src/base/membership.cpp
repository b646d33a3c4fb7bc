#include "raftkit/membership.hpp"

#include <algorithm>

#include "base/protobuf_wire.hpp"

namespace raftkit {

namespace {

bool has(const std::vector<NodeId>& nodes, NodeId node) {
  return std::binary_search(nodes.begin(), nodes.end(), node);
}

std::string encoded(const Member& member) {
  base::ProtoWriter writer;
  writer.varint(1, member.id.value);
  writer.text(2, member.name);
  for (const auto& url : member.peer_urls)
    writer.always_text(3, url);
  writer.varint(4, member.store.value);
  for (const auto& [key, value] : member.attributes) {
    base::ProtoWriter pair;
    pair.text(1, key);
    pair.text(2, value);
    writer.always_text(5, pair.bytes());
  }
  return writer.bytes();
}

Result<Member> member_from(std::string_view bytes) {
  Member member;
  base::ProtoReader reader(bytes);
  while (const auto field = reader.next()) {
    switch (*field) {
      case 1:
        member.id = NodeId{reader.number()};
        break;
      case 2:
        member.name = reader.text();
        break;
      case 3:
        member.peer_urls.emplace_back(reader.text());
        break;
      case 4:
        member.store = StoreId{reader.number()};
        break;
      case 5: {
        std::string key;
        std::string value;
        base::ProtoReader pair(reader.text());
        while (const auto part = pair.next()) {
          if (*part == 1) key = pair.text();
          if (*part == 2) value = pair.text();
        }
        if (pair.failed()) return Error(Errc::malformed, "malformed member attribute");
        member.attributes.insert_or_assign(std::move(key), std::move(value));
        break;
      }
      default:
        break;  // from a newer version
    }
  }
  if (reader.failed()) return Error(Errc::malformed, "malformed member");
  return member;
}

bool strictly_ascending(const std::vector<NodeId>& nodes) {
  return std::adjacent_find(nodes.begin(), nodes.end(), std::greater_equal<>{}) == nodes.end();
}

bool is_well_formed(const Membership& membership) {
  const bool members_ascending = std::adjacent_find(membership.members.begin(),
                                                    membership.members.end(),
                                                    [](const Member& left, const Member& right) {
                                                      return left.id >= right.id;
                                                    }) == membership.members.end();
  return strictly_ascending(membership.voters) && strictly_ascending(membership.voters_outgoing) &&
         strictly_ascending(membership.learners) && strictly_ascending(membership.learners_next) &&
         members_ascending;
}

}  // namespace

bool Membership::is_voter(NodeId node) const {
  return has(voters, node) || has(voters_outgoing, node);
}

bool Membership::is_learner(NodeId node) const {
  return has(learners, node);
}

bool Membership::contains(NodeId node) const {
  return is_voter(node) || is_learner(node);
}

const Member* Membership::find(NodeId node) const {
  const auto at =
      std::lower_bound(members.begin(), members.end(), node, [](const Member& member, NodeId id) {
        return member.id < id;
      });
  return at != members.end() && at->id == node ? &*at : nullptr;
}

std::vector<NodeId> Membership::all() const {
  std::vector<NodeId> nodes;
  for (const auto* list : {&voters, &voters_outgoing, &learners, &learners_next}) {
    nodes.insert(nodes.end(), list->begin(), list->end());
  }
  std::sort(nodes.begin(), nodes.end());
  nodes.erase(std::unique(nodes.begin(), nodes.end()), nodes.end());
  return nodes;
}

Bytes encode(const Member& member) {
  return Bytes::copy_of(encoded(member));
}

Bytes encode(const Membership& membership) {
  base::ProtoWriter writer;
  for (const NodeId node : membership.voters)
    writer.always_varint(1, node.value);
  for (const NodeId node : membership.voters_outgoing)
    writer.always_varint(2, node.value);
  for (const NodeId node : membership.learners)
    writer.always_varint(3, node.value);
  for (const NodeId node : membership.learners_next)
    writer.always_varint(4, node.value);
  writer.varint(5, membership.auto_leave ? 1 : 0);
  for (const Member& member : membership.members)
    writer.always_text(6, encoded(member));
  return Bytes::copy_of(writer.bytes());
}

Result<Member> decode_member(const Bytes& bytes) {
  return member_from(bytes.view());
}

Result<Membership> decode_membership(const Bytes& bytes) {
  Membership membership;
  base::ProtoReader reader(bytes.view());
  while (const auto field = reader.next()) {
    switch (*field) {
      case 1:
        membership.voters.emplace_back(reader.number());
        break;
      case 2:
        membership.voters_outgoing.emplace_back(reader.number());
        break;
      case 3:
        membership.learners.emplace_back(reader.number());
        break;
      case 4:
        membership.learners_next.emplace_back(reader.number());
        break;
      case 5:
        membership.auto_leave = reader.number() != 0;
        break;
      case 6: {
        auto member = member_from(reader.text());
        if (!member) return std::move(member).error();
        membership.members.push_back(*std::move(member));
        break;
      }
      default:
        break;  // from a newer version
    }
  }
  if (reader.failed()) return Error(Errc::malformed, "malformed membership");
  if (!is_well_formed(membership))
    return Error(Errc::malformed, "membership lists are not ascending");
  return membership;
}

}  // namespace raftkit
