// etcd's key-value semantics in the simplest words: the twin that the store is compared with.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <variant>
#include <vector>

#include "requests.hpp"
#include "state_machine/request_error.hpp"

namespace kvstore::test {

/// Keeps the whole content at every revision.
class Model {
 public:
  using Contents = std::map<std::string, mvccpb::KeyValue>;
  template <class Response>
  using Answer = std::variant<Response, RequestError>;

  [[nodiscard]] std::int64_t revision() const { return revision_; }
  [[nodiscard]] std::int64_t compacted() const { return compacted_; }
  /// What a compacted store still has to hold of versions that ended, and of changes.
  [[nodiscard]] std::size_t history_records() const;
  [[nodiscard]] std::size_t change_records() const;

  Answer<PutResponse> apply(const PutRequest& request);
  Answer<DeleteRangeResponse> apply(const DeleteRangeRequest& request);
  Answer<TxnResponse> apply(const TxnRequest& request);
  Answer<CompactionResponse> apply(const CompactionRequest& request);
  [[nodiscard]] Answer<RangeResponse> read(const RangeRequest& request) const;

 private:
  class Execution;

  std::int64_t revision_ = 1;
  std::int64_t compacted_ = -1;
  std::map<std::int64_t, std::shared_ptr<const Contents>> at_ = {
      {1, std::make_shared<const Contents>()}};
  std::vector<std::int64_t> endings_;  // the revisions that superseded a version
  std::vector<std::int64_t> changes_;  // the revision of each change
};

}  // namespace kvstore::test
