// The part of a log line that comes from the record; level and time are spdlog's.
#pragma once

#include <string>

#include "raftkit/log_sink.hpp"

namespace raftkit::logging {

/// `event: text key=value key="two words"`, always one line.
[[nodiscard]] std::string capnslog_text(const LogRecord& record);

/// `"msg":"text","event":"event","key":"value"`, always valid JSON members: bytes that are no UTF-8
/// become U+FFFD.
[[nodiscard]] std::string zap_members(const LogRecord& record);

}  // namespace raftkit::logging
