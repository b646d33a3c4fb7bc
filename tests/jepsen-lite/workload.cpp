#include "jepsen-lite/workload.hpp"

#include <algorithm>
#include <chrono>
#include <random>
#include <stdexcept>

#include <grpcpp/grpcpp.h>

#include "proto/rpc.grpc.pb.h"

namespace raftkit::jepsen {

namespace {

constexpr std::chrono::milliseconds kRequestTimeout{2000};
constexpr std::chrono::milliseconds kPauseAfterError{5};

std::uint64_t now() {
  return static_cast<std::uint64_t>(std::chrono::steady_clock::now().time_since_epoch().count());
}

enum class Outcome : std::uint8_t { answered, did_not_happen, unknown };

/// etcd's texts for what raftkit promises was never appended, and gRPC's for what was never sent.
/// To count these as unknown would be safe, too, but would hide it if they did happen.
Outcome outcome_of(const grpc::Status& status) {
  if (status.ok()) return Outcome::answered;
  const std::string& text = status.error_message();
  for (const char* each : {"etcdserver: leader changed",
                           "etcdserver: no leader",
                           "etcdserver: server stopped",
                           "etcdserver: too many requests"}) {
    if (text == each) return Outcome::did_not_happen;
  }
  return text.starts_with("failed to connect to all addresses") ? Outcome::did_not_happen
                                                                : Outcome::unknown;
}

}  // namespace

std::optional<KeyModel::State> KeyModel::step(const State& state, const Op& op) {
  switch (op.input.action) {
    case Action::get:
      return op.output.value == state ? std::optional(state) : std::nullopt;
    case Action::put:
      return op.input.value;
    case Action::compare_and_set: {
      const bool matches = state == op.input.expected;
      const bool is_known = op.returned.has_value();
      if (is_known && matches != op.output.succeeded) return std::nullopt;
      return matches ? op.input.value : state;
    }
  }
  return std::nullopt;
}

/// One client thread.
class Workload::Client {
 public:
  Client(Workload& workload, std::uint64_t seed) : workload_(workload), random_(seed) {
    for (const std::string& endpoint : workload.options_.endpoints) {
      grpc::ChannelArguments arguments;
      arguments.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, 100);
      arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, 500);
      // A connection of its own for each client: shared ones would put the requests in line.
      arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
      auto channel =
          grpc::CreateCustomChannel(endpoint, grpc::InsecureChannelCredentials(), arguments);
      stubs_.push_back(etcdserverpb::KV::NewStub(channel));
    }
  }

  void run() {
    name_ = workload_.next_client_++;
    while (!workload_.is_stopping_) {
      const std::string key = workload_.pick_key(random_());
      Op op;
      op.client = name_;
      op.input = choose();
      op.call = now();
      const Outcome outcome = outcome_of(carry_out(key, op));
      if (outcome == Outcome::answered) {
        op.returned = now();
        if (op.input.action != Action::get) ++workload_.acknowledged_writes_;
      } else {
        std::this_thread::sleep_for(kPauseAfterError);  // do not spin on a dead member
        if (op.input.action == Action::get || outcome == Outcome::did_not_happen) continue;
        ++workload_.unknown_writes_;
        name_ = workload_.next_client_++;
      }
      workload_.record(key, op);
    }
  }

  /// What `key` holds at the end: without it nobody would know what the last fault took.
  Op read_back(const std::string& key) {
    constexpr int kAttempts = 200;
    name_ = workload_.next_client_++;
    for (int attempt = 0; attempt < kAttempts; ++attempt) {
      Op op;
      op.client = name_;
      op.call = now();
      if (carry_out(key, op).ok()) {
        op.returned = now();
        return op;
      }
      std::this_thread::sleep_for(10 * kPauseAfterError);
    }
    throw std::runtime_error("cannot read " + key + " at the end");
  }

 private:
  Input choose() {
    switch (random_() % 4) {
      case 0:
        return {Action::put, 0, next_value()};
      case 1:
        return {Action::compare_and_set, last_seen_, next_value()};
      default:
        return {Action::get};
    }
  }
  std::int64_t next_value() { return static_cast<std::int64_t>(workload_.next_value_++); }

  grpc::Status carry_out(const std::string& key, Op& op) {
    auto& stub = *stubs_[random_() % stubs_.size()];
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + kRequestTimeout);
    switch (op.input.action) {
      case Action::get:
        return get(stub, context, key, op);
      case Action::put:
        return put(stub, context, key, op);
      case Action::compare_and_set:
        return compare_and_set(stub, context, key, op);
    }
    return grpc::Status::CANCELLED;
  }

  grpc::Status get(etcdserverpb::KV::Stub& stub,
                   grpc::ClientContext& context,
                   const std::string& key,
                   Op& op) {
    etcdserverpb::RangeRequest request;
    request.set_key(key);
    etcdserverpb::RangeResponse response;
    const grpc::Status status = stub.Range(&context, request, &response);
    if (!status.ok()) return status;
    op.output.value = response.kvs_size() == 0 ? 0 : std::stoll(response.kvs(0).value());
    last_seen_ = op.output.value;
    return status;
  }

  static grpc::Status put(etcdserverpb::KV::Stub& stub,
                          grpc::ClientContext& context,
                          const std::string& key,
                          Op& op) {
    etcdserverpb::PutRequest request;
    request.set_key(key);
    request.set_value(std::to_string(op.input.value));
    etcdserverpb::PutResponse response;
    return stub.Put(&context, request, &response);
  }

  static grpc::Status compare_and_set(etcdserverpb::KV::Stub& stub,
                                      grpc::ClientContext& context,
                                      const std::string& key,
                                      Op& op) {
    etcdserverpb::TxnRequest request;
    auto& compare = *request.add_compare();
    compare.set_key(key);
    compare.set_result(etcdserverpb::Compare::EQUAL);
    if (op.input.expected == 0) {
      compare.set_target(etcdserverpb::Compare::VERSION);
      compare.set_version(0);
    } else {
      compare.set_target(etcdserverpb::Compare::VALUE);
      compare.set_value(std::to_string(op.input.expected));
    }
    auto& then = *request.add_success()->mutable_request_put();
    then.set_key(key);
    then.set_value(std::to_string(op.input.value));
    etcdserverpb::TxnResponse response;
    const grpc::Status status = stub.Txn(&context, request, &response);
    op.output.succeeded = response.succeeded();
    return status;
  }

  Workload& workload_;
  std::mt19937_64 random_;
  std::vector<std::unique_ptr<etcdserverpb::KV::Stub>> stubs_;
  std::uint64_t name_ = 0;
  std::int64_t last_seen_ = 0;
};

