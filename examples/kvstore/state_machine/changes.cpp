#include "state_machine/changes.hpp"

#include <vector>

#include "state_machine/ranges.hpp"
#include "state_machine/reads.hpp"
#include "state_machine/request_error.hpp"

namespace kvstore {

using mvcc::KeyValue;
using mvcc::KeyValueView;
using mvcc::Writer;
using raftkit::Result;

Result<void> check_put(const Writer& writer, const etcdserverpb::PutRequest& request) {
  // There are no leases yet.
  if (request.lease() != 0) return make_error(RequestError::lease_not_found);
  if (!request.ignore_value() && !request.ignore_lease()) return {};
  const auto present = writer.get(request.key());
  if (!present) return present.error();
  if (!*present) return make_error(RequestError::key_not_found);
  return {};
}

Result<etcdserverpb::PutResponse> put(Writer& writer, const etcdserverpb::PutRequest& request) {
  const auto previous = writer.get(request.key());
  if (!previous) return previous.error();
  const bool keeps_value = request.ignore_value() && *previous;
  const bool keeps_lease = request.ignore_lease() && *previous;
  writer.put(request.key(),
             *previous,
             keeps_value ? (*previous)->value : request.value(),
             keeps_lease ? (*previous)->info.lease : request.lease());
  etcdserverpb::PutResponse response;
  response.mutable_header()->set_revision(writer.next_revision());
  if (request.prev_kv() && *previous) copy_to((*previous)->view(), *response.mutable_prev_kv());
  return response;
}

Result<etcdserverpb::DeleteRangeResponse> erase(Writer& writer,
                                                const etcdserverpb::DeleteRangeRequest& request) {
  std::vector<KeyValue> found;
  std::size_t bytes = 0;
  if (request.range_end().empty()) {
    auto single = writer.get(request.key());
    if (!single) return std::move(single).error();
    if (*single) found.push_back(**std::move(single));
  } else {
    const auto scanned =
        writer.scan(range_of(request.key(), request.range_end()), [&](const KeyValueView& version) {
          found.emplace_back(version);
          bytes += version.key.size() + version.value.size();
          return bytes <= kMaxResponseBytes;
        });
    if (!scanned) return scanned.error();
    // All of it is held in memory here; who has that much to delete can do it in parts.
    if (bytes > kMaxResponseBytes) return make_error(RequestError::response_too_large);
  }
  etcdserverpb::DeleteRangeResponse response;
  response.set_deleted(static_cast<std::int64_t>(found.size()));
  for (const KeyValue& each : found) {
    if (request.prev_kv()) copy_to(each.view(), *response.add_prev_kvs());
    writer.erase(each);
  }
  response.mutable_header()->set_revision(writer.read_revision());
  return response;
}

}  // namespace kvstore
