// Snapshots on their way from one simulated node to another.
#include <utility>

#include "testing/sim_transport.hpp"
#include "wire/snapshot_records.hpp"

namespace raftkit::testing {

namespace {

/// What a membership in a message has to survive.
Result<Envelope> through_wire(Envelope envelope, std::size_t max_bytes) {
  wire::EncodedMessage encoded;
  if (auto done = wire::Encoder(max_bytes).encode(std::move(envelope), encoded); !done)
    return std::move(done).error();
  const auto head = std::as_bytes(std::span(encoded.head));
  return wire::Decoder(max_bytes).decode({encoded.group, head, {}, nullptr});
}

using Record = std::vector<std::byte>;
using wire::RecordKind;

constexpr wire::ConnectionSeed kSeed{7};

Record make_record(std::uint64_t position, std::span<const std::byte> body) {
  const auto kind = body.empty() ? RecordKind::end : RecordKind::chunk;
  const auto header = wire::encode_record(kind, position, body, kSeed);
  Record record(header.begin(), header.end());
  record.insert(record.end(), body.begin(), body.end());
  return record;
}

}  // namespace

struct SimTransport::Transfer {
  /// What the other end of a snapshot's connection does; `position` is where the record belongs.
  Result<void> take(std::span<const std::byte> record, std::uint64_t position) const {
    const auto header = wire::decode_record_header(record.first(wire::kRecordHeaderBytes), kSeed);
    if (!header) return header.error();
    const auto body = record.subspan(wire::kRecordHeaderBytes);
    if (auto checked = wire::check_record_body(*header, body); !checked) return checked;
    if (header->position != position) return Error(Errc::malformed, "a part is missing");
    return header->kind == RecordKind::end ? sink->commit() : sink->write(body);
  }