Workload::Workload(WorkloadOptions options) : options_(std::move(options)) {}

void Workload::start() {
  for (std::size_t i = 0; i < options_.clients; ++i) {
    threads_.emplace_back([this, seed = options_.seed + i] { Client(*this, seed).run(); });
  }
}

Workload::~Workload() {
  end();
}

void Workload::end() {
  is_stopping_ = true;
  for (std::thread& thread : threads_)
    thread.join();
  threads_.clear();
}

Histories Workload::stop() {
  end();
  Client reader(*this, options_.seed);
  for (auto& [key, history] : histories_)
    history.push_back(reader.read_back(key));
  return std::exchange(histories_, {});
}

std::string Workload::pick_key(std::uint64_t random) {
  const std::uint64_t generation = recorded_ / (options_.operations_per_key * options_.hot_keys);
  return "jepsen/" + std::to_string(generation) + "/" + std::to_string(random % options_.hot_keys);
}

void Workload::record(const std::string& key, Op op) {
  ++recorded_;
  const std::lock_guard lock(mutex_);
  histories_[key].push_back(op);
}

double overlapping_share(const Histories& histories) {
  std::size_t overlapping = 0;
  std::size_t all = 0;
  for (const auto& [key, unsorted] : histories) {
    std::vector<Op> history = unsorted;
    std::sort(history.begin(), history.end(), [](const Op& left, const Op& right) {
      return left.call < right.call;
    });
    std::uint64_t latest_return = 0;
    for (std::size_t i = 0; i < history.size(); ++i) {
      const std::uint64_t returned = history[i].returned.value_or(UINT64_MAX);
      const bool with_earlier = i > 0 && history[i].call < latest_return;
      const bool with_later = i + 1 < history.size() && history[i + 1].call < returned;
      overlapping += with_earlier || with_later ? 1 : 0;
      // An operation without an answer overlaps everything after it; that proves no concurrency.
      if (history[i].returned) latest_return = std::max(latest_return, returned);
    }
    all += history.size();
  }
  return all == 0 ? 0 : static_cast<double>(overlapping) / static_cast<double>(all);
}

}  // namespace raftkit::jepsen
