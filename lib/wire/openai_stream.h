// Decodes a chat completions stream. One chunk is read in one forward pass without a tree; only members that
// are rare take the slow road, and what a chunk repeats of the one before is looked at once.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "wire/halves.h"
#include "wire/openai_chunk.h"
#include "wire/openai_details.h"
#include "wire/openai_tool_deltas.h"
#include "wire/text_tool_calls.h"
#include "wire/wire.h"

namespace tau::wire::openai {

class ChatStreamDecoder final : public StreamDecoder {
 public:
  explicit ChatStreamDecoder(const Quirks& quirks);

  Status event(std::string_view type, std::string_view data, StreamSink& sink) override;
  Status end(StreamSink& sink) override;
  bool finished() const override { return now_.finished; }
  const Response& response() const override { return response_; }
  Response take_response() override { return std::move(response_); }
  void reset() override;

 private:
  using MergedMembers = std::vector<std::pair<std::string, json::Value>>;

  Status chunk(std::string_view data, StreamSink& sink);
  void start(StreamSink& sink);
  void apply_top();
  Status apply_choices(StreamSink& sink);
  Status apply(const ChunkChoice& choice, StreamSink& sink);
  void apply_reasoning(const ChunkChoice& choice, StreamSink& sink);
  void apply_parts(const ChunkChoice& choice, StreamSink& sink);
  void apply_members(const ChunkChoice& choice);
  void apply_usage(Chunk& chunk);
  void add_text(std::string_view piece, StreamSink& sink);
  void add_whole_text(std::string_view text, StreamSink& sink);
  void add_visible(std::string_view text, StreamSink& sink);
  void add_reasoning(std::string_view piece, std::string_view field, StreamSink& sink);
  void add_whole_reasoning(std::string_view text, std::string_view field, StreamSink& sink);
  void add_details(const ChunkChoice& choice, StreamSink& sink);
  json::Value nested_details(const ChunkChoice& choice) const;
  static void merge_member(std::string_view key, std::string_view json, MergedMembers& into);
  Status merge_other_choice(int64_t index);

  void write_rest_of_choice();
  Status fail(Status status);
  void finish_pieces(StreamSink& sink);
  void finish(StreamSink& sink);
  void finish_text_calls(StreamSink& sink);
  void finish_reasoning();
  void finish_refusal(StreamSink& sink);
  void finish_extras();

  Quirks quirks_;
  Response response_;
  ChunkReader reader_;
  HalfJoiner halves_;
  ToolCallAssembler calls_;
  TextToolFilter filter_;
  std::vector<TextToolFilter::Call> text_calls_;
  std::string visible_;
  std::string_view data_;  // the chunk being read

  Extras top_;                   // members of the chunk, latest wins
  Extras choice_extras_;         // members of choice 0, latest wins
  MergedMembers merged_;         // members of its delta, merged
  MergedMembers merged_choice_;  // logprobs and the like, merged
  json::Value others_;           // other choices, merged
  DetailsAssembler details_;
  std::string details_text_;
  std::string reasoning_field_;
  std::string usage_json_;
  std::vector<json::CompactMember> usage_members_;
  Extras rest_of_choice_;
  std::string scratch_;
  json::Compactor compactor_{json::Halves::kReplace};

  // What is so at the beginning of every response.
  struct Progress {
    std::optional<size_t> reasoning_part;
    std::optional<size_t> text_part;
    uint16_t text_half = 0;       // at the end of the text so far
    uint16_t reasoning_half = 0;  // likewise
    bool seen = false;            // a chunk
    bool started = false;
    bool refused = false;
    bool finished = false;
    bool details_speak = true;  // no reasoning text came beside the details
  } now_;
  Status failed_;
};

}  // namespace tau::wire::openai
