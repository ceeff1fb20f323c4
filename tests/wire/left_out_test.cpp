// What a dialect cannot write is said in words: media, what only another dialect has, refusals.
#include <gtest/gtest.h>

#include "stream_support.h"
#include "wire/wire.h"

namespace tau::wire {
namespace {

Request asking(Part part) {
  Request request;
  request.model = "m";
  request.messages.push_back(text_message(Role::kUser, "What is this?", Labels::from(Source::kUser)));
  request.messages.back().parts.push_back(std::move(part));
  return request;
}

// What the last message says after the way through a dialect.
std::string said(const Dialect& dialect, const Request& request) {
  const StatusOr<std::string> body = dialect.encode_request(request, {});
  EXPECT_TRUE(body.ok());
  const StatusOr<Request> back = dialect.decode_request(*body);
  EXPECT_TRUE(back.ok()) << *body;
  return back->messages.back().text();
}

TEST(LeftOut, MediaThatCannotBeSentIsNamed) {
  const Part audio{Media{MediaKind::kAudio, "audio/wav", {}, "RIFF", {}, {}}, {}};
  const std::string note = "What is this?\n[audio left out: ollama_chat takes none]";
  EXPECT_EQ(said(ollama_chat(), asking(audio)), note);
  EXPECT_NE(said(anthropic_messages(), asking(audio)).find("[audio left out"), std::string::npos);
  EXPECT_EQ(said(gemini_generate(), asking(audio)), "What is this?");
  const Part image{Media{MediaKind::kImage, {}, {}, {}, "file-1", {}}, {}};
  EXPECT_NE(said(gemini_generate(), asking(image)).find("by id: file-1]"), std::string::npos);
  EXPECT_EQ(said(openai_responses(), asking(image)), "What is this?");
}

TEST(LeftOut, ANoteIsOneLineWhateverItNames) {
  Media file{MediaKind::kFile, "application/pdf", {}, "%PDF", {}, "a]\n[image left out: x]\x01"};
  file.name += std::string(1000, 'n');
  const std::string note = said(ollama_chat(), asking({file, {}}));
  const std::string words = note.substr(note.find('\n') + 1);
  EXPECT_EQ(words.find('\n'), std::string::npos);
  EXPECT_EQ(words.find(']'), words.size() - 1);
  EXPECT_EQ(words.find('[', 1), std::string::npos);
  EXPECT_LT(words.size(), 300u);
}

TEST(LeftOut, AFileOfPlainTextIsItsText) {
  const Part file{Media{MediaKind::kFile, "text/plain", {}, "one\ntwo", {}, "notes.txt"}, {}};
  EXPECT_EQ(said(ollama_chat(), asking(file)), "What is this?\nnotes.txt:\none\ntwo");
  EXPECT_EQ(said(cohere_chat(), asking(file)), "What is this?\nnotes.txt:\none\ntwo");
  EXPECT_EQ(said(anthropic_messages(), asking(file)), "What is this?");
  // Bytes that are no text are not passed for one.
  const Part other{Media{MediaKind::kFile, "text/plain", {}, "\xff\xfe", {}, {}}, {}};
  EXPECT_NE(said(ollama_chat(), asking(other)).find("[file left out"), std::string::npos);
}

TEST(LeftOut, WhatOnlyAnotherDialectHasIsNamedWhereAPersonOrAToolSaysIt) {
  const StatusOr<Request> request = anthropic_messages().decode_request(
      R"({"model":"m","max_tokens":5,"messages":[{"role":"user","content":[
        {"type":"search_result","source":"s","title":"t","content":[{"type":"text","text":"x"}]}]},
       {"role":"assistant","content":[{"type":"server_tool_use","id":"a","name":"web_search","input":{}},{"type":"text","text":"ok"}]},
       {"role":"user","content":[{"type":"tool_result","tool_use_id":"t","content":[{"type":"search_result","source":"s","title":"t","content":[]}]}]}]})");
  ASSERT_TRUE(request.ok());
  for (const Dialect* dialect : dialects()) {
    const std::string body = *dialect->encode_request(*request, {});
    const bool own = dialect == &anthropic_messages();
    size_t notes = 0;
    for (size_t at = 0; (at = body.find("[search_result left out: ", at)) != body.npos; ++at) ++notes;
    EXPECT_EQ(notes, own ? 0u : 2u) << body;
    EXPECT_EQ(body.find("server_tool_use") != body.npos, own) << body;
  }
}

