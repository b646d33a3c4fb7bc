// Random scripts with crashes at random places, against a log in a vector.
#include <tuple>

#include <rapidcheck.h>

#include "leveldb_log_fixture.hpp"
#include "log_model.hpp"
#include "wal_log_fixture.hpp"

namespace raftkit::test {

namespace {

enum class Action : std::uint8_t {
  append,
  append_large,
  replace_end,
  commit,
  vote,
  install,
  compact,
  mixed_group,
  restart,
  power_loss,
  power_loss_during_next,
  kill_during_next,
  lost_sync,
  count,
};

/// What to do, and two numbers that say how. Shrinks towards few, small steps.
using Step = std::tuple<Action, std::uint32_t, std::uint32_t>;

rc::Gen<std::vector<Step>> scripts() {
  const auto action = rc::gen::map(rc::gen::inRange(0, static_cast<int>(Action::count)),
                                   [](int value) { return static_cast<Action>(value); });
  const auto number = rc::gen::inRange<std::uint32_t>(0, 1000);
  constexpr double kLonger = 4;  // than rapidcheck's: a script needs some length to meet a rotation
  return rc::gen::scale(
      kLonger, rc::gen::container<std::vector<Step>>(rc::gen::tuple(action, number, number)));
}

/// Drives a store and its twin. `history_` holds what the log was after each batch since the last
/// durable one: after a power loss it must be one of these.
template <class Log>
class Run {
 public:
  Run() { open(); }

  void take(const Step& step) {
    const auto [action, a, b] = step;
    switch (action) {
      case Action::append:
        return write({append(1 + a % 4, b % 50)});
      case Action::append_large:
        return write({append(1 + a % 3, 5000 + 10 * b)});
      case Action::replace_end:
        return write({replace_end(a, b % 200)});
      case Action::commit:
        return write({commit(a)});
      case Action::vote:
        return write({vote(a)});
      case Action::install:
        return write({install(a, b)});
      case Action::compact:
        return compact(a, b);
      case Action::mixed_group:
        return write({commit(a), append(1 + a % 3, b % 50), replace_end(b, 3000), commit(b)});
      case Action::restart:
        log_.close();
        return open();
      case Action::power_loss:
        return lose_power(a, b);
      case Action::power_loss_during_next:
        log_.faulty().set({.nth = 1 + a % 12, .lasts = true});
        loses_power_ = true;
        return;
      case Action::kill_during_next:
        log_.faulty().set({.nth = 1 + a % 12, .lasts = true});
        loses_power_ = false;
        return;
      case Action::lost_sync:
        log_.memory().fail_sync_after(a % 3);
        loses_power_ = false;
        return;
      case Action::count:
        return;
    }
  }

  void finish() {
    lose_power(1, 1);
    log_.close();
    open();
  }

 private:
  [[nodiscard]] const LogModel& now() const { return history_.back(); }
  [[nodiscard]] std::uint64_t new_term() const { return now().hard_state.term.value + 1; }

  Entry next_entry(Index index, std::uint64_t size) {
    std::string payload = std::to_string(++payloads_) + ":";
    payload.resize(payload.size() + size, '.');
    return entry(std::max(now().hard_state.term, now().last().term).value, index.value, payload);
  }
  PersistBatch append(std::uint64_t count, std::uint64_t size) {
    PersistBatch batch;
    for (std::uint64_t at = 1; at <= count; ++at)
      batch.append.push_back(next_entry(now().last().index + at, size));
    return batch;
  }
  PersistBatch replace_end(std::uint64_t choice, std::uint64_t size) {
    PersistBatch batch = vote(choice);
    const Index from = now().base.index + 1 + choice % (now().entries.size() + 1);
    batch.truncate_from = from;
    batch.append.push_back(next_entry(from, size));
    batch.append.back().id.term = batch.hard_state->term;
    return batch;
  }
  PersistBatch commit(std::uint64_t choice) {
    PersistBatch batch;
    batch.hard_state = now().hard_state;
    batch.hard_state->commit = now().base.index + choice % (now().entries.size() + 1);
    return batch;
  }
  PersistBatch vote(std::uint64_t choice) {
    PersistBatch batch = commit(choice);
    batch.hard_state->term = Term{std::max(new_term(), now().last().term.value)};
    batch.hard_state->voted_for =
        choice % 2 == 0 ? std::optional<NodeId>() : NodeId{1 + choice % 3};
    batch.sync_hard_state = true;
    return batch;
  }
  PersistBatch install(std::uint64_t a, std::uint64_t b) {
    PersistBatch batch = vote(a);
    // Around the end of the log: inside, at it, beyond.
    const auto index = now().base.index.value + b % (2 * now().entries.size() + 3);
    batch.snapshot = snapshot(batch.hard_state->term.value, std::max<std::uint64_t>(index, 1));
    return batch;
  }

