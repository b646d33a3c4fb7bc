#include "core/member_update.hpp"

namespace raftkit::core {

MembershipPtr after_update(const MembershipPtr& before, const Entry& entry) {
  const auto update = decode_member(entry.payload);
  const Member* known = update ? before->find(update->id) : nullptr;
  if (known == nullptr) return before;
  // Another directory under the same ID has forgotten what this member promised: it must not pass
  // for it.
  if (known->store != StoreId{0} && known->store != update->store) return before;
  auto after = std::make_shared<Membership>(*before);
  Member& member = after->members[static_cast<std::size_t>(known - before->members.data())];
  member.name = update->name;
  member.store = update->store;
  member.attributes = update->attributes;  // its peer URLs change only through a membership change
  return after;
}

}  // namespace raftkit::core
