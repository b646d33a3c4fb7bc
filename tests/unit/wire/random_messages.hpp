// Random messages for property tests; what they contain is arbitrary within what a log allows.
#pragma once

#include <rapidcheck.h>

#include "raftkit/membership.hpp"
#include "raftkit/message.hpp"

namespace raftkit::test {

template <class Number>
rc::Gen<Number> any_number() {
  return rc::gen::map(
      rc::gen::oneOf(rc::gen::arbitrary<std::uint64_t>(), rc::gen::inRange<std::uint64_t>(0, 300)),
      [](std::uint64_t value) { return Number{value}; });
}

inline rc::Gen<NodeId> any_node() {
  return rc::gen::map(any_number<NodeId>(),
                      [](NodeId node) { return node.value == 0 ? NodeId{1} : node; });
}

inline rc::Gen<EntryId> any_entry_id() {
  return rc::gen::construct<EntryId>(any_number<Term>(), any_number<Index>());
}

/// Mostly small, at times large enough for several frames, at times empty.
inline rc::Gen<Bytes> any_payload() {
  return rc::gen::map(rc::gen::pair(rc::gen::weightedOneOf<std::size_t>(
                                        {{2, rc::gen::just<std::size_t>(0)},
                                         {10, rc::gen::inRange<std::size_t>(1, 300)},
                                         {2, rc::gen::inRange<std::size_t>(300, 10'000)},
                                         {1, rc::gen::inRange<std::size_t>(60'000, 200'000)}}),
                                    rc::gen::arbitrary<std::uint8_t>()),
                      [](const std::pair<std::size_t, std::uint8_t>& shape) {
                        return Bytes::build(shape.first, [&](std::span<std::byte> memory) {
                          std::uint32_t state = shape.second;
                          for (std::byte& byte : memory) {
                            state = state * 1664525U + 1013904223U;
                            byte = std::byte{static_cast<unsigned char>(state >> 24)};
                          }
                        });
                      });
}

inline rc::Gen<EntryType> any_entry_type() {
  return rc::gen::weightedElement<EntryType>(
      {{8, EntryType::normal}, {1, EntryType::membership}, {1, EntryType::member_update}});
}

/// Text that is valid UTF-8, as the description of the format demands.
inline rc::Gen<std::string> any_text() {
  return rc::gen::container<std::string>(rc::gen::inRange<char>(1, 127));
}

inline rc::Gen<Member> any_member() {
  return rc::gen::build<Member>(
      rc::gen::set(&Member::id, any_number<NodeId>()),
      rc::gen::set(&Member::name, any_text()),
      rc::gen::set(&Member::peer_urls, rc::gen::container<std::vector<std::string>>(any_text())),
      rc::gen::set(&Member::store, any_number<StoreId>()),
      rc::gen::set(&Member::attributes,
                   rc::gen::container<std::map<std::string, std::string>>(any_text(), any_text())));
}

inline rc::Gen<std::vector<NodeId>> ascending_nodes() {
  return rc::gen::map(
      rc::gen::container<std::set<std::uint64_t>>(rc::gen::arbitrary<std::uint64_t>()),
      [](const std::set<std::uint64_t>& numbers) {
        std::vector<NodeId> nodes;
        for (const std::uint64_t number : numbers)
          nodes.emplace_back(number);
        return nodes;
      });
}

inline rc::Gen<Membership> any_membership() {
  const auto members = rc::gen::map(rc::gen::container<std::vector<Member>>(any_member()),
                                    [](const std::vector<Member>& list) {
                                      std::map<NodeId, Member> by_id;
                                      for (const Member& member : list)
                                        by_id.emplace(member.id, member);
                                      std::vector<Member> ascending;
                                      for (auto& [id, member] : by_id)
                                        ascending.push_back(member);
                                      return ascending;
                                    });
  // Lists of lists of texts grow quickly; small ones show as much.
  return rc::gen::resize(
      20,
      rc::gen::build<Membership>(rc::gen::set(&Membership::voters, ascending_nodes()),
                                 rc::gen::set(&Membership::voters_outgoing, ascending_nodes()),
                                 rc::gen::set(&Membership::learners, ascending_nodes()),
                                 rc::gen::set(&Membership::learners_next, ascending_nodes()),
                                 rc::gen::set(&Membership::auto_leave, rc::gen::arbitrary<bool>()),
                                 rc::gen::set(&Membership::members, members)));
}

inline rc::Gen<VoteKind> any_vote_kind() {
  return rc::gen::element(VoteKind::pre_vote, VoteKind::election, VoteKind::transfer);
}

/// Entries that a leader of term 1,000 may send.
inline rc::Gen<Message> any_append_request() {
  return rc::gen::exec([] {
    AppendRequest request;
    request.previous = {Term{*rc::gen::inRange<std::uint64_t>(0, 900)}, *any_number<Index>()};
    request.commit = *any_number<Index>();
    const auto count = *rc::gen::inRange<std::uint64_t>(0, 6);
    request.previous.index.value -= std::min(request.previous.index.value, count);
    EntryId id = request.previous;
    for (std::uint64_t i = 0; i < count; ++i) {
      ++id.index;
      id.term.value += *rc::gen::weightedElement<std::uint64_t>({{9, 0}, {1, 7}});
      request.entries.push_back({id, *any_entry_type(), *any_payload()});
    }
    return Message(std::move(request));
  });
}

inline rc::Gen<Message> any_propose_request() {
  return rc::gen::exec([] {
    ProposeRequest request;
    request.tag = {*rc::gen::arbitrary<std::uint64_t>(), *rc::gen::arbitrary<std::uint64_t>()};
    const auto count = *rc::gen::inRange(0, 6);
    for (int i = 0; i < count; ++i)
      request.proposals.push_back({*any_entry_type(), *any_payload()});
    return Message(std::move(request));
  });
}

inline rc::Gen<Message> any_small_message() {
  return rc::gen::exec([]() -> Message {
    const EntryId id = *any_entry_id();
    const auto number = *rc::gen::arbitrary<std::uint64_t>();
    const bool yes = *rc::gen::arbitrary<bool>();
    switch (*rc::gen::inRange(0, 11)) {
      case 0:
        return VoteRequest{*any_vote_kind(), id, *rc::gen::arbitrary<std::uint32_t>()};
      case 1:
        return VoteResponse{*any_vote_kind(), yes, id, *rc::gen::arbitrary<bool>()};
      case 2:
        return AppendResponse{Index{number}, std::nullopt};
      case 3:
        return AppendResponse{Index{number}, AppendResponse::Rejection{id}};
      case 4:
        return HeartbeatRequest{Index{number}, id.term.value};
      case 5:
        return HeartbeatResponse{number};
      case 6:
        return SnapshotRequest{{id, std::make_shared<const Membership>(*any_membership())}};
      case 7:
        return TransferRequest{NodeId{number}};
      case 8:
        return TimeoutNow{};
      case 9:
        return ProposeResponse{{number, id.term.value},
                               yes ? std::optional(id) : std::optional<EntryId>()};
      default:
        return yes ? Message(ReadIndexRequest{ReadId{number}})
                   : Message(ReadIndexResponse{ReadId{number}, id.index});
    }
  });
}

inline rc::Gen<Envelope> any_envelope() {
  return rc::gen::build<Envelope>(
      rc::gen::set(&Envelope::group, any_number<GroupId>()),
      rc::gen::set(&Envelope::from, any_node()),
      rc::gen::set(&Envelope::to, any_node()),
      rc::gen::set(&Envelope::term, rc::gen::just(Term{1000})),
      rc::gen::set(
          &Envelope::message,
          rc::gen::oneOf(any_append_request(), any_propose_request(), any_small_message())));
}

}  // namespace raftkit::test

namespace rc {

template <>
struct Arbitrary<raftkit::Envelope> {
  static Gen<raftkit::Envelope> arbitrary() { return raftkit::test::any_envelope(); }
};

}  // namespace rc
