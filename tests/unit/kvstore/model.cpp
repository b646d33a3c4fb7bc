#include "model.hpp"

#include <algorithm>
#include <functional>
#include <optional>

namespace kvstore::test {

namespace {

using mvccpb::KeyValue;

bool is_in(const std::string& key, const std::string& begin, const std::string& end) {
  if (end.empty()) return key == begin;
  if (end == kNoEnd) return key >= begin;
  return key >= begin && key < end;
}

bool is_before(const KeyValue& left, const KeyValue& right, RangeRequest::SortTarget target) {
  if (target == RangeRequest::VERSION) return left.version() < right.version();
  if (target == RangeRequest::CREATE) return left.create_revision() < right.create_revision();
  if (target == RangeRequest::MOD) return left.mod_revision() < right.mod_revision();
  if (target == RangeRequest::VALUE) return left.value() < right.value();
  return left.key() < right.key();
}

RangeResponse select(const Model::Contents& contents,
                     const RangeRequest& request,
                     std::int64_t current) {
  RangeResponse response;
  response.mutable_header()->set_revision(current);
  std::vector<KeyValue> found;
  for (const auto& [key, kv] : contents) {
    if (is_in(key, request.key(), request.range_end())) found.push_back(kv);
  }
  response.set_count(static_cast<std::int64_t>(found.size()));
  if (request.count_only()) return response;
  std::erase_if(found, [&](const KeyValue& kv) {
    return (request.min_mod_revision() != 0 && kv.mod_revision() < request.min_mod_revision()) ||
           (request.max_mod_revision() != 0 && kv.mod_revision() > request.max_mod_revision()) ||
           (request.min_create_revision() != 0 &&
            kv.create_revision() < request.min_create_revision()) ||
           (request.max_create_revision() != 0 &&
            kv.create_revision() > request.max_create_revision());
  });
  const bool is_descending = request.sort_order() == RangeRequest::DESCEND;
  std::stable_sort(found.begin(), found.end(), [&](const KeyValue& left, const KeyValue& right) {
    return is_descending ? is_before(right, left, request.sort_target())
                         : is_before(left, right, request.sort_target());
  });
  const auto limit = static_cast<std::size_t>(request.limit());
  if (request.limit() > 0 && found.size() > limit) {
    found.resize(limit);
    response.set_more(true);
  }
  for (KeyValue& kv : found) {
    if (request.keys_only()) kv.clear_value();
    *response.add_kvs() = kv;
  }
  return response;
}

bool holds(const Compare& compare, const std::optional<KeyValue>& kv) {
  const auto judge = [&](const auto& left, const auto& right) {
    if (compare.result() == Compare::GREATER) return left > right;
    if (compare.result() == Compare::LESS) return left < right;
    if (compare.result() == Compare::NOT_EQUAL) return left != right;
    return left == right;
  };
  const KeyValue seen = kv.value_or(KeyValue());
  if (compare.target() == Compare::VALUE) return kv && judge(seen.value(), compare.value());
  if (compare.target() == Compare::CREATE)
    return judge(seen.create_revision(), compare.create_revision());
  if (compare.target() == Compare::MOD) return judge(seen.mod_revision(), compare.mod_revision());
  if (compare.target() == Compare::LEASE) return judge(seen.lease(), compare.lease());
  return judge(seen.version(), compare.version());
}

bool all_hold(const Model::Contents& contents, const TxnRequest& request) {
  return std::all_of(
      request.compare().begin(), request.compare().end(), [&](const Compare& compare) {
        bool is_met = true;
        bool is_missing = true;
        for (const auto& [key, kv] : contents) {
          if (!is_in(key, compare.key(), compare.range_end())) continue;
          is_missing = false;
          is_met = is_met && holds(compare, kv);
        }
        return is_missing ? holds(compare, std::nullopt) : is_met;
      });
}

}  // namespace

/// One request on a copy of the newest contents.
class Model::Execution {
 public:
  explicit Execution(const Model& model)
      : model_(model), contents_(*model.at_.at(model.revision_)) {}

  [[nodiscard]] std::int64_t seen() const { return model_.revision_ + (changes_ > 0 ? 1 : 0); }
  [[nodiscard]] std::int64_t next() const { return model_.revision_ + 1; }

  [[nodiscard]] std::optional<RequestError> objection(const PutRequest& request) const {
    if (request.lease() != 0) return RequestError::lease_not_found;
    const bool needs_key = request.ignore_value() || request.ignore_lease();
    if (needs_key && !contents_.contains(request.key())) return RequestError::key_not_found;
    return std::nullopt;
  }
  [[nodiscard]] std::optional<RequestError> objection(const RangeRequest& request) const {
    if (request.revision() > model_.revision_) return RequestError::future_revision;
    if (request.revision() != 0 && request.revision() < model_.compacted_)
      return RequestError::compacted;
    return std::nullopt;
  }
  /// All puts are judged before all ranges. The branches that are taken are put down in order.
  [[nodiscard]] std::optional<RequestError> objection(const TxnRequest& request) {
    if (const auto found = objection_to_puts(request)) return found;
    return objection_to_ranges(request);
  }
  [[nodiscard]] std::optional<RequestError> objection_to_puts(const TxnRequest& request) {
    const bool is_met = all_hold(contents_, request);
    branches_.push_back(is_met);
    for (const RequestOp& operation : is_met ? request.success() : request.failure()) {
      std::optional<RequestError> found;
      if (operation.has_request_put()) found = objection(operation.request_put());
      if (operation.has_request_txn()) found = objection_to_puts(operation.request_txn());
      if (found) return found;
    }
    return std::nullopt;
  }
  [[nodiscard]] std::optional<RequestError> objection_to_ranges(const TxnRequest& request) const {
    const bool is_met = all_hold(contents_, request);
    for (const RequestOp& operation : is_met ? request.success() : request.failure()) {
      std::optional<RequestError> found;
      if (operation.has_request_range()) found = objection(operation.request_range());
      if (operation.has_request_txn()) found = objection_to_ranges(operation.request_txn());
      if (found) return found;
    }
    return std::nullopt;
  }

