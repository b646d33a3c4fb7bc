#include "logging/format.hpp"

#include <string>
#include <vector>
#include <yaml-cpp/yaml.h>

#include <catch2/catch.hpp>
#include <rapidcheck/catch.h>

using raftkit::LogField;
using raftkit::LogLevel;
using raftkit::LogRecord;
using raftkit::logging::capnslog_text;
using raftkit::logging::zap_members;

namespace {

using Fields = std::vector<LogField>;

LogRecord record(std::string_view event, std::string_view text, const Fields& fields = {}) {
  return {LogLevel::info, event, text, fields};
}

}  // namespace

TEST_CASE("A text line names the event, then says the sentence, then the fields", "[logging]") {
  const Fields fields = {{"term", "7"}, {"id", "8e9e"}};
  CHECK(capnslog_text(record("became_leader", "this node leads", fields)) ==
        "became_leader: this node leads term=7 id=8e9e");
  CHECK(capnslog_text(record("became_leader", "")) == "became_leader");
  CHECK(capnslog_text(record("", "a sentence")) == "a sentence");
}

TEST_CASE("A value that would be misread stands in quotes", "[logging]") {
  const Fields fields = {{"a", "two words"}, {"b", ""}, {"c", "x=y"}, {"d", "\"\\"}};
  CHECK(capnslog_text(record("e", "", fields)) == R"(e a="two words" b="" c="x=y" d="\"\\")");
  const Fields path = {{"path", R"(C:\x)"}};
  CHECK(capnslog_text(record("e", "", path)) == R"(e path=C:\x)");
}

TEST_CASE("Nothing breaks a text line in two", "[logging]") {
  const Fields fields = {{"k", "c\r\n\x1b[0m\x7f"}};
  CHECK(capnslog_text(record("e", "a\nb", fields)) == R"(e: a\nb k="c\u000d\n\u001b[0m\u007f")");
}

TEST_CASE("A JSON line has the message first, then event and fields", "[logging]") {
  const Fields fields = {{"term", "7"}};
  CHECK(zap_members(record("became_leader", "this node leads", fields)) ==
        R"("msg":"this node leads","event":"became_leader","term":"7")");
  CHECK(zap_members(record("became_leader", "")) ==
        R"("msg":"became_leader","event":"became_leader")");
}

TEST_CASE("A JSON line escapes what JSON must and keeps UTF-8", "[logging]") {
  const std::string text = "\xC3\xB6\xE2\x82\xAC\xF0\x9F\x98\x80\xED\x9F\xBF\xF4\x8F\xBF\xBF";
  const Fields fields = {{"k\"", text}};
  CHECK(zap_members(record("e", "\"\\/\n\t\x01", fields)) ==
        R"("msg":"\"\\/\n\t\u0001","event":"e","k\"":")" + text + "\"");
}

TEST_CASE("Bytes that are no UTF-8 are replaced one by one", "[logging]") {
  const auto bytes = GENERATE(as<std::string>(),
                              "\xff",
                              "\x80",
                              "\xC3",
                              "\xC0\x80",
                              "\xE2\x82",
                              "\xE0\x80\x80",
                              "\xED\xA0\x80",
                              "\xF0\x8F\x80\x80",
                              "\xF4\x90\x80\x80",
                              "\xF5\x80\x80\x80");
  std::string expected;
  for (std::size_t at = 0; at < bytes.size(); ++at)
    expected += "\xEF\xBF\xBD";

  CHECK(zap_members(record("e", bytes + "a")) == "\"msg\":\"" + expected + "a\",\"event\":\"e\"");
}

TEST_CASE("Whatever is logged is one line, and JSON gives it back", "[logging]") {
  rc::prop("texts of awkward characters", [] {
    std::string text = ".";
    for (auto length = *rc::gen::inRange(0, 12); length > 0; --length)
      text += *rc::gen::element<std::string>(
          "\"", "\\", "\n", "\t", "\x1f", "a", " ", "\xC3\xB6", "}", ",", ":");
    const Fields fields = {{"key", text}};
    const std::string json = "{" + zap_members(record("event", text, fields)) + "}";
    const std::string plain = capnslog_text(record("event", text, fields));

    RC_ASSERT(json.find('\n') == std::string::npos);
    RC_ASSERT(plain.find('\n') == std::string::npos);
    const YAML::Node read = YAML::Load(json);
    RC_ASSERT(read["msg"].as<std::string>() == text);
    RC_ASSERT(read["key"].as<std::string>() == text);
  });
}
