// The membership changer with a leader's view of the members.
#include <algorithm>

#include "raftkit/raft_options.hpp"

#include "conformance/render.hpp"
#include "conformance/suites.hpp"
#include "core/membership_changer.hpp"

namespace raftkit::conformance {

namespace {

constexpr core::Inflights::Limits kLimits{10, RaftOptions::kUnlimited};

std::string show_majority(const std::vector<NodeId>& nodes) {
  std::string text = "(";
  for (const NodeId node : nodes)
    text += (text.size() > 1 ? " " : "") + to_hex(node.value);
  return text + ")";
}

std::string show(const Membership& membership) {
  std::string text = "voters=" + show_majority(membership.voters);
  if (membership.is_joint()) text += "&&" + show_majority(membership.voters_outgoing);
  if (!membership.learners.empty()) text += " learners=" + show_majority(membership.learners);
  if (!membership.learners_next.empty())
    text += " learners_next=" + show_majority(membership.learners_next);
  if (membership.auto_leave) text += " autoleave";
  return text + "\n";
}

Result<core::ChangedMembership> change(const Membership& before, const Case& test) {
  const std::vector<MemberStep> steps = read_steps(test.input);
  if (test.command == "simple") return core::change_simply(before, steps);
  if (test.command == "enter-joint")
    return core::enter_joint(before, steps, test.flag("autoleave", false));
  if (test.command != "leave-joint") throw BadCommand("unknown command " + test.command);
  if (!steps.empty()) return Error(Errc::invalid_argument, "this command takes no input");
  return core::leave_joint(before);
}

}  // namespace

ChangeSuite::ChangeSuite() : tracker_(membership_, Index{1}, kLimits) {}

std::string ChangeSuite::run(const Case& test) {
  auto changed = change(*membership_, test);
  const Index last = last_;
  ++last_;
  if (!changed) return changed.error().message() + "\n";
  if (auto fits = core::check(changed->membership); !fits) return fits.error().message() + "\n";
  membership_ = std::make_shared<Membership>(std::move(changed->membership));
  tracker_.update(membership_, std::max(last, Index{1}), changed->renewed);
  std::string text = show(*membership_);
  for (const core::Progress& progress : tracker_.all())
    text += std::to_string(progress.node().value) + ": " + show(progress.status()) + "\n";
  return text;
}

}  // namespace raftkit::conformance