  PutResponse run(const PutRequest& request) {
    PutResponse response;
    KeyValue& kv = contents_[request.key()];
    const bool is_new = kv.version() == 0;
    if (!is_new) ++endings_;
    if (!is_new && request.prev_kv()) *response.mutable_prev_kv() = kv;
    kv.set_key(request.key());
    if (is_new) kv.set_create_revision(next());
    kv.set_mod_revision(next());
    kv.set_version(kv.version() + 1);
    if (!request.ignore_value()) kv.set_value(request.value());
    ++changes_;
    response.mutable_header()->set_revision(next());
    return response;
  }
  DeleteRangeResponse run(const DeleteRangeRequest& request) {
    DeleteRangeResponse response;
    const Contents before = contents_;
    for (const auto& [key, kv] : before) {
      if (!is_in(key, request.key(), request.range_end())) continue;
      if (request.prev_kv()) *response.add_prev_kvs() = kv;
      response.set_deleted(response.deleted() + 1);
      contents_.erase(key);
      ++changes_;
      ++endings_;
    }
    response.mutable_header()->set_revision(seen());
    return response;
  }
  RangeResponse run(const RangeRequest& request) {
    const bool is_old = request.revision() > 0 && request.revision() < seen();
    return select(is_old ? *model_.at_.at(request.revision()) : contents_, request, seen());
  }
  TxnResponse run(const TxnRequest& request) {
    TxnResponse response;
    response.mutable_header();
    response.set_succeeded(branches_[next_branch_]);
    for (const RequestOp& operation :
         branches_[next_branch_++] ? request.success() : request.failure()) {
      auto& answer = *response.add_responses();
      if (operation.has_request_put())
        *answer.mutable_response_put() = run(operation.request_put());
      if (operation.has_request_delete_range())
        *answer.mutable_response_delete_range() = run(operation.request_delete_range());
      if (operation.has_request_range())
        *answer.mutable_response_range() = run(operation.request_range());
      if (operation.has_request_txn())
        *answer.mutable_response_txn() = run(operation.request_txn());
    }
    return response;
  }

  void commit(Model& model) {
    if (changes_ == 0) return;
    const std::int64_t revision = next();
    model.endings_.insert(model.endings_.end(), endings_, revision);
    model.changes_.insert(model.changes_.end(), changes_, revision);
    model.at_[revision] = std::make_shared<const Contents>(std::move(contents_));
    model.revision_ = revision;
  }

 private:
  const Model& model_;
  Contents contents_;
  std::size_t changes_ = 0;
  std::size_t endings_ = 0;
  std::vector<bool> branches_;
  std::size_t next_branch_ = 0;
};

std::size_t Model::history_records() const {
  return static_cast<std::size_t>(
      std::count_if(endings_.begin(), endings_.end(), [this](auto at) { return at > compacted_; }));
}

std::size_t Model::change_records() const {
  return static_cast<std::size_t>(
      std::count_if(changes_.begin(), changes_.end(), [this](auto at) { return at > compacted_; }));
}

Model::Answer<PutResponse> Model::apply(const PutRequest& request) {
  Execution execution(*this);
  if (const auto objection = execution.objection(request)) return *objection;
  auto response = execution.run(request);
  execution.commit(*this);
  return response;
}

Model::Answer<DeleteRangeResponse> Model::apply(const DeleteRangeRequest& request) {
  Execution execution(*this);
  auto response = execution.run(request);
  execution.commit(*this);
  return response;
}

Model::Answer<TxnResponse> Model::apply(const TxnRequest& request) {
  Execution execution(*this);
  if (const auto objection = execution.objection(request)) return *objection;
  auto response = execution.run(request);
  response.mutable_header()->set_revision(execution.seen());
  execution.commit(*this);
  return response;
}

Model::Answer<CompactionResponse> Model::apply(const CompactionRequest& request) {
  if (request.revision() <= compacted_) return RequestError::compacted;
  if (request.revision() > revision_) return RequestError::future_revision;
  compacted_ = request.revision();
  CompactionResponse response;
  response.mutable_header()->set_revision(revision_);
  return response;
}

Model::Answer<RangeResponse> Model::read(const RangeRequest& request) const {
  if (request.revision() > revision_) return RequestError::future_revision;
  const auto revision = request.revision() <= 0 ? revision_ : request.revision();
  if (revision < compacted_) return RequestError::compacted;
  return select(*at_.at(revision), request, revision_);
}

}  // namespace kvstore::test
