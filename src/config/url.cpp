#include <algorithm>
#include <charconv>
#include <limits>
#include <optional>

#include "raftkit/config_url.hpp"

#include "config/percent.hpp"
#include "config/text.hpp"

// The rules are those of Go's net/url.Parse and URL.String, cut down to what etcd lets through, and
// kept byte for byte where they are odd: the texts decide about member IDs.
namespace raftkit::config {

namespace {

constexpr auto kNone = std::string_view::npos;

bool is_letter(char character) {
  return (character >= 'a' && character <= 'z') || (character >= 'A' && character <= 'Z');
}

bool is_digit(char character) {
  return character >= '0' && character <= '9';
}

bool is_control(char character) {
  return static_cast<unsigned char>(character) < 0x20 || character == 0x7f;
}

// The scheme with its colon removed; nothing if the text does not begin with one.
std::optional<std::string_view> leading_scheme(std::string_view text) {
  const std::size_t colon = text.find(':');
  if (colon == kNone || colon == 0 || !is_letter(text.front())) return std::nullopt;
  const std::string_view scheme = text.substr(0, colon);
  const bool is_well_formed = std::all_of(scheme.begin(), scheme.end(), [](char character) {
    return is_letter(character) || is_digit(character) || character == '+' || character == '-' ||
           character == '.';
  });
  return is_well_formed ? std::optional(scheme) : std::nullopt;
}

bool is_valid_user_info(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char character) {
    return is_letter(character) || is_digit(character) ||
           std::string_view("-._:~!$&'()*+,;=%@").find(character) != kNone;
  });
}

// "user:password@" in the form in which it is written out again.
std::optional<std::string> normal_user_info(std::string_view text) {
  if (!is_valid_user_info(text)) return std::nullopt;
  const auto [name, password] = cut(text, ':');
  const auto plain_name = unescape(name, UrlPart::user_info);
  const auto plain_password = unescape(password, UrlPart::user_info);
  if (!plain_name || !plain_password) return std::nullopt;
  std::string result = escape(*plain_name, UrlPart::user_info);
  if (text.find(':') != kNone) result += ':' + escape(*plain_password, UrlPart::user_info);
  return result + '@';
}

bool has_valid_port(std::string_view host) {
  const bool has_brackets = host.starts_with('[');
  const std::size_t end = has_brackets ? host.rfind(']') : host.rfind(':');
  if (end == kNone) return !has_brackets;
  const std::string_view port = has_brackets ? host.substr(end + 1) : host.substr(end);
  return port.empty() ||
         (port.front() == ':' && std::all_of(port.begin() + 1, port.end(), is_digit));
}

// "host:port" with the escapes resolved.
std::optional<std::string> plain_host(std::string_view host) {
  if (!has_valid_port(host)) return std::nullopt;
  const std::size_t bracket = host.starts_with('[') ? host.rfind(']') : kNone;
  const std::size_t zone = bracket == kNone ? kNone : host.substr(0, bracket).find("%25");
  if (zone == kNone) return unescape(host, UrlPart::host);
  const auto address = unescape(host.substr(0, zone), UrlPart::host);
  const auto interface = unescape(host.substr(zone, bracket - zone), UrlPart::zone);
  const auto rest = unescape(host.substr(bracket), UrlPart::host);
  if (!address || !interface || !rest) return std::nullopt;
  return *address + *interface + *rest;
}

// A fragment that is well written stays; any other is written in the normal way.
std::optional<std::string> normal_fragment(std::string_view text) {
  const auto plain = unescape(text, UrlPart::fragment);
  if (!plain) return std::nullopt;
  const bool is_well_written = std::all_of(text.begin(), text.end(), [](char character) {
    return std::string_view("'[]%").find(character) != kNone ||
           !must_escape(character, UrlPart::fragment);
  });
  return is_well_written ? std::string(text) : escape(*plain, UrlPart::fragment);
}

// What stands between "scheme:" and '#', cut into its parts.
struct Rest {
  std::string user_info;  // with the '@'
  std::string host;       // unescaped, with the port
  std::string_view path;
  std::string_view query;  // with the '?'
};

std::optional<Rest> take_apart(std::string_view text) {
  Rest rest;
  const std::size_t question_mark = std::min(text.find('?'), text.size());
  rest.query = text.substr(question_mark);
  text = text.substr(0, question_mark);
  if (!text.starts_with("//")) return rest;  // no host, which is refused later
  text.remove_prefix(2);
  const std::size_t slash = std::min(text.find('/'), text.size());
  rest.path = text.substr(slash);
  text = text.substr(0, slash);
  if (const std::size_t at = text.rfind('@'); at != kNone) {
    auto user_info = normal_user_info(text.substr(0, at));
    if (!user_info) return std::nullopt;
    rest.user_info = *std::move(user_info);
    text.remove_prefix(at + 1);
  }
  auto host = plain_host(text);
  if (!host) return std::nullopt;
  rest.host = *std::move(host);
  return rest;
}

Error refused(std::string_view url, const std::string& why) {
  return {Errc::invalid_argument, "URL " + quoted(url) + " " + why};
}

bool is_known_scheme(std::string_view scheme) {
  return scheme == "http" || scheme == "https" || scheme == "unix" || scheme == "unixs";
}

}  // namespace

Result<Url> Url::parse(std::string_view text) {
  const std::string_view input = trim_space(text);
  const auto [main, fragment] = cut(input, '#');
  if (std::any_of(main.begin(), main.end(), is_control))
    return refused(input, "contains a control character");

  const auto written_scheme = leading_scheme(main);
  if (!written_scheme) return refused(input, "has no scheme: write http://host:port");
  std::string scheme = lower_case(*written_scheme);
  if (!is_known_scheme(scheme))
    return refused(input, "has the scheme " + quoted(scheme) + ": use http, https, unix or unixs");

  const auto rest = take_apart(main.substr(written_scheme->size() + 1));
  const auto tail = normal_fragment(fragment);
  if (!rest || !tail)
    return refused(input, "is malformed: a character or an escape must not stand where it stands");
  auto address = split_host_port(rest->host);
  if (!address) return refused(input, "does not have the form scheme://host:port");
  if (!rest->path.empty())
    return refused(input, "must not contain a path: remove " + quoted(rest->path));

  std::string normal = scheme + "://" + rest->user_info + escape(rest->host, UrlPart::host);
  normal += rest->query;
  if (!fragment.empty()) normal += '#' + *tail;
  return Url(std::move(scheme), *std::move(address), std::move(normal));
}

Result<std::uint16_t> Url::port_number() const {
  std::uint16_t number = 0;
  const std::string& digits = port();
  const auto parsed = std::from_chars(digits.data(), digits.data() + digits.size(), number);
  if (!digits.empty() && parsed.ec != std::errc{})
    return refused(text_,
                   "has a port above " + std::to_string(std::numeric_limits<std::uint16_t>::max()));
  return number;
}

Result<std::vector<Url>> parse_url_list(std::string_view text) {
  std::vector<Url> urls;
  for (const std::string_view piece : split(text, ',')) {
    auto url = Url::parse(piece);
    if (!url) return std::move(url).error();
    urls.push_back(*std::move(url));
  }
  std::sort(urls.begin(), urls.end());
  return urls;
}

std::vector<std::string> texts(std::span<const Url> urls) {
  std::vector<std::string> result;
  for (const Url& url : urls)
    result.push_back(url.text());
  return result;
}

std::string to_string(std::span<const Url> urls) {
  return join(texts(urls));
}

}  // namespace raftkit::config
