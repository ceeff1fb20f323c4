// Everything that Anthropic's API lets a message hold goes back as it came: tools of the server, containers,
// breakpoints of the cache, signatures to the byte.
#include <gtest/gtest.h>

#include "stream_support.h"
#include "wire/wire.h"

namespace tau::wire {
namespace {

const char* const kServerBlocks[] = {
    R"({"type":"server_tool_use","id":"srvtoolu_1","name":"web_search","input":{"query":"q","n":[1,2.50]}})",
    R"({"type":"web_search_tool_result","tool_use_id":"srvtoolu_1","content":[{"type":"web_search_result","url":"https://e.example","title":"t","encrypted_content":"ZW5j+/=","page_age":null}]})",
    R"({"type":"web_search_tool_result","tool_use_id":"srvtoolu_1","content":{"type":"web_search_tool_result_error","error_code":"max_uses_exceeded"}})",
    R"({"type":"web_fetch_tool_result","tool_use_id":"srvtoolu_2","content":{"type":"web_fetch_result","url":"u","content":{"type":"document","source":{"type":"text","media_type":"text/plain","data":"d"}},"retrieved_at":"2025-01-01"}})",
    R"({"type":"code_execution_tool_result","tool_use_id":"srvtoolu_3","content":{"type":"code_execution_result","stdout":"1\n","stderr":"","return_code":0,"content":[{"type":"code_execution_output","file_id":"file_1"}]}})",
    R"({"type":"bash_code_execution_tool_result","tool_use_id":"srvtoolu_4","content":{"type":"bash_code_execution_result","stdout":"","stderr":"","return_code":0,"content":[]}})",
    R"({"type":"text_editor_code_execution_tool_result","tool_use_id":"srvtoolu_5","content":{"type":"text_editor_code_execution_view_result","content":"c","file_type":"text"}})",
    R"({"type":"mcp_tool_use","id":"mcptoolu_1","name":"echo","server_name":"s","input":{"a":1}})",
    R"({"type":"mcp_tool_result","tool_use_id":"mcptoolu_1","is_error":false,"content":[{"type":"text","text":"x"}]})",
    R"({"type":"container_upload","file_id":"file_2"})",
    R"({"type":"tool_search_tool_result","tool_use_id":"srvtoolu_6","content":{"type":"tool_search_tool_search_result","tool_references":[{"type":"tool_reference","tool_name":"t"}]}})",
    R"({"type":"redacted_thinking","data":"+/=eA\u0000=="})",
    R"({"type":"thinking","thinking":"so…","signature":"Eq+/AB==\u00e9\\"})",
    R"({"type":"text","text":"t","citations":[{"type":"web_search_result_location","url":"u","title":null,"encrypted_index":"e==","cited_text":"c"}]})",
    R"({"type":"tool_use","id":"toolu_1","name":"f","input":{},"caller":{"type":"code_execution_20250825","tool_id":"srvtoolu_7"}})"};

bool same(std::string_view a, std::string_view b) { return *json::parse(a) == *json::parse(b); }

std::string answer_of(std::string_view block) {
  return R"({"id":"msg_1","type":"message","role":"assistant","model":"m","content":[)" + std::string(block) +
         R"(],"stop_reason":"pause_turn","stop_sequence":null,"container":{"id":"container_1","expires_at":"2025-01-01T00:00:00Z"},)"
         R"("context_management":{"applied_edits":[{"type":"clear_tool_uses_20250919","cleared_tool_uses":2,"cleared_input_tokens":9}]},)"
         R"("usage":{"input_tokens":1,"output_tokens":2,"server_tool_use":{"web_search_requests":1,"web_fetch_requests":0},"cache_creation":{"ephemeral_5m_input_tokens":0,"ephemeral_1h_input_tokens":0}}})";
}

TEST(AnthropicBlocks, AnswersAndRequestsKeepEveryBlock) {
  for (const char* block : kServerBlocks) {
    SCOPED_TRACE(block);
    const std::string body = answer_of(block);
    const StatusOr<Response> answer = anthropic_messages().decode_response(body, {});
    ASSERT_TRUE(answer.ok()) << answer.status().to_string();
    EXPECT_TRUE(same(anthropic_messages().encode_response(*answer), body));
    // In the next request the answer stands as it was, also after its way through the journal.
    Request request;
    request.model = "m";
    request.messages.push_back(text_message(Role::kUser, "go", Labels::from(Source::kUser)));
    request.messages.push_back(*message_from_json(to_json(answer->message)));
    const json::Value sent = *json::parse(*anthropic_messages().encode_request(request, {}));
    ASSERT_EQ(sent["messages"].size(), 2u);
    EXPECT_TRUE(same(json::write(sent["messages"].as_array()[1]["content"].as_array()[0]), block))
        << json::write(sent);
  }
}

std::string quoted_text(std::string_view text) { return json::write(json::Value(text)); }

std::string event(std::string_view type, std::string_view members) {
  return format("event: {0}\ndata: {{\"type\":\"{0}\"{1}{2}}}\n\n", type, members.empty() ? "" : ",",
                members);
}

TEST(AnthropicBlocks, StreamsKeepEveryBlock) {
  for (const char* block : kServerBlocks) {
    SCOPED_TRACE(block);
    const json::Value whole = *json::parse(block);
    const std::string_view type = whole["type"].as_string();
    // Those with deltas are tried elsewhere, but for inputs, which come in pieces.
    if (type == "text" || type == "thinking" || type == "tool_use") continue;
    json::Value begun = whole;
    std::string deltas;
    if (whole.contains("input")) {
      begun.set("input", json::Value::object());
      const std::string input = json::write(whole["input"]);
      for (const std::string& piece : {input.substr(0, 4), input.substr(4)})
        deltas +=
            event("content_block_delta", R"("index":0,"delta":{"type":"input_json_delta","partial_json":)" +
                                             quoted_text(piece) + "}");
    }
    const std::string stream =
        event(
            "message_start",
            R"("message":{"id":"msg_1","type":"message","role":"assistant","model":"m","content":[],"stop_reason":null,"stop_sequence":null,"usage":{"input_tokens":1,"output_tokens":1}})") +
        event("content_block_start", R"("index":0,"content_block":)" + json::write(begun)) + deltas +
        event("content_block_stop", R"("index":0)") +
        event(
            "message_delta",
            R"("delta":{"stop_reason":"end_turn","stop_sequence":null,"container":{"id":"c"}},"usage":{"output_tokens":2},"context_management":{"applied_edits":[]})") +
        event("message_stop", "");
    for (const test::Split& split : {test::Split(), test::Split::every(1)}) {
      const test::Decoded heard = test::decode_stream(anthropic_messages(), stream, {}, split);
      ASSERT_TRUE(heard.status.ok()) << heard.status.to_string();
      const json::Value answer = *json::parse(anthropic_messages().encode_response(heard.response));
      EXPECT_TRUE(same(json::write(answer["content"].as_array()[0]), block)) << json::write(answer);
    }
    const std::string again = test::reencode_stream(anthropic_messages(), stream, {});
    const test::Decoded first = test::decode_stream(anthropic_messages(), stream, {}, {});
    const test::Decoded second = test::decode_stream(anthropic_messages(), again, {}, {});
    ASSERT_TRUE(second.status.ok()) << again;
    EXPECT_TRUE(same(to_json(first.response), to_json(second.response))) << again;
  }
}

TEST(AnthropicBlocks, BreakpointsAndSettingsStayEverywhere) {
  const std::string cache = R"("cache_control":{"type":"ephemeral","ttl":"1h"})";
  const std::string body =
      R"({"model":"m","max_tokens":9,"cache_control":{"type":"ephemeral"},"container":{"id":"c","skills":[{"type":"anthropic","skill_id":"pdf"}]},)"
      R"("context_management":{"edits":[{"type":"clear_thinking_20251015","keep":{"type":"thinking_turns","value":1}}]},)"
      R"("mcp_servers":[{"type":"url","url":"https://m.example","name":"s"}],"service_tier":"auto","inference_geo":"us",)"
      R"("system":[{"type":"text","text":"s",)" +
      cache + R"(}],"tools":[{"name":"f","input_schema":{"type":"object"},"defer_loading":true,)" + cache +
      R"(},{"type":"code_execution_20250825","name":"code_execution",)" + cache +
      R"(}],"messages":[{"role":"user","content":[)"
      R"({"type":"text","text":"t",)" +
      cache + R"(},{"type":"image","source":{"type":"url","url":"https://e.example/a.png"},)" + cache +
      R"(},{"type":"document","source":{"type":"file","file_id":"f"},"context":"x","citations":{"enabled":true},)" +
      cache +
      R"(},{"type":"search_result","source":"s","title":"t","content":[{"type":"text","text":"x"}],)" +
      cache + R"(},{"type":"document","source":{"type":"content","content":[{"type":"text","text":"x"}]},)" +
      cache + R"(}]},{"role":"assistant","content":[{"type":"tool_use","id":"a","name":"f","input":{},)" +
      cache +
      R"(}]},{"role":"user","content":[{"type":"tool_result","tool_use_id":"a","content":[{"type":"text","text":"r",)" +
      cache + R"(}],)" + cache + R"(}]}]})";
  const StatusOr<Request> request = anthropic_messages().decode_request(body);
  ASSERT_TRUE(request.ok()) << request.status().to_string();
  EXPECT_TRUE(same(*anthropic_messages().encode_request(*request, {}), body));
}

}  // namespace
}  // namespace tau::wire
