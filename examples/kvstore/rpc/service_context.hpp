// What all services share.
#pragma once

#include <cstddef>
#include <string>

#include <boost/asio/thread_pool.hpp>

#include "proto/rpc.pb.h"
#include "rpc/replica.hpp"
#include "state_machine/kv_state_machine.hpp"

namespace kvstore {

/// Everything must outlive the services. Immutable.
struct ServiceContext {
  Replica& replica;
  KvStateMachine& state_machine;
  /// Where reads of many keys run: they may take long, and the thread that completes a read's round
  /// has a cluster to keep alive.
  boost::asio::thread_pool& readers;
  std::string version;  ///< what Status says, e.g. "3.4.23"
  std::size_t max_txn_operations = 128;

  /// Fills in what only the serving member knows; the revision is the response's own.
  void complete(etcdserverpb::ResponseHeader& header, const raftkit::NodeStatus& status) const {
    header.set_cluster_id(status.cluster.value);
    header.set_member_id(status.id.value);
    header.set_raft_term(status.term.value);
  }
};

}  // namespace kvstore
