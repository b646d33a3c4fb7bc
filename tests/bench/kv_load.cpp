#include "bench/kv_load.hpp"

#include <algorithm>
#include <memory>
#include <optional>
#include <random>

#include <grpcpp/grpcpp.h>

#include "proto/rpc.grpc.pb.h"

namespace raftkit::bench {

namespace {

using std::chrono::steady_clock;

constexpr std::size_t kMaxConnections = 16;

/// One client: sends its next request when the last one is answered.
class Client {
 public:
  Client(const LoadOptions& options,
         std::shared_ptr<grpc::Channel> channel,
         grpc::CompletionQueue& queue,
         std::uint64_t seed)
      : options_(options),
        stub_(etcdserverpb::KV::NewStub(std::move(channel))),
        queue_(queue),
        random_(seed),
        value_(options.value_bytes, '\0') {
    for (char& byte : value_)
      byte = static_cast<char>(random_());
  }

  void send(std::uint64_t key) {
    context_.emplace();
    context_->set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(10));
    begin_ = steady_clock::now();
    if (options_.operation == Operation::put) {
      etcdserverpb::PutRequest request;
      request.set_key(key_name(key));
      request.set_value(value_);
      put_ = stub_->AsyncPut(&*context_, request, &queue_);
      put_->Finish(&put_response_, &status_, this);
      return;
    }
    etcdserverpb::RangeRequest request;
    request.set_key(key_name(key));
    request.set_serializable(options_.serializable);
    if (options_.operation == Operation::range) {
      request.set_range_end(key_name(key + options_.range_keys));
    }
    range_ = stub_->AsyncRange(&*context_, request, &queue_);
    range_->Finish(&range_response_, &status_, this);
  }

  [[nodiscard]] std::uint64_t draw_key() {
    const std::uint64_t span =
        options_.operation == Operation::range && options_.keys > options_.range_keys
            ? options_.keys - options_.range_keys
            : options_.keys;
    return options_.first_key + random_() % span;
  }
  [[nodiscard]] const grpc::Status& status() const { return status_; }
  [[nodiscard]] std::uint32_t microseconds() const {
    return static_cast<std::uint32_t>(
        std::chrono::duration_cast<std::chrono::microseconds>(steady_clock::now() - begin_)
            .count());
  }

 private:
  const LoadOptions& options_;
  std::unique_ptr<etcdserverpb::KV::Stub> stub_;
  grpc::CompletionQueue& queue_;
  std::mt19937_64 random_;
  std::string value_;
  std::optional<grpc::ClientContext> context_;
  std::unique_ptr<grpc::ClientAsyncResponseReader<etcdserverpb::PutResponse>> put_;
  std::unique_ptr<grpc::ClientAsyncResponseReader<etcdserverpb::RangeResponse>> range_;
  etcdserverpb::PutResponse put_response_;
  etcdserverpb::RangeResponse range_response_;
  grpc::Status status_;
  steady_clock::time_point begin_;
};

std::vector<std::shared_ptr<grpc::Channel>> connect(const LoadOptions& options) {
  const std::size_t wanted =
      options.connections > 0 ? options.connections : std::min(options.clients, kMaxConnections);
  std::vector<std::shared_ptr<grpc::Channel>> channels;
  for (std::size_t i = 0; i < std::max(wanted, options.endpoints.size()); ++i) {
    grpc::ChannelArguments arguments;
    arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);  // or equal targets share a connection
    arguments.SetMaxReceiveMessageSize(-1);
    channels.push_back(grpc::CreateCustomChannel(options.endpoints[i % options.endpoints.size()],
                                                 grpc::InsecureChannelCredentials(),
                                                 arguments));
    channels.back()->WaitForConnected(std::chrono::system_clock::now() + std::chrono::seconds(5));
  }
  return channels;
}

}  // namespace

std::string key_name(std::uint64_t number) {
  std::string digits = std::to_string(number);
  if (digits.size() < 9) digits.insert(0, 9 - digits.size(), '0');
  return "key-" + digits;
}

std::uint32_t LoadResult::quantile(double share) const {
  const auto index = static_cast<std::size_t>(share * static_cast<double>(microseconds.size() - 1));
  return microseconds[index];
}

LoadResult run_load(const LoadOptions& options) {
  grpc::CompletionQueue queue;
  const auto channels = connect(options);
  std::vector<std::unique_ptr<Client>> clients;
  for (std::size_t i = 0; i < options.clients; ++i) {
    clients.push_back(std::make_unique<Client>(
        options, channels[i % channels.size()], queue, options.seed * 1'000'003 + i));
  }
  LoadResult result;
  std::uint64_t next = options.first_key;
  const std::uint64_t end = options.first_key + options.keys;
  const auto begin = steady_clock::now();
  const auto deadline = begin + options.duration;
  std::size_t running = 0;
  const auto send_next = [&](Client& client) {
    const bool is_done = options.sequential ? next == end : steady_clock::now() >= deadline;
    if (is_done) return;
    client.send(options.sequential ? next++ : client.draw_key());
    ++running;
  };
  for (const auto& client : clients)
    send_next(*client);
  void* tag = nullptr;
  bool ok = false;
  while (running > 0 && queue.Next(&tag, &ok)) {
    --running;
    Client& client = *static_cast<Client*>(tag);
    if (client.status().ok()) {
      ++result.operations;
      result.microseconds.push_back(client.microseconds());
    } else if (result.failures++ == 0) {
      result.first_failure = client.status().error_message();
    }
    send_next(client);
  }
  result.seconds = std::chrono::duration<double>(steady_clock::now() - begin).count();
  queue.Shutdown();
  while (queue.Next(&tag, &ok))
    continue;
  std::sort(result.microseconds.begin(), result.microseconds.end());
  return result;
}

}  // namespace raftkit::bench
