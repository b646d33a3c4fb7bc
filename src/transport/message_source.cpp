#include "transport/message_source.hpp"

#include <utility>

namespace raftkit::transport {

void gather(wire::WriteBatch& batch, wire::FrameWriter& writer, MessageSource& source) {
  while (batch.bytes() < kWriteBytes) {
    for (const auto message_class : {MessageClass::control, MessageClass::bulk}) {
      while (!writer.is_busy(message_class)) {
        auto envelope = source.next(message_class);
        if (!envelope) break;
        if (auto begun = writer.begin(*std::move(envelope)); !begun)
          source.on_refused(std::move(begun).error());
      }
    }
    const bool control = writer.is_busy(MessageClass::control);
    if (!control && !writer.is_busy(MessageClass::bulk)) return;
    writer.write_frame(control ? MessageClass::control : MessageClass::bulk, batch);
  }
}

}  // namespace raftkit::transport
