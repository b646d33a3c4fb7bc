// Commands to a group of cores.
#pragma once

#include <functional>

#include "conformance/group.hpp"
#include "conformance/suites.hpp"

namespace raftkit::conformance {

class InteractionSuite final : public Suite {
 public:
  std::string run(const Case& test) override;

 private:
  using Action = void (Group::*)(Member&, std::string&);

  void dispatch(const Case& test);
  void add_nodes(const Case& test);
  void deliver(const Case& test);
  void propose_change(const Case& test);
  void set_level(const std::string& level);
  void stabilize(const Case& test);
  bool stabilize_once(const std::vector<NodeId>& nodes);
  void raft_state();
  void status(Member& member);
  void for_each(const Case& test, const std::string& what, Action action);
  /// Nothing while the level is "none".
  void write(const std::string& text);
  /// Each line of what `action` writes, two blanks deeper.
  void indented(const std::function<void(std::string&)>& action);
  [[nodiscard]] Member& first(const Case& test);

  Group group_;
  std::string out_;
  bool is_silent_ = false;
};

}  // namespace raftkit::conformance