TEST(LeftOut, AStreamSaysWhatItCannotShow) {
  const Part image{Media{MediaKind::kImage, "image/png", {}, "\x89PNG", {}, {}}, {}};
  for (const Dialect* dialect : dialects()) {
    SCOPED_TRACE(std::string(dialect->name()));
    Response answer;
    answer.id = "r";
    answer.message.role = Role::kAssistant;
    answer.message.parts.push_back(image);
    answer.finish = FinishReason::kStop;
    const auto encoder = dialect->stream_encoder();
    std::string bytes;
    encoder->begin({}, bytes);
    StreamEvent event{};
    event.kind = StreamEvent::Kind::kPart;
    event.body = &image;
    encoder->event(event, bytes);
    encoder->finish(answer, bytes);
    const test::Decoded heard = test::decode_stream(*dialect, bytes, {}, {});
    ASSERT_TRUE(heard.status.ok()) << heard.status.to_string();
    const std::vector<Part>& parts = heard.response.message.parts;
    ASSERT_EQ(parts.size(), 1u) << bytes;
    const Media* shown = parts[0].as<Media>();
    const std::string text = heard.response.message.text();
    EXPECT_TRUE(shown != nullptr ? shown->data == image.as<Media>()->data
                                 : text.starts_with("[image left out: "))
        << bytes;
  }
}

TEST(Refusal, ItsWordsAreTextEverywhere) {
  const std::string body =
      R"({"id":"c","object":"chat.completion","created":1,"model":"m","choices":[{"index":0,"finish_reason":"stop","message":{"role":"assistant","content":null,"refusal":"No, thanks."}}]})";
  const StatusOr<Response> answer = openai_chat().decode_response(body, {});
  ASSERT_TRUE(answer.ok());
  EXPECT_EQ(answer->finish, FinishReason::kRefusal);
  EXPECT_EQ(*json::parse(openai_chat().encode_response(*answer)), *json::parse(body));
  for (const Dialect* dialect : dialects()) {
    const StatusOr<Response> back = dialect->decode_response(dialect->encode_response(*answer), {});
    ASSERT_TRUE(back.ok());
    EXPECT_EQ(back->message.text(), "No, thanks.") << dialect->name();
  }
  const StatusOr<Response> again =
      openai_responses().decode_response(openai_responses().encode_response(*answer), {});
  EXPECT_EQ(again->finish, FinishReason::kRefusal);
}

TEST(Refusal, AStreamTellsIt) {
  const std::string stream =
      test::chat_body({test::chat_chunk(R"({"role":"assistant","content":null,"refusal":"No, "})"),
                       test::chat_chunk(R"({"refusal":"thanks."})"), test::chat_chunk("{}", R"("stop")")});
  for (const Dialect* dialect : dialects()) {
    SCOPED_TRACE(std::string(dialect->name()));
    const std::string bytes = test::transcode_stream(openai_chat(), *dialect, stream, {});
    const test::Decoded heard = test::decode_stream(*dialect, bytes, {}, test::Split::every(1));
    ASSERT_TRUE(heard.status.ok()) << heard.status.to_string();
    EXPECT_EQ(heard.response.message.text(), "No, thanks.");
    EXPECT_EQ(test::event_order_error(heard), "");
    const bool known =
        dialect == &openai_chat() || dialect == &openai_responses() || dialect == &anthropic_messages();
    EXPECT_EQ(heard.response.finish == FinishReason::kRefusal, known) << bytes;
  }
}

}  // namespace
}  // namespace tau::wire
