#include "transport/outbound_stream.hpp"

namespace raftkit::transport {

namespace {

/// A part of a vector of buffers, cheap to copy, which Asio does.
struct BufferRange {
  using value_type = asio::const_buffer;
  using const_iterator = const asio::const_buffer*;

  [[nodiscard]] const_iterator begin() const { return first; }
  [[nodiscard]] const_iterator end() const { return last; }

  const_iterator first;
  const_iterator last;
};

}  // namespace

OutboundStream::OutboundStream(TcpContextPtr context,
                               tcp::socket socket,
                               wire::ConnectionSeed seed,
                               Owner& owner)
    : context_(std::move(context)),
      socket_(std::move(socket)),
      writer_(seed, context_->options.max_message_bytes),
      owner_(&owner),
      last_progress_(Clock::now()),
      timer_(context_->executor) {}

void OutboundStream::start() {
  watch_for_end();
  tick();
}

void OutboundStream::close() {
  owner_ = nullptr;
  boost::system::error_code ignored;
  timer_.cancel(ignored);
  socket_.close(ignored);
}

void OutboundStream::flush() {
  if (writing_ || owner_ == nullptr) return;
  batch_.clear();
  gather(batch_, writer_, *owner_);
  if (batch_.empty()) return owner_->on_drained();
  write();
}

void OutboundStream::write() {
  if (!writing_) {
    buffers_.clear();
    next_buffer_ = 0;
    for (const auto buffer : batch_.buffers())
      buffers_.emplace_back(buffer.data(), buffer.size());
    writing_ = true;
    last_progress_ = Clock::now();
  }
  socket_.async_write_some(
      BufferRange{buffers_.data() + next_buffer_, buffers_.data() + buffers_.size()},
      [self = shared_from_this()](boost::system::error_code ec, std::size_t count) {
        if (self->owner_ == nullptr) return;
        if (ec) return self->broken(Error(Errc::peer_unreachable, ec.message()));
        self->on_written(count);
      });
}

void OutboundStream::on_written(std::size_t count) {
  last_progress_ = Clock::now();
  while (count != 0) {
    auto& buffer = buffers_[next_buffer_];
    const std::size_t part = std::min(count, buffer.size());
    buffer += part;
    count -= part;
    if (buffer.size() == 0) ++next_buffer_;
  }
  if (next_buffer_ != buffers_.size()) return write();
  writing_ = false;
  batch_.clear();
  flush();
}

void OutboundStream::watch_for_end() {
  socket_.async_read_some(
      asio::buffer(unexpected_),
      [self = shared_from_this()](boost::system::error_code ec, std::size_t) {
        if (self->owner_ == nullptr) return;
        self->broken(ec ? Error(Errc::peer_unreachable, ec.message())
                        : Error(Errc::malformed, "bytes came where none are expected"));
      });
}

void OutboundStream::tick() {
  timer_.expires_after(context_->options.idle_timeout / 4);
  timer_.async_wait([self = shared_from_this()](boost::system::error_code ec) {
    if (ec || self->owner_ == nullptr) return;
    const auto now = Clock::now();
    const auto idle_timeout = self->context_->options.idle_timeout;
    // Whoever was stopped himself for a while has not written: that says nothing about the peer.
    if (self->writing_ && now - self->timer_.expiry() >= idle_timeout / 2)
      self->last_progress_ = now;
    const auto idle = now - self->last_progress_;
    if (self->writing_ && idle >= idle_timeout)
      return self->broken(Error(Errc::timed_out, "nothing is taken any more"));
    if (!self->writing_ && idle >= idle_timeout / 8) {
      self->batch_.clear();
      self->writer_.write_ping(self->batch_);
      self->write();
    }
    self->tick();
  });
}

void OutboundStream::broken(Error error) {
  Owner* owner = owner_;
  close();
  owner->on_broken(std::move(error));
}

}  // namespace raftkit::transport
