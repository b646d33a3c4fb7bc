#include "raftkit/state_machine.hpp"

#include <algorithm>
#include <cstring>

namespace raftkit {

namespace {

class BytesSource final : public SnapshotSource {
 public:
  BytesSource(SnapshotMeta meta, Bytes content)
      : meta_(std::move(meta)), rest_(std::move(content)) {}

  [[nodiscard]] const SnapshotMeta& meta() const override { return meta_; }
  [[nodiscard]] Result<std::size_t> read(std::span<std::byte> buffer) override {
    const std::size_t count = std::min(buffer.size(), rest_.size());
    if (count > 0) std::memcpy(buffer.data(), rest_.data(), count);
    rest_ = rest_.slice(count, rest_.size());
    return count;
  }

 private:
  SnapshotMeta meta_;
  Bytes rest_;
};

class CollectingSink final : public SnapshotSink {
 public:
  explicit CollectingSink(std::function<Result<void>(std::string)> replace)
      : replace_(std::move(replace)) {}

  [[nodiscard]] Result<void> write(std::span<const std::byte> bytes) override {
    content_.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    return {};
  }
  [[nodiscard]] Result<void> commit() override { return replace_(std::move(content_)); }

 private:
  std::function<Result<void>(std::string)> replace_;
  std::string content_;
};

}  // namespace

Result<Index> StateMachine::applied_index() {
  return Index{0};
}

void StateMachine::async_sync(std::function<void(Result<Index>)> done) {
  done(Errc::not_supported);
}

Result<std::unique_ptr<SnapshotSource>> StateMachine::capture(const SnapshotMeta&) {
  return Errc::not_supported;
}

Result<std::unique_ptr<SnapshotSink>> StateMachine::restore(const SnapshotMeta&) {
  return Errc::not_supported;
}

std::unique_ptr<SnapshotSource> make_snapshot_source(SnapshotMeta meta, Bytes content) {
  return std::make_unique<BytesSource>(std::move(meta), std::move(content));
}

std::unique_ptr<SnapshotSink> make_snapshot_sink(std::function<Result<void>(std::string)> replace) {
  return std::make_unique<CollectingSink>(std::move(replace));
}

}  // namespace raftkit
