// Random histories, compared with the twin.
#include <deque>
#include <tuple>

#include <catch2/catch.hpp>
#include <rapidcheck.h>

#include "machine.hpp"
#include "model.hpp"
#include "random_requests.hpp"
#include "state_machine/validate.hpp"

namespace kvstore::test {

namespace {

using raftkit::testing::Survivors;

constexpr std::size_t kMaxOperations = 128;
constexpr std::size_t kSmallBuffer = 4096;  // tables and logs change all the time
constexpr std::size_t kUsualBuffer = std::size_t{8} << 20;

enum class Action : std::uint8_t {
  put,
  erase,
  transact,
  compact,
  compact_physically,
  end_batch,
  read,
  reopen,
  restore,
  restore_half,
  sync,
  lose_power,
  count,
};

/// What to do, and the seed of how.
using Step = std::tuple<Action, std::uint32_t>;

void showValue(Action action, std::ostream& os) {
  os << static_cast<int>(action);
}

rc::Gen<std::vector<Step>> scripts() {
  using rc::gen::weightedElement;
  const auto action = weightedElement<Action>({{8, Action::put},
                                               {4, Action::erase},
                                               {6, Action::transact},
                                               {2, Action::compact},
                                               {1, Action::compact_physically},
                                               {8, Action::end_batch},
                                               {2, Action::read},
                                               {1, Action::reopen},
                                               {1, Action::restore},
                                               {1, Action::restore_half},
                                               {1, Action::sync},
                                               {1, Action::lose_power}});
  constexpr double kLonger = 2;
  return rc::gen::scale(kLonger,
                        rc::gen::container<std::vector<Step>>(
                            rc::gen::tuple(action, rc::gen::arbitrary<std::uint32_t>())));
}

/// The store and its twin.
class Run {
 public:
  explicit Run(std::size_t write_buffer_bytes) {
    machine_.set_write_buffer_bytes(write_buffer_bytes);
    machine_.reopen();
  }

  void take(const Step& step) {
    const auto [action, seed] = step;
    RandomRequests random(seed);
    if (action > Action::compact) end_batch(seed % 3);
    switch (action) {
      case Action::put: {
        const auto request = random.put();
        return validate(request) ? void() : add(request);
      }
      case Action::erase:
        return add(random.erase());
      case Action::transact: {
        const auto request = random.txn(model_.revision());
        return validate(request, kMaxOperations) ? void() : add(request);
      }
      case Action::compact:
        return add(compaction_at(static_cast<std::int64_t>(
            random.below(static_cast<std::uint64_t>(model_.revision()) + 2))));
      case Action::compact_physically:
        return compact_physically(random);
      case Action::end_batch:
        return;
      case Action::read:
        return compare(random);
      case Action::reopen:
        return reopen();
      case Action::restore:
        return restore(random);
      case Action::restore_half:
        return restore_half(random);
      case Action::sync:
        RC_ASSERT(machine_.sync() == applied_);
        durable_ = applied_;
        return;
      case Action::lose_power:
        return lose_power(random);
      case Action::count:
        return;
    }
  }

  void finish() {
    end_batch(0);
    RandomRequests random(1);
    compare(random);
    reopen();
    compare(random);
    compact_physically(random);
    compare(random);
  }

 private:
  template <class Request>
  void add(const Request& request) {
    batch_.push_back(command_of(request));
    before_.push_back(model_);
    expected_.push_back(encode(model_.apply(request)));
  }
  template <class Response>
  static std::string encode(const Model::Answer<Response>& answer) {
    const auto* response = std::get_if<Response>(&answer);
    const auto bytes = response != nullptr ? encode_response(*response)
                                           : encode_refusal(std::get<RequestError>(answer));
    return std::string(bytes.view());
  }

  void end_batch(std::uint64_t skipped) {
    if (batch_.empty() && skipped == 0) return;
    const auto results = machine_.apply(batch_, skipped);
    applied_ += skipped;
    // A transaction that reads history writes what precedes it, so a batch may be lost in part.
    for (Model& model : before_)
      past_[applied_++] = std::move(model);
    past_[applied_] = model_;
    for (std::size_t at = 0; at < batch_.size(); ++at) {
      if (results[at].view() != expected_[at]) RC_LOG() << batch_[at].DebugString();
      RC_ASSERT(results[at].view() == expected_[at]);
    }
    RC_ASSERT(machine_.applied() == applied_);
    batch_.clear();
    before_.clear();
    expected_.clear();
  }

  void compare(RandomRequests& random) const {
    compare_with(*machine_.view(), model_, random);
    // What somebody still looks at stays as it was, whatever happens to the store.
    for (const auto& [view, model] : held_)
      compare_with(*view, model, random);
  }

