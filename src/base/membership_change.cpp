#include "raftkit/membership_change.hpp"

#include "base/protobuf_wire.hpp"

namespace raftkit {

namespace {

Result<MemberStep> step_from(std::string_view bytes) {
  MemberStep step;
  base::ProtoReader reader(bytes);
  while (const auto field = reader.next()) {
    if (*field == 1) {
      if (reader.number() > static_cast<std::uint64_t>(MemberOperation::update))
        return Error(Errc::malformed, "a membership operation of a newer version");
      step.operation = static_cast<MemberOperation>(reader.number());
    } else if (*field == 2) {
      auto member = decode_member(Bytes::copy_of(reader.text()));
      if (!member) return std::move(member).error();
      step.member = *std::move(member);
    } else if (*field == 3) {
      step.must_be_member = reader.number() != 0;
    }
  }
  if (reader.failed()) return Error(Errc::malformed, "malformed step of a membership change");
  return step;
}

}  // namespace

Bytes encode(const MembershipChange& change) {
  base::ProtoWriter writer;
  writer.varint(1, static_cast<std::uint64_t>(change.transition));
  for (const MemberStep& step : change.steps) {
    base::ProtoWriter part;
    part.varint(1, static_cast<std::uint64_t>(step.operation));
    part.always_text(2, encode(step.member).view());
    part.varint(3, step.must_be_member ? 1 : 0);
    writer.always_text(2, part.bytes());
  }
  writer.text(3, change.context.view());
  return Bytes::copy_of(writer.bytes());
}

Result<MembershipChange> decode_membership_change(const Bytes& bytes) {
  MembershipChange change;
  base::ProtoReader reader(bytes.view());
  while (const auto field = reader.next()) {
    switch (*field) {
      case 1:
        if (reader.number() > static_cast<std::uint64_t>(Transition::joint_explicit))
          return Error(Errc::malformed, "a membership transition of a newer version");
        change.transition = static_cast<Transition>(reader.number());
        break;
      case 2: {
        auto step = step_from(reader.text());
        if (!step) return std::move(step).error();
        change.steps.push_back(*std::move(step));
        break;
      }
      case 3:
        change.context = Bytes::copy_of(reader.text());
        break;
      default:
        break;  // from a newer version
    }
  }
  if (reader.failed()) return Error(Errc::malformed, "malformed membership change");
  return change;
}

}  // namespace raftkit
