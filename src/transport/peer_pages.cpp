#include "transport/peer_pages.hpp"

#include <algorithm>

#include "transport/json.hpp"
#include "transport/parse_number.hpp"
#include "transport/remote_error.hpp"

namespace raftkit::transport {

namespace {

constexpr const char* kCluster = "X-Etcd-Cluster-ID";

HttpResponse plain(unsigned status, const std::string& sentence) {
  return {status, {{"Content-Type", "text/plain; charset=utf-8"}}, sentence + "\n"};
}

std::string json_strings(const std::vector<std::string>& list) {
  std::string text = "[";
  for (const auto& item : list)
    text += (text.size() == 1 ? "" : ",") + json_string(item);
  return text + "]";
}

std::vector<std::string> split(const std::string& text) {
  std::vector<std::string> parts;
  std::size_t begin = 0;
  while (begin < text.size()) {
    const std::size_t end = std::min(text.find(',', begin), text.size());
    if (end != begin) parts.push_back(text.substr(begin, end - begin));
    begin = end + 1;
  }
  return parts;
}

std::string joined(const JsonValue& list) {
  std::string text;
  for (const JsonValue& item : list.items)
    text += (text.empty() ? "" : ",") + item.text;
  return text;
}

/// The fields in etcd's order, left out when empty as there; `storeID` is raftkit's.
std::string json_of(const Member& member, bool learner, std::string_view client_urls_attribute) {
  std::string text = "{\"id\":" + std::to_string(member.id.value) +
                     ",\"peerURLs\":" + json_strings(member.peer_urls);
  if (learner) text += ",\"isLearner\":true";
  if (!member.name.empty()) text += ",\"name\":" + json_string(member.name);
  const auto client_urls = member.attributes.find(std::string(client_urls_attribute));
  if (client_urls != member.attributes.end() && !client_urls->second.empty())
    text += ",\"clientURLs\":" + json_strings(split(client_urls->second));
  if (member.store != StoreId{}) text += ",\"storeID\":" + json_string(to_hex(member.store.value));
  return text + "}";
}

HttpResponse members_page(const PageContent& content) {
  if (content.membership == nullptr) return plain(503, "this node knows no members yet");
  std::string text;
  for (const Member& member : content.membership->members) {
    text +=
        (text.empty() ? "" : ",") +
        json_of(member, content.membership->is_learner(member.id), content.client_urls_attribute);
  }
  return {200,
          {{"Content-Type", "application/json"}, {kCluster, to_string(content.cluster)}},
          "[" + text + "]\n"};
}

Result<Member> member_of(const JsonValue& json, std::string_view client_urls_attribute) {
  const auto* id = json.find("id");
  if (id == nullptr || !id->number() || *id->number() == 0)
    return Error(Errc::malformed, "a member without ID");
  Member member;
  member.id = NodeId{*id->number()};
  if (const auto* name = json.find("name")) member.name = name->text;
  if (const auto* urls = json.find("peerURLs")) {
    for (const JsonValue& url : urls->items)
      member.peer_urls.push_back(url.text);
  }
  if (const auto* urls = json.find("clientURLs"); urls != nullptr && !urls->items.empty())
    member.attributes.emplace(client_urls_attribute, joined(*urls));
  if (const auto* store = json.find("storeID"))
    member.store = StoreId{parse_number<std::uint64_t>(store->text, 16).value_or(0)};
  return member;
}

}  // namespace

HttpResponse answer(const HttpRequest& request, const PageContent& content) {
  const bool known = request.target == "/version" || request.target == "/members";
  if (!known) return plain(404, "404 page not found");
  if (request.method != "GET") {
    auto response = plain(405, "Method Not Allowed");
    response.headers.add("Allow", "GET");
    return response;
  }
  if (request.target == "/members") return members_page(content);
  return {200, {{"Content-Type", "application/json"}}, content.version_json};
}

HttpRequest members_request(const std::string& host) {
  return {"GET", "/members", {{"Host", host}, {"Accept", "application/json"}}};
}

Result<RemoteCluster> read_members(const HttpResponse& response,
                                   std::string_view client_urls_attribute) {
  if (response.status != 200) {
    return Error(Errc::protocol_mismatch,
                 "GET /members is answered " + std::to_string(response.status) + ": " +
                     sanitized(response.body));
  }
  const auto cluster = parse_number<std::uint64_t>(response.headers.find(kCluster), 16);
  if (!cluster) return Error(Errc::malformed, "GET /members is answered without X-Etcd-Cluster-ID");
  const auto json = parse_json(response.body);
  if (!json) return json.error();
  if (json->kind != JsonValue::Kind::array)
    return Error(Errc::malformed, "GET /members is answered with something that is no list");

  RemoteCluster remote;
  remote.cluster = ClusterId{*cluster};
  std::map<NodeId, Member> members;
  for (const JsonValue& item : json->items) {
    auto member = member_of(item, client_urls_attribute);
    if (!member) return std::move(member).error();
    const auto* learner = item.find("isLearner");
    const bool is_learner = learner != nullptr && learner->text == "true";
    const NodeId id = member->id;
    if (!members.emplace(id, *std::move(member)).second)
      return Error(Errc::malformed, "member " + to_string(id) + " is listed twice");
    auto& list = is_learner ? remote.membership.learners : remote.membership.voters;
    list.insert(std::lower_bound(list.begin(), list.end(), id), id);
  }
  for (auto& [id, member] : members)
    remote.membership.members.push_back(std::move(member));
  return remote;
}

}  // namespace raftkit::transport
