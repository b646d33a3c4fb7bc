// A state machine with sessions in front of it, and a log to feed it from.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include <catch2/catch.hpp>

#include "raftkit/sessions.hpp"

#include "support/snapshots.hpp"

namespace raftkit::test {

/// Remembers commands; answers with their number.
class Remembers final : public StateMachine {
 public:
  void apply(std::span<const Command> commands, EntryId last, std::span<Bytes> results) override {
    for (std::size_t i = 0; i < commands.size(); ++i) {
      CHECK(commands[i].id.index > last_);
      last_ = commands[i].id.index;
      commands_.emplace_back(commands[i].payload.view());
      results[i] = Bytes::copy_of(std::to_string(commands_.size()));
    }
    CHECK(last.index >= last_);
    last_ = last.index;
    ++calls_;
  }
  Result<std::unique_ptr<SnapshotSource>> capture(const SnapshotMeta& meta) override {
    std::string content;
    for (const std::string& command : commands_)
      content += command + '\n';
    return make_snapshot_source(meta, Bytes::copy_of(content));
  }
  Result<std::unique_ptr<SnapshotSink>> restore(const SnapshotMeta& meta) override {
    return make_snapshot_sink([this, meta](const std::string& content) -> Result<void> {
      if (content == "broken") return Errc::io_error;
      commands_.clear();
      for (std::size_t at = 0; at < content.size(); at = content.find('\n', at) + 1)
        commands_.push_back(content.substr(at, content.find('\n', at) - at));
      last_ = meta.last.index;
      return {};
    });
  }

  [[nodiscard]] const std::vector<std::string>& commands() const { return commands_; }
  [[nodiscard]] Index last() const { return last_; }
  [[nodiscard]] int calls() const { return calls_; }

 private:
  std::vector<std::string> commands_;
  Index last_;
  int calls_ = 0;
};

inline Bytes text(std::string_view value) {
  return Bytes::copy_of(value);
}

/// One member: what it applies, and what its clients are answered.
class SessionMember {
 public:
  SessionMember() {
    auto made = SessionStateMachine::create(remembers_, clock_);
    REQUIRE(made);
    machine_ = *std::move(made);
  }
  SessionMember(const SessionMember&) = delete;
  SessionMember& operator=(const SessionMember&) = delete;
  ~SessionMember() = default;

  /// All in one batch.
  std::vector<SessionAnswer> apply(const std::vector<SessionRequest>& requests,
                                   std::uint64_t cluster_time = 0) {
    std::vector<Bytes> payloads;
    for (const SessionRequest& request : requests) {
      auto encoded = encode_session_request(request, cluster_time);
      REQUIRE(encoded);
      payloads.push_back(*std::move(encoded));
    }
    return apply_bytes(payloads);
  }
  std::vector<SessionAnswer> apply_bytes(const std::vector<Bytes>& payloads) {
    std::vector<Command> commands;
    for (const Bytes& payload : payloads)
      commands.push_back({{Term{1}, ++last_}, payload});
    std::vector<Bytes> results(commands.size());
    machine_->apply(commands, {Term{1}, last_}, results);
    std::vector<SessionAnswer> answers;
    for (const Bytes& result : results) {
      const auto answer = decode_session_answer(result);
      REQUIRE(answer);
      answers.push_back(*answer);
    }
    return answers;
  }
  SessionAnswer apply_one(const SessionRequest& request, std::uint64_t cluster_time = 0) {
    return apply({request}, cluster_time).front();
  }
  SessionId open(const SessionOptions& options = {}) {
    return SessionId{apply_one(OpenSession{options}).index.value};
  }

  [[nodiscard]] SnapshotMeta meta() const {
    return {{Term{1}, last_}, std::make_shared<const Membership>()};
  }
  std::string snapshot() {
    auto source = machine_->capture(meta());
    REQUIRE(source);
    auto content = drain(**source);
    REQUIRE(content);
    return *std::move(content);
  }
  Result<void> restore(const SnapshotMeta& meta,
                       std::string_view content,
                       std::size_t piece = 4096) {
    auto sink = machine_->restore(meta);
    if (!sink) return std::move(sink).error();
    for (; !content.empty(); content.remove_prefix(std::min(piece, content.size()))) {
      const auto part = content.substr(0, piece);
      auto written = (*sink)->write(std::as_bytes(std::span(part.data(), part.size())));
      if (!written) return written;
    }
    auto committed = (*sink)->commit();
    if (committed) last_ = meta.last.index;
    return committed;
  }

  [[nodiscard]] const Remembers& remembers() const { return remembers_; }
  [[nodiscard]] SessionStateMachine& machine() { return *machine_; }
  [[nodiscard]] std::uint64_t stamp() const { return clock_->now(); }

 private:
  Remembers remembers_;
  std::shared_ptr<ClusterClock> clock_ =
      std::make_shared<ClusterClock>([] { return std::uint64_t{0}; });
  std::unique_ptr<SessionStateMachine> machine_;
  Index last_{1};
};

}  // namespace raftkit::test