  NodeId to;
  Envelope envelope;
  std::unique_ptr<SnapshotSource> source;
  std::function<void(Result<void>)> done;
  std::unique_ptr<SnapshotSink> sink;
  std::optional<SimProcess::Door> receiver;  // once it has let the sender in
  StoreId receiver_store;
  std::uint64_t sent = 0;  // bytes of the content
  bool is_over = false;
};

void SimTransport::send_snapshot(Envelope envelope,
                                 std::unique_ptr<SnapshotSource> source,
                                 std::function<void(Result<void>)> done) {
  const NodeId to = envelope.to;
  if (transfers_.contains(to)) {
    process_.post(SimTime(0), [done = std::move(done)] { done(Errc::already_exists); });
    return;
  }
  auto transfer = std::make_shared<Transfer>();
  transfer->to = to;
  transfer->envelope = std::move(envelope);
  transfer->source = std::move(source);
  transfer->done = std::move(done);
  transfers_[to] = transfer;
  begin_transfer(transfer);
}

void SimTransport::ask_receiver(const TransferPtr& transfer,
                                SimTime on_the_way,
                                std::function<Result<void>(SimTransport&)> at_receiver,
                                std::function<void()> then) {
  // Whatever gets lost on the way, or in a process that was stopped.
  const auto is_answered = std::make_shared<bool>(false);
  process_.post(kTransferTimeout, [this, transfer, is_answered] {
    if (!*is_answered) end_transfer(transfer, Error(Errc::timed_out, "nothing comes any more"));
  });
  process_.post(
      on_the_way + network_.delay(identity_.node, transfer->to),
      [this, transfer, is_answered, at_receiver = std::move(at_receiver), then = std::move(then)] {
        if (network_.is_cut(identity_.node, transfer->to) || !network_.has_power(transfer->to))
          return;
        const auto found = directory_.find(transfer->to);
        const bool is_same =
            found != directory_.end() && (!transfer->receiver || transfer->receiver->is_alive());
        if (!is_same) {
          *is_answered = true;
          return end_transfer(transfer, Error(Errc::peer_unreachable, "the connection broke"));
        }
        SimTransport& receiver = *found->second;
        receiver.process_.run([this,
                               home = process_.door(),
                               back = network_.delay(transfer->to, identity_.node),
                               &receiver,
                               transfer,
                               is_answered,
                               at_receiver,
                               then] {
          if (transfer->is_over) return;
          auto outcome = at_receiver(receiver);
          home.post(back, [this, transfer, is_answered, outcome = std::move(outcome), then] {
            if (network_.is_cut(transfer->to, identity_.node)) return;
            *is_answered = true;
            if (!outcome) return end_transfer(transfer, outcome);
            if (!transfer->is_over) then();
          });
        });
      });
}

void SimTransport::begin_transfer(const TransferPtr& transfer) {
  ask_receiver(
      transfer,
      SimTime(0),
      [transfer,
       self = Introduction{identity_.node,
                           identity_.store,
                           handler_.knows_up_to(),
                           identity_.peer_urls}](SimTransport& receiver) -> Result<void> {
        if (auto admitted = receiver.handler_.admit(self); !admitted) return admitted;
        transfer->receiver = receiver.process_.door();
        transfer->receiver_store = receiver.identity_.store;
        return {};
      },
      [this, transfer] {
        const Introduction receiver{transfer->to, transfer->receiver_store, {}, {}};
        if (auto admitted = handler_.admit(receiver); !admitted)
          return end_transfer(transfer, admitted);
        announce_transfer(transfer);
      });
}

void SimTransport::announce_transfer(const TransferPtr& transfer) {
  ask_receiver(
      transfer,
      SimTime(0),
      [transfer](SimTransport& receiver) -> Result<void> {
        auto envelope = through_wire(transfer->envelope, kMaxMessageBytes);
        if (!envelope) return std::move(envelope).error();
        auto sink = receiver.handler_.accept_snapshot(*envelope);
        if (!sink) return std::move(sink).error();
        transfer->sink = *std::move(sink);
        transfer->envelope = *std::move(envelope);
        return {};
      },
      [this, transfer] { send_chunk(transfer); });
}

void SimTransport::send_chunk(const TransferPtr& transfer) {
  std::vector<std::byte> chunk(kChunkBytes);
  const auto count = transfer->source->read(chunk);
  if (!count) return end_transfer(transfer, count.error());
  chunk.resize(*count);
  const bool is_end = chunk.empty();
  const std::uint64_t position = std::exchange(transfer->sent, transfer->sent + chunk.size());
  constexpr std::size_t kBytesPerMicrosecond = 10;
  const SimTime on_the_way =
      is_end ? milliseconds(1) : microseconds(chunk.size() / kBytesPerMicrosecond);
  ask_receiver(
      transfer,
      on_the_way,
      [this,
       transfer,
       is_end,
       position,
       store = identity_.store,
       record = make_record(position, chunk)](SimTransport& receiver) -> Result<void> {
        Record arrived = record;
        network_.take_record(arrived);
        const bool is_damaged = arrived != record;
        auto taken = transfer->take(arrived, position);
        require(!is_damaged || !taken, "snapshots: a damaged part is taken");
        marks_.hit_if(is_damaged, "snapshot: damaged on its way, and refused");
        if (taken && is_end) receiver.handler_.on_message(transfer->envelope, store);
        return taken;
      },
      [this, transfer, is_end] {
        if (is_end) return end_transfer(transfer, {});
        send_chunk(transfer);
      });
}

void SimTransport::end_transfer(const TransferPtr& transfer, const Result<void>& outcome) {
  if (std::exchange(transfer->is_over, true)) return;
  transfer->source.reset();
  transfer->sink.reset();
  transfers_.erase(transfer->to);
  transfer->done(outcome);
}

// Sources are the state machine's, and must not outlive it; who else holds the transfer finds it
// over.
void SimTransport::abandon_transfers() {
  for (auto& [to, transfer] : transfers_) {
    transfer->is_over = true;
    transfer->source.reset();
    transfer->sink.reset();
  }
}

}  // namespace raftkit::testing
