// What operators and other programs write: options, addresses, HTTP and JSON. What is read is the
// same when it is written and read again, and however the bytes of a connection are cut.
#include <optional>
#include <string>
#include <sys/mman.h>
#include <unistd.h>
#include <variant>
#include <vector>

#include "raftkit/config.hpp"

#include "fuzz/input.hpp"
#include "fuzz/target.hpp"
#include "testing/check.hpp"
#include "transport/http.hpp"
#include "transport/json.hpp"
#include "transport/url.hpp"

namespace raftkit::fuzz {

namespace {

using testing::require;
using transport::HttpHeaders;
using transport::JsonValue;

enum class What : std::uint8_t {
  json = 0,
  peer_url = 1,
  http_request = 2,
  http_response = 3,
  option_url = 4,
  address = 5,
  initial_cluster = 6,
  flags = 7,
  file = 8
};
constexpr std::uint8_t kKinds = 9;

// --- of the transport

void check_strings(const JsonValue& value) {
  if (value.kind == JsonValue::Kind::string) {
    const auto again = transport::parse_json(transport::json_string(value.text));
    require(again && again->text == value.text, "a JSON string is read as another one");
  }
  for (const JsonValue& item : value.items)
    check_strings(item);
  for (const auto& field : value.fields)
    check_strings(field.value);
}

void check_json(std::string_view text) {
  if (const auto value = transport::parse_json(text)) check_strings(*value);
}

void check_peer_url(std::string_view text) {
  const auto url = transport::parse_url(text);
  if (!url) return;
  const auto again = transport::parse_url(to_string(*url));
  require(again && *again == *url, "a peer's URL is read as another one");
}

bool is_same(const transport::HttpRequest& left, const transport::HttpRequest& right) {
  return left.method == right.method && left.target == right.target &&
         left.headers.fields() == right.headers.fields();
}

bool is_same(const transport::HttpResponse& left, const transport::HttpResponse& right) {
  return left.status == right.status && left.body == right.body &&
         left.headers.fields() == right.headers.fields();
}

/// What `Reader` makes of `bytes`, at most `step` of them at a time; empty: it wants more of them.
template <class Message, class Reader>
Result<std::optional<Message>> feed(std::string_view bytes, std::size_t step) {
  Reader reader;
  while (!bytes.empty()) {
    auto message = reader.feed(bytes_of(bytes.substr(0, step)));
    if (!message || *message) return message;
    bytes.remove_prefix(std::min(step, bytes.size()));
  }
  return std::optional<Message>();
}

template <class Message, class Reader>
void check_http(std::string_view bytes, std::size_t step) {
  const auto whole = feed<Message, Reader>(bytes, bytes.size());
  const auto cut = feed<Message, Reader>(bytes, step);
  // When it is noticed that there will be none may depend on it.
  const bool is_whole = whole && *whole;
  require(is_whole == (cut && *cut), "whether it is complete depends on where it is cut");
  if (is_whole) require(is_same(**whole, **cut), "its content depends on where it is cut");
}

// --- of the configuration

void check_option_url(std::string_view text) {
  const auto url = config::Url::parse(text);
  // As in Go, escaping makes what cannot be read of some bytes that can.
  if (!url || url->text().find('%') != std::string::npos) return;
  const auto again = config::Url::parse(url->text());
  require(again && again->text() == url->text(), "an option's URL is read as another one");
  require(again->host() == url->host() && again->port() == url->port(), "of another host");
}

void check_address(std::string_view text) {
  const auto address = config::split_host_port(text);
  if (!address) return;
  const auto again = config::split_host_port(config::join_host_port(*address));
  require(again && *again == *address, "an address is read as another one");
}

void check_initial_cluster(std::string_view text) {
  const auto members = config::parse_initial_cluster(text);
  if (!members) return;
  std::string written;
  if (text.find('%') != std::string_view::npos) return;  // as above
  for (const auto& [name, urls] : *members) {
    for (const config::Url& url : urls)
      written += name + "=" + url.text() + ",";
  }
  const auto again = config::parse_initial_cluster(written);
  require(again.has_value(), "a cluster cannot be read again");
  require(*again == *members, "a cluster is read as another one");
}

/// All options of a member, and those of the kinds that it has none of.
struct Options {
  config::OptionTable table{{"fuzz", "version\n"}};
  config::MemberOptions member;
  std::int64_t number = 1;
  std::chrono::nanoseconds duration{1};

