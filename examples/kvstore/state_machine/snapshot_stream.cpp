#include "state_machine/snapshot_stream.hpp"

#include <algorithm>
#include <cstring>
#include <string>

namespace kvstore {

using raftkit::Errc;
using raftkit::Error;
using raftkit::Result;
using raftkit::SnapshotMeta;

namespace {

constexpr std::string_view kFirstLine = "kvstore records, format 1\n";
constexpr std::size_t kLengthBytes = 4;
constexpr std::size_t kLengthsBytes = 2 * kLengthBytes;
// No record is larger: a request is bounded far below.
constexpr std::size_t kMaxRecordBytes = std::size_t{64} << 20;

void append_length(std::string& out, std::size_t length) {
  for (int shift = 24; shift >= 0; shift -= 8)
    out.push_back(static_cast<char>(length >> shift));
}

std::size_t length_at(std::string_view bytes) {
  std::size_t length = 0;
  for (std::size_t i = 0; i < kLengthBytes; ++i) {
    length = (length << 8) | static_cast<unsigned char>(bytes[i]);
  }
  return length;
}

class Source final : public raftkit::SnapshotSource {
 public:
  Source(SnapshotMeta meta, std::shared_ptr<const mvcc::View> view)
      : meta_(std::move(meta)), view_(std::move(view)), records_(view_->raw()), text_(kFirstLine) {
    records_->SeekToFirst();
  }

  [[nodiscard]] const SnapshotMeta& meta() const override { return meta_; }

  [[nodiscard]] Result<std::size_t> read(std::span<std::byte> buffer) override {
    std::size_t filled = 0;
    while (filled < buffer.size()) {
      if (offset_ == text_.size()) {
        if (is_ended_) break;
        if (auto next = encode_next(); !next) return next.error();
      }
      const std::size_t count = std::min(buffer.size() - filled, text_.size() - offset_);
      std::memcpy(&buffer[filled], text_.data() + offset_, count);
      filled += count;
      offset_ += count;
    }
    return filled;
  }

 private:
  Result<void> encode_next() {
    text_.clear();
    offset_ = 0;
    if (!records_->Valid()) {
      if (!records_->status().ok()) return view_->database().error(records_->status());
      is_ended_ = true;
      text_.append(kLengthsBytes, '\0');
      return {};
    }
    append_length(text_, records_->key().size());
    append_length(text_, records_->value().size());
    text_.append(mvcc::view(records_->key())).append(mvcc::view(records_->value()));
    records_->Next();
    return {};
  }

  SnapshotMeta meta_;
  std::shared_ptr<const mvcc::View> view_;
  std::unique_ptr<leveldb::Iterator> records_;  // before its view ends
  std::string text_;                            // of one record, and what of it is read already
  std::size_t offset_ = 0;
  bool is_ended_ = false;
};

class Sink final : public raftkit::SnapshotSink {
 public:
  Sink(SnapshotMeta meta, std::unique_ptr<mvcc::Store::Replacement> replacement)
      : meta_(std::move(meta)), replacement_(std::move(replacement)) {}

  [[nodiscard]] Result<void> write(std::span<const std::byte> bytes) override {
    text_.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    std::string_view rest = text_;
    if (!has_first_line_) {
      if (rest.size() < kFirstLine.size()) return {};
      if (!rest.starts_with(kFirstLine)) return damaged("it does not begin as one");
      rest.remove_prefix(kFirstLine.size());
      has_first_line_ = true;
    }
    while (rest.size() >= kLengthsBytes && !is_ended_) {
      const std::size_t key_length = length_at(rest);
      const std::size_t value_length = length_at(rest.substr(kLengthBytes));
      if (key_length + value_length > kMaxRecordBytes) return damaged("a record is too long");
      is_ended_ = key_length == 0;
      const std::string_view record = rest.substr(kLengthsBytes);
      if (record.size() < key_length + value_length) break;
      if (!is_ended_) {
        auto added = replacement_->add(record.substr(0, key_length),
                                       record.substr(key_length, value_length));
        if (!added) return added;
      }
      rest.remove_prefix(kLengthsBytes + key_length + value_length);
    }
    text_.erase(0, text_.size() - rest.size());
    return {};
  }

  [[nodiscard]] Result<void> commit() override {
    if (!is_ended_ || !text_.empty()) return damaged("it does not end as one");
    return replacement_->commit(meta_.last.index.value);
  }

 private:
  static Error damaged(const std::string& how) {
    return {Errc::corrupt_data, "not a snapshot of a kvstore: " + how};
  }

  SnapshotMeta meta_;
  std::unique_ptr<mvcc::Store::Replacement> replacement_;
  std::string text_;  // received and not complete yet
  bool has_first_line_ = false;
  bool is_ended_ = false;
};

}  // namespace

std::unique_ptr<raftkit::SnapshotSource> make_source(SnapshotMeta meta,
                                                     std::shared_ptr<const mvcc::View> view) {
  return std::make_unique<Source>(std::move(meta), std::move(view));
}

std::unique_ptr<raftkit::SnapshotSink> make_sink(
    SnapshotMeta meta, std::unique_ptr<mvcc::Store::Replacement> replacement) {
  return std::make_unique<Sink>(std::move(meta), std::move(replacement));
}

}  // namespace kvstore
