#include "reference.h"

#include <string_view>

namespace tau::bench {
namespace {

using simdjson::ondemand::json_type;
using simdjson::ondemand::value;

size_t text_size(value v) {
  std::string_view text;
  return v.get_string().get(text) == simdjson::SUCCESS ? text.size() : 0;
}

size_t strings_of(value v) {
  if (v.type() == json_type::string) return text_size(v);
  size_t bytes = 0;
  if (v.type() == json_type::object)
    for (auto member : v.get_object()) bytes += strings_of(member.value());
  return bytes;
}

size_t read_call(value call) {
  size_t bytes = 0;
  for (auto member : call.get_object()) {
    const std::string_view key = member.unescaped_key();
    if (key == "id")
      bytes += text_size(member.value());
    else if (key == "index")
      bytes += static_cast<size_t>(int64_t(member.value()));
    else if (key == "function")
      for (auto part : member.value().get_object()) bytes += text_size(part.value());
  }
  return bytes;
}

size_t read_delta(value delta) {
  size_t bytes = 0;
  for (auto member : delta.get_object()) {
    const std::string_view key = member.unescaped_key();
    value v = member.value();
    if (key == "content" || key == "reasoning_content" || key == "reasoning") {
      if (v.type() == json_type::string) bytes += text_size(v);
    } else if (key == "tool_calls" && v.type() == json_type::array) {
      for (auto call : v.get_array()) bytes += read_call(call.value());
    }
  }
  return bytes;
}

size_t read_choice(value choice) {
  size_t bytes = 0;
  for (auto member : choice.get_object()) {
    const std::string_view key = member.unescaped_key();
    if (key == "delta")
      bytes += read_delta(member.value());
    else if (key == "index")
      bytes += static_cast<size_t>(int64_t(member.value()));
    else if (key == "finish_reason")
      bytes += member.value().is_null() ? 0 : 1;
  }
  return bytes;
}

size_t read_candidate(value candidate) {
  size_t bytes = 0;
  for (auto member : candidate.get_object()) {
    const std::string_view key = member.unescaped_key();
    if (key != "content") continue;
    for (auto inner : member.value().get_object()) {
      const std::string_view name = inner.unescaped_key();
      if (name != "parts") continue;
      for (auto part : inner.value().get_array())
        for (auto said : part.get_object()) {
          value v = said.value();
          if (v.type() == json_type::string) bytes += text_size(v);
        }
    }
  }
  return bytes;
}

}  // namespace

size_t read_chat_chunk(simdjson::ondemand::parser& parser, const simdjson::padded_string& chunk) {
  simdjson::ondemand::document document = parser.iterate(chunk);
  size_t bytes = 0;
  for (auto member : document.get_object()) {
    const std::string_view key = member.unescaped_key();
    if (key == "id" || key == "model")
      bytes += text_size(member.value());
    else if (key == "choices")
      for (auto choice : member.value().get_array()) bytes += read_choice(choice.value());
  }
  return bytes;
}

size_t read_message_event(simdjson::ondemand::parser& parser, const simdjson::padded_string& event) {
  simdjson::ondemand::document document = parser.iterate(event);
  size_t bytes = 0;
  for (auto member : document.get_object()) {
    const std::string_view key = member.unescaped_key();
    if (key == "type") {
      bytes += text_size(member.value());
    } else if (key == "index") {
      bytes += static_cast<size_t>(int64_t(member.value()));
    } else if (key == "delta") {
      for (auto part : member.value().get_object()) {
        value v = part.value();
        if (v.type() == json_type::string) bytes += text_size(v);
      }
    }
  }
  return bytes;
}

size_t read_strings(simdjson::ondemand::parser& parser, const simdjson::padded_string& event) {
  simdjson::ondemand::document document = parser.iterate(event);
  size_t bytes = 0;
  for (auto member : document.get_object())
    bytes += member.unescaped_key().value().size() + strings_of(member.value());
  return bytes;
}

size_t read_response_event(simdjson::ondemand::parser& parser, const simdjson::padded_string& event) {
  simdjson::ondemand::document document = parser.iterate(event);
  size_t bytes = 0;
  for (auto member : document.get_object()) {
    const std::string_view key = member.unescaped_key();
    value v = member.value();
    if (key == "type" || key == "delta" || key == "item_id") {
      bytes += text_size(v);
    } else if (key == "output_index" || key == "content_index") {
      bytes += static_cast<size_t>(int64_t(v));
    }
  }
  return bytes;
}

size_t read_generated_chunk(simdjson::ondemand::parser& parser, const simdjson::padded_string& chunk) {
  simdjson::ondemand::document document = parser.iterate(chunk);
  size_t bytes = 0;
  for (auto member : document.get_object()) {
    const std::string_view key = member.unescaped_key();
    if (key == "responseId" || key == "modelVersion") {
      bytes += text_size(member.value());
    } else if (key == "usageMetadata") {
      for (auto count : member.value().get_object()) {
        value v = count.value();
        if (v.type() == json_type::number) bytes += static_cast<size_t>(int64_t(v));
      }
    } else if (key == "candidates") {
      for (auto candidate : member.value().get_array()) bytes += read_candidate(candidate.value());
    }
  }
  return bytes;
}

}  // namespace tau::bench