  /// Each of `batches` was made for the log as it is, so all but the first must be made to follow.
  void write(std::vector<PersistBatch> batches) {
    std::vector<LogModel> after;
    LogModel model = now();
    bool is_synced = false;
    for (PersistBatch& batch : batches) {
      follow(model, batch);
      model.apply(batch);
      after.push_back(model);
      is_synced = is_synced || batch.needs_sync();
    }
    settle(log_->write(batches), std::move(after), is_synced);
  }

  static void follow(const LogModel& model, PersistBatch& batch) {
    if (batch.truncate_from)
      batch.truncate_from = std::max(*batch.truncate_from, model.base.index + 1);
    if (batch.snapshot || batch.append.empty()) return;
    const Index first = batch.truncate_from ? std::min(*batch.truncate_from, model.last().index + 1)
                                            : model.last().index + 1;
    for (std::size_t at = 0; at < batch.append.size(); ++at)
      batch.append[at].id = {std::max(batch.append[at].id.term, model.last().term), first + at};
  }

  void compact(std::uint64_t a, std::uint64_t b) {
    if (now().entries.empty()) return;
    const Entry& at = now().entries[a % now().entries.size()];
    if (at.id.index < now().snapshot.last.index) return;
    const auto keep_from = Index{1 + b % (at.id.index.value + 1)};
    const auto meta = snapshot(at.id.term.value, at.id.index.value);
    LogModel model = now();
    model.compact(meta, keep_from);
    settle(log_->compact({}, meta, keep_from), {model}, true);
  }

  void settle(const Result<void>& result, std::vector<LogModel> after, bool is_synced) {
    history_.insert(history_.end(), after.begin(), after.end());
    if (!result) {
      RC_ASSERT(result.error() == Errc::storage_failed);
      if (loses_power_) return lose_power(payloads_, payloads_);
      log_.close();
      open();
    } else if (is_synced) {
      history_.erase(history_.begin(), history_.end() - 1);
    }
  }

  void lose_power(std::uint64_t seed, std::uint64_t survivors) {
    constexpr std::uint64_t kKinds = 5;
    log_.lose_power(seed, static_cast<Survivors>(survivors % kKinds));
    open();
  }

  void open() {
    log_.faulty().heal();
    auto opened = log_.try_open();
    // A sync may be meant to fail, once.
    if (!opened && opened.error() == Errc::io_error) opened = log_.try_open();
    if (!opened) RC_FAIL(opened.error().message());
    const auto loaded = log_->load({});
    if (!loaded) RC_FAIL(loaded.error().message());
    const auto held = std::find_if(history_.rbegin(), history_.rend(), [&](const LogModel& model) {
      return model.is_held_by(*log_, *loaded);
    });
    RC_ASSERT(held != history_.rend());
    history_ = {*held};
  }

  Log log_;
  std::vector<LogModel> history_ = {LogModel()};
  std::uint64_t payloads_ = 0;
  bool loses_power_ = true;  // when something fails
};

void showValue(Action action, std::ostream& os) {
  os << static_cast<int>(action);
}

}  // namespace

TEMPLATE_TEST_CASE(
    "After any history with crashes the log is a prefix of what was asked for, with all that "
    "was durable",
    "[storage][property]",
    LevelDbLog,
    WalLog) {
  CHECK(rc::check([] {
    const auto script = *scripts();
    Run<TestType> run;
    for (const Step& step : script)
      run.take(step);
    run.finish();
  }));
}

}  // namespace raftkit::test