  Options() {
    config::add_member_options(table, member);
    table.add({"number", "Other", "A number."}, config::bind(number));
    table.add({"duration", "Other", "A duration."}, config::bind(duration));
  }
};

/// What an option holds, in the form that it takes.
void check_values(const config::OptionTable& table) {
  for (const auto& row : table.rows()) {
    const std::string text = row.value->text();
    if (text.empty()) continue;
    require(row.value->set(text).has_value(), row.option.name, " does not take ", text);
    require(row.value->text() == text, row.option.name, " is not ", text);
  }
}

void check_options(const std::vector<std::string>& words) {
  const Options options;
  const auto outcome = config::parse(options.table, words, {});
  if (std::holds_alternative<config::Run>(outcome)) check_values(options.table);
}

void check_flags(std::string_view text) {
  std::vector<std::string> words;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    // It must not read the files of whoever runs this.
    if (text.substr(0, end).find(config::kConfigFileOption) != std::string_view::npos) return;
    words.emplace_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  check_options(words);
}

void check_file(std::string_view text) {
  static const int file = ::memfd_create("fuzz", 0);
  if (::ftruncate(file, 0) != 0) return;
  if (::pwrite(file, text.data(), text.size(), 0) != static_cast<::ssize_t>(text.size())) return;
  check_options({"--config-file=/proc/self/fd/" + std::to_string(file)});
}

}  // namespace

std::vector<std::string> examples() {
  std::vector<std::string> found;
  const auto add = [&](What what, std::string_view text) {
    found.push_back(Recipe().byte(static_cast<std::uint8_t>(what)).number(3).rest(text));
  };
  add(What::json, R"({"id": 12, "urls": ["http://a:1", "\u00e4\n"], "is": [true, null, -1.5e3]})");
  add(What::peer_url, "http://host:2380");
  add(What::peer_url, "http://[::1]:2380/");
  add(What::http_request, "GET /members HTTP/1.1\r\nHost: a:1\r\nX: y\r\n\r\nrest");
  add(What::http_response, "HTTP/1.1 200 OK\r\nContent-Length: 4\r\nX: y\r\n\r\nbodyrest");
  add(What::http_response,
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nbody\r\n0\r\n\r\n");
  add(What::option_url, "https://user@[fe80::1%25eth0]:2380?query#fragment");
  add(What::address, "[::1]:2380");
  add(What::initial_cluster, "a=http://a:1,b=http://b:2,a=http://c:3");
  add(What::flags,
      "--name=a\n--heartbeat-interval\n0x64\n--pre-vote=false\n--duration=1h1.5s\n--number=-1_0");
  add(What::flags, "-listen-peer-urls=http://127.0.0.1:1,http://127.0.0.1:2\n--log-outputs=a,b");
  add(What::file, "name: a\nheartbeat-interval: 100\nlog-outputs: [a, b]\npre-vote: true\n");
  return found;
}

}  // namespace raftkit::fuzz

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace raftkit::fuzz;
  namespace transport = raftkit::transport;
  Input input(data, size);
  const auto what = static_cast<What>(input.byte() % kKinds);
  const std::size_t step = 1 + input.below(100);
  const std::string_view text = input.rest();
  switch (what) {
    case What::json:
      check_json(text);
      break;
    case What::peer_url:
      check_peer_url(text);
      break;
    case What::http_request:
      check_http<transport::HttpRequest, transport::HttpRequestReader>(text, step);
      break;
    case What::http_response:
      check_http<transport::HttpResponse, transport::HttpResponseReader>(text, step);
      break;
    case What::option_url:
      check_option_url(text);
      break;
    case What::address:
      check_address(text);
      break;
    case What::initial_cluster:
      check_initial_cluster(text);
      break;
    case What::flags:
      check_flags(text);
      break;
    case What::file:
      check_file(text);
      break;
  }
  return 0;
}
