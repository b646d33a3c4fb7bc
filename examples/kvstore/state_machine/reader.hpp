// What requests are answered from: the store, or the store and the changes of the request itself.
#pragma once

#include <cstdint>
#include <optional>

#include "raftkit/result.hpp"

#include "mvcc/view.hpp"
#include "mvcc/writer.hpp"

namespace kvstore {

/// Owner: one thread at a time.
class Reader {
 public:
  virtual ~Reader() = default;

  /// Of what is read now; later ones are in the future.
  [[nodiscard]] virtual std::int64_t revision() const = 0;
  [[nodiscard]] virtual std::int64_t compacted() const = 0;
  /// `revision` is in [compacted(), revision()]. Errors: io_error · corrupt_data.
  [[nodiscard]] virtual raftkit::Result<std::optional<mvcc::KeyValue>> get(
      std::string_view key, std::int64_t revision) const = 0;
  [[nodiscard]] virtual raftkit::Result<void> scan(const mvcc::KeyRange& range,
                                                   std::int64_t revision,
                                                   const mvcc::Visitor& visit) const = 0;
};

/// Reads a view, which must outlive it.
class ViewReader final : public Reader {
 public:
  explicit ViewReader(const mvcc::View& view) : view_(view) {}

  [[nodiscard]] std::int64_t revision() const override { return view_.revision(); }
  [[nodiscard]] std::int64_t compacted() const override { return view_.compacted(); }
  [[nodiscard]] raftkit::Result<std::optional<mvcc::KeyValue>> get(
      std::string_view key, std::int64_t revision) const override {
    return view_.get(key, revision);
  }
  [[nodiscard]] raftkit::Result<void> scan(const mvcc::KeyRange& range,
                                           std::int64_t revision,
                                           const mvcc::Visitor& visit) const override {
    return view_.scan(range, revision, visit);
  }

 private:
  const mvcc::View& view_;
};

/// Reads through a writer; revisions before its changes come from `before`. Both must outlive it.
class WriterReader final : public Reader {
 public:
  WriterReader(const mvcc::Writer& writer, const mvcc::View& before)
      : writer_(writer), before_(before) {}

  [[nodiscard]] std::int64_t revision() const override { return writer_.read_revision(); }
  [[nodiscard]] std::int64_t compacted() const override { return writer_.compacted(); }
  [[nodiscard]] raftkit::Result<std::optional<mvcc::KeyValue>> get(
      std::string_view key, std::int64_t revision) const override {
    return revision >= this->revision() ? writer_.get(key) : before_.get(key, revision);
  }
  [[nodiscard]] raftkit::Result<void> scan(const mvcc::KeyRange& range,
                                           std::int64_t revision,
                                           const mvcc::Visitor& visit) const override {
    return revision >= this->revision() ? writer_.scan(range, visit)
                                        : before_.scan(range, revision, visit);
  }

 private:
  const mvcc::Writer& writer_;
  const mvcc::View& before_;
};

}  // namespace kvstore
