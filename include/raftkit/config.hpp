// Configuration with etcd's semantics: options, addresses, clusters and their IDs.
#pragma once

#include "raftkit/config_cluster.hpp"
#include "raftkit/config_member.hpp"
#include "raftkit/config_parse.hpp"
#include "raftkit/config_table.hpp"
#include "raftkit/config_url.hpp"
#include "raftkit/config_value.hpp"
