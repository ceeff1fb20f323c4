// Decodes a chat completions stream. One chunk is read in one forward pass without a tree; only members that
// are rare take the slow road, and of a chunk that repeats the one before only the text is read.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "wire/openai_chunk_shape.h"
#include "wire/openai_tool_deltas.h"
#include "wire/text_tool_calls.h"
#include "wire/wire.h"

namespace tau::wire::openai {

class ChatStreamDecoder final : public StreamDecoder {
 public:
  explicit ChatStreamDecoder(const Quirks& quirks);

  Status event(std::string_view type, std::string_view data, StreamSink& sink) override;
  Status end(StreamSink& sink) override;
  bool finished() const override { return finished_; }
  const Response& response() const override { return response_; }
  Response take_response() override { return std::move(response_); }

 private:
  using RawMembers = std::vector<std::pair<std::string_view, std::string_view>>;
  // What one element of `choices` says. The index may come last, so nothing is applied before its end.
  struct Choice {
    int64_t index = 0;
    std::string_view content;
    std::string_view reasoning;
    std::string_view reasoning_field;
    std::string_view content_parts;  // JSON text, when content is not a string
    std::string_view tool_calls;     // JSON text
    std::string_view details;        // JSON text
    std::string_view finish;
    std::string_view error;  // JSON text
    RawMembers delta;        // the other members of the delta
    RawMembers members;      // the other members of the choice
    void clear();
  };

  using MergedMembers = std::vector<std::pair<std::string, json::Value>>;

  Status chunk(std::string_view data, StreamSink& sink);
  bool repeat(std::string_view data, StreamSink& sink);
  bool brings_only_text() const;
  void learn_shape(std::string_view data, const char* copy);
  bool read_head(std::string_view data);
  bool read_top(std::string_view key, std::string_view& error);
  bool read_choices(StreamSink& sink);
  bool read_choice();
  bool read_delta();
  bool read_reasoning(bool short_name, json::Value::Kind kind);
  bool read_member(RawMembers& members, std::string_view key);

  Status apply(StreamSink& sink);
  Status apply_content_parts(StreamSink& sink);
  void apply_usage(std::string_view json);
  void add_text(std::string_view text, StreamSink& sink);
  void add_visible(std::string_view text, StreamSink& sink);
  void add_reasoning(std::string_view text, std::string_view field, StreamSink& sink);
  void add_details(std::string_view json, StreamSink& sink);
  static void merge_member(std::string_view key, std::string_view json, MergedMembers& into);
  static void merge_members(const RawMembers& members, MergedMembers& into);
  Status merge_other_choice();

  Status fail(Status status);
  Status malformed();
  void finish(StreamSink& sink);
  void finish_text_calls(StreamSink& sink);
  void finish_reasoning();
  void finish_extras();

  Quirks quirks_;
  Response response_;
  json::Reader reader_;
  ToolCallAssembler calls_;
  TextToolFilter filter_;
  std::vector<TextToolFilter::Call> text_calls_;
  std::string visible_;
  Choice choice_;
  Status apply_status_;
  std::string_view data_;  // the chunk being read
  size_t choices_ = 0;     // objects in its choices so far
  ChunkShape shape_;       // of the last chunk, when it brought only text

  Extras top_;                   // members of the chunk, latest wins
  Extras choice_extras_;         // members of choice 0, latest wins
  MergedMembers merged_;         // members of its delta, merged
  MergedMembers merged_choice_;  // logprobs and the like, merged
  json::Value others_;           // other choices, merged
  json::Value details_;
  std::string reasoning_field_;
  std::string usage_json_;

  std::optional<size_t> reasoning_part_;
  std::optional<size_t> text_part_;
  bool started_ = false;
  bool finished_ = false;
  bool details_speak_ = true;  // no reasoning text came beside the details
  Status failed_;
};

}  // namespace tau::wire::openai