  static void compare_with(const mvcc::View& view, const Model& model, RandomRequests& random) {
    RC_ASSERT(view.revision() == model.revision());
    RC_ASSERT(view.compacted() == model.compacted());
    for (auto revision = model.compacted() - 1; revision <= model.revision() + 1; ++revision)
      compare_read(view, model, everything(revision));
    constexpr int kReads = 30;
    for (int i = 0; i < kReads; ++i)
      compare_read(view, model, random.range(model.revision()));
  }

  static void compare_read(const mvcc::View& view,
                           const Model& model,
                           const RangeRequest& request) {
    const auto real = evaluate(view, request);
    const auto expected = model.read(request);
    if (const auto* response = std::get_if<RangeResponse>(&expected)) {
      if (!real || real->SerializeAsString() != response->SerializeAsString()) {
        RC_LOG() << request.DebugString() << "expected " << response->DebugString() << "found "
                 << (real ? real->DebugString() : real.error().message());
        RC_FAIL("a read differs");
      }
    } else {
      RC_ASSERT(refusal(real) == std::get<RequestError>(expected));
    }
  }

  void compact_physically(RandomRequests& random) {
    if (model_.revision() > model_.compacted() && random.below(2) == 0) {
      const auto revision = model_.revision();
      add(compaction_at(revision));
      end_batch(0);
    }
    hold();
    if (model_.compacted() <= 0) return;
    machine_.wait_until_compacted(model_.compacted());
    auto records = records_of(*machine_.view());
    // A view of before still holds what is gone from the newest.
    RC_ASSERT(records['h'] >= model_.history_records());
    end_batch(1);
    records = records_of(*machine_.view());
    RC_ASSERT(records['h'] == model_.history_records());
    RC_ASSERT(records['r'] == model_.change_records());
  }
  void hold() {
    constexpr std::size_t kMaxHeld = 2;
    held_.emplace_back(machine_.view(), model_);
    if (held_.size() > kMaxHeld) held_.pop_front();
  }

  void reopen() {
    held_.clear();  // a view keeps its database, and so the lock, alive
    machine_.reopen();
    RC_ASSERT(machine_.applied() == applied_);
  }

  void restore(RandomRequests& random) {
    Machine other;
    // Something that must be gone afterwards.
    other.apply({command_of(put_of("a", "other")), command_of(put_of("zz", "other"))});
    const auto piece = std::size_t{1} + random.below(5000);
    const std::string stream = machine_.capture(piece);
    RC_ASSERT(other.restore(stream, applied_, piece).has_value());
    RC_ASSERT(other.applied() == applied_);
    compare_with(*other.view(), model_, random);
    other.reopen();
    RC_ASSERT(other.applied() == applied_);
    compare_with(*other.view(), model_, random);
    // And over this one itself: the old database goes when the last view of it goes.
    hold();
    RC_ASSERT(machine_.restore(stream, applied_, piece).has_value());
    durable_ = applied_;
    compare(random);
  }
  void restore_half(RandomRequests& random) {
    std::string stream = machine_.capture();
    stream.resize(random.below(stream.size()));
    RC_ASSERT(machine_.restore(stream, applied_).error() == raftkit::Errc::corrupt_data);
    compare(random);
  }

  void lose_power(RandomRequests& random) {
    held_.clear();
    machine_.lose_power(random.below(1000), static_cast<Survivors>(random.below(5)));
    const auto applied = machine_.applied();
    RC_ASSERT(applied >= durable_);
    RC_ASSERT(applied <= applied_);
    RC_ASSERT(past_.contains(applied));
    applied_ = applied;
    model_ = past_.at(applied);
    compare(random);
  }

  Machine machine_;
  Model model_;
  std::uint64_t applied_ = 0;
  std::uint64_t durable_ = 0;
  std::map<std::uint64_t, Model> past_ = {{0, Model()}};  // by applied index
  std::vector<Command> batch_;
  std::vector<Model> before_;  // each command of the batch
  std::vector<std::string> expected_;
  std::deque<std::pair<std::shared_ptr<const mvcc::View>, Model>> held_;
};

}  // namespace

TEST_CASE("After any history every read answers as the twin does, and power losses cost a suffix",
          "[kvstore][property]") {
  CHECK(rc::check([] {
    const auto script = *scripts();
    Run run(*rc::gen::element(kSmallBuffer, kUsualBuffer));
    for (const Step& step : script)
      run.take(step);
    run.finish();
  }));
}

}  // namespace kvstore::test
