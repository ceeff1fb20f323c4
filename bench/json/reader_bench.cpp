// What the pull reader costs beside hand-written simdjson on-demand: both read id, model, delta.content and
// finish_reason of one chat completion chunk and pass over the rest.
//
// On-demand skips without checking; the reader checks what it skips. Compare CPU times of one run.
#include <simdjson.h>

#include <cstdio>
#include <cstdlib>
#include <string>

#include "json/json.h"
#include "support/report.h"

namespace {

constexpr std::string_view kChunk =
    R"({"id":"chatcmpl-9lMgfRSWPHcw51s6wxKT1YEO2CKpd","object":"chat.completion.chunk","created":1721075653,)"
    R"("model":"gpt-4o-2024-05-13","system_fingerprint":"fp_c4e5b6fa31","choices":[{"index":0,)"
    R"("delta":{"content":" Hello"},"logprobs":null,"finish_reason":null}]})";

struct Fields {
  std::string_view id;
  std::string_view model;
  std::string_view content;
  std::string_view finish_reason;
};

bool read_choice(tau::json::Reader& r, Fields& f) {
  std::string_view key;
  if (!r.enter_object()) return false;
  while (r.next_key(key)) {
    if (key == "delta") {
      if (!r.enter_object()) return false;
      while (r.next_key(key)) {
        if (key == "content") {
          if (!r.null()) r.string(f.content);
        } else {
          r.skip();
        }
      }
    } else if (key == "finish_reason") {
      if (!r.null()) r.string(f.finish_reason);
    } else {
      r.skip();
    }
  }
  return r.status().ok();
}

bool read_chunk(tau::json::Reader& r, std::string_view text, Fields& f) {
  std::string_view key;
  if (!r.load(text) || !r.enter_object()) return false;
  while (r.next_key(key)) {
    if (key == "id") {
      r.string(f.id);
    } else if (key == "model") {
      r.string(f.model);
    } else if (key == "choices") {
      if (!r.enter_array()) return false;
      while (r.next_element())
        if (!read_choice(r, f)) return false;
    } else {
      r.skip();
    }
  }
  return r.status().ok();
}

bool get_text(simdjson::ondemand::value value, std::string_view& out) {
  if (value.is_null()) return true;
  return value.get_string().get(out) == simdjson::SUCCESS;
}

bool read_choice_bare(simdjson::ondemand::object choice, Fields& f) {
  for (auto member : choice) {
    const std::string_view key = member.unescaped_key();
    if (key == "delta") {
      for (auto inner : member.value().get_object())
        if (std::string_view(inner.unescaped_key()) == "content" && !get_text(inner.value(), f.content))
          return false;
    } else if (key == "finish_reason") {
      if (!get_text(member.value(), f.finish_reason)) return false;
    }
  }
  return true;
}

bool read_chunk_bare(simdjson::ondemand::parser& parser, simdjson::padded_string_view text, Fields& f) {
  simdjson::ondemand::document doc;
  if (parser.iterate(text).get(doc) != simdjson::SUCCESS) return false;
  for (auto member : doc.get_object()) {
    const std::string_view key = member.unescaped_key();
    if (key == "id") {
      if (!get_text(member.value(), f.id)) return false;
    } else if (key == "model") {
      if (!get_text(member.value(), f.model)) return false;
    } else if (key == "choices") {
      for (auto choice : member.value().get_array())
        if (!read_choice_bare(choice.get_object(), f)) return false;
    }
  }
  return true;
}

// A benchmark of wrong answers is worth nothing.
void require(bool good, const Fields& f) {
  if (good && f.content == " Hello" && f.model == "gpt-4o-2024-05-13" && f.id.starts_with("chatcmpl")) return;
  std::fputs("bench_json: wrong fields\n", stderr);
  std::exit(1);
}

}  // namespace

int main(int argc, char** argv) {
  tau::bench::Report report(argc, argv);
  tau::json::Reader reader;
  simdjson::ondemand::parser parser;
  // The bytes of an event arrive in a buffer that is not padded, so both sides copy.
  std::string buffer(kChunk.size() + simdjson::SIMDJSON_PADDING, '\0');
  const auto with_reader = [&] {
    Fields f;
    require(read_chunk(reader, kChunk, f), f);
    tau::bench::keep(f);
  };
  const auto with_ondemand = [&] {
    Fields f;
    buffer.replace(0, kChunk.size(), kChunk);
    const simdjson::padded_string_view text(buffer.data(), kChunk.size(), buffer.size());
    require(read_chunk_bare(parser, text, f), f);
    tau::bench::keep(f);
  };
  report.compare("reader_chat_chunk", {.iterations = 100'000}, with_reader, with_ondemand);
  report.measure("parse_chat_chunk", {.iterations = 20'000}, [] {
    const auto value = tau::json::parse(kChunk);
    tau::bench::keep(value);
  });
  return report.finish();
}
