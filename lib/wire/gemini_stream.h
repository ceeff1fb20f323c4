// Decodes a Gemini stream. Chunks that bring nothing but text are read in one forward pass; the others go
// through a tree. A stream has no last event: it is whole when a reason to finish came before its end.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "wire/gemini.h"
#include "wire/gemini_chunk.h"
#include "wire/halves.h"
#include "wire/stream_base.h"
#include "wire/wire.h"

namespace tau::wire::gemini {

class ContentStreamDecoder final : public ResponseStreamDecoder {
 public:
  Status event(std::string_view type, std::string_view data, StreamSink& sink) override;
  Status end(StreamSink& sink) override;
  void reset() override;

 private:
  // A call whose arguments come in pieces.
  struct Partial {
    size_t part = 0;
    json::Value args = json::Value::object();
  };

  void start(std::string_view id, std::string_view model, StreamSink& sink);
  void apply_text(const Chunk& chunk, StreamSink& sink);
  Status apply(const json::Value& value, StreamSink& sink);
  void apply_candidate(const json::Value& candidate, StreamSink& sink);
  void apply_part(const json::Value& value, StreamSink& sink);
  void apply_text_part(Part part, StreamSink& sink);
  void apply_thought(Part part, StreamSink& sink);
  bool apply_partial(const json::Value& value, StreamSink& sink);
  void add_call(Part part, StreamSink& sink);
  void add_whole(Part part, StreamSink& sink);
  void add_text(std::string_view piece, bool thought, StreamSink& sink);
  Part& open_text(bool thought, StreamSink& sink);
  void append(std::string_view text, StreamSink& sink);
  void close_text(StreamSink& sink);
  void close_partial(StreamSink& sink);
  StreamEvent make_event(StreamEvent::Kind kind, std::string_view text);
  StatusOr<json::Value> rest() const;

  ChunkReader reader_;
  HalfJoiner halves_;
  Calls calls_{{}};
  // What was said beside parts; later words replace earlier ones.
  json::Value top_ = json::Value::object();
  json::Value candidate_ = json::Value::object();
  json::Value content_ = json::Value::object();
  json::Value others_;  // other candidates, merged
  std::string usage_;   // JSON text of the last one
  std::optional<Partial> partial_;
  uint32_t call_count_ = 0;
  uint16_t half_ = 0;       // at the end of the text so far
  bool text_open_ = false;  // the last part takes text
  bool has_candidate_ = false;
  bool has_content_ = false;
};

// Puts a piece of a call's arguments in its place: {"jsonPath":"$.a[0].b","stringValue":…}. Text is added to
// text.
void add_partial_argument(json::Value& args, const json::Value& piece);

}  // namespace tau::wire::gemini
