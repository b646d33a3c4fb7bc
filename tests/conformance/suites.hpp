// The three suites: what their commands print.
#pragma once

#include <string>

#include "conformance/script.hpp"
#include "core/tracker.hpp"

namespace raftkit::conformance {

/// Runs the commands of one file, one after the other.
class Suite {
 public:
  Suite() = default;
  Suite(const Suite&) = delete;
  Suite& operator=(const Suite&) = delete;
  virtual ~Suite() = default;
  /// What the command prints. Throws BadCommand.
  virtual std::string run(const Case& test) = 0;
};

class QuorumSuite final : public Suite {
 public:
  std::string run(const Case& test) override;
};

class ChangeSuite final : public Suite {
 public:
  ChangeSuite();
  std::string run(const Case& test) override;

 private:
  MembershipPtr membership_ = std::make_shared<Membership>();
  core::Tracker tracker_;
  Index last_;
};

}  // namespace raftkit::conformance
