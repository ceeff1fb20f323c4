// Searches: the request as a document, the answer as one.
#include <algorithm>
#include <utility>

#include "runtime/core.h"
#include "runtime/host_document.h"
#include "runtime/memory_desk.h"
#include "runtime/memory_document.h"
#include "runtime/memory_ops.h"

namespace tau::runtime {
namespace {

using memory::Engine;
using memory::SearchRequest;

struct Asked {
  SearchRequest request;
  Engine::Words words = Engine::Words::kAndVectors;
  bool explain = false;
  bool touch = true;  // what is found counts as used
};

Status read_number(const json::Value& request, std::string_view key, double most, double& out) {
  const json::Value* const member = request.find(key);
  if (member == nullptr) return ok_status();
  const double number = member->as_double(-1);
  TAU_RETURN_IF_ERROR(check_type(member->is_number() && number >= 0 && number <= most, "request", key,
                                 format("a number from 0 to {}", most)));
  out = number;
  return ok_status();
}

StatusOr<std::string> read_choice(const json::Value& request, std::string_view key,
                                  std::string_view otherwise, std::initializer_list<std::string_view> known) {
  if (!request.contains(key)) return std::string(otherwise);
  const std::string_view chosen = request[key].as_string();
  std::string names;
  for (const std::string_view name : known) names.append(names.empty() ? "" : ", ").append(name);
  TAU_RETURN_IF_ERROR(check_type(std::find(known.begin(), known.end(), chosen) != known.end(), "request", key,
                                 "one of " + names));
  return std::string(chosen);
}

Status read_mode(const json::Value& request, Asked& asked) {
  TAU_ASSIGN_OR_RETURN(const std::string mode,
                       read_choice(request, "mode", "hybrid", {"hybrid", "text", "vector"}));
  if (mode == "text") asked.words = Engine::Words::kAlone;
  TAU_RETURN_IF_ERROR(read_number(request, "vector_weight", 1, asked.request.vector_weight));
  if (mode == "vector") asked.request.vector_weight = 1;
  TAU_ASSIGN_OR_RETURN(const std::string fusion, read_choice(request, "fusion", "convex", {"convex", "rrf"}));
  asked.request.fusion = fusion == "rrf" ? memory::Fusion::kReciprocalRank : memory::Fusion::kConvex;
  TAU_ASSIGN_OR_RETURN(const std::string group, read_choice(request, "group", "", {"thread"}));
  asked.request.grouped = group == "thread";
  return ok_status();
}

Status read_as_of(const json::Value& request, memory::AsOf& as_of) {
  const json::Value* const member = request.find("as_of");
  if (member == nullptr) return ok_status();
  TAU_RETURN_IF_ERROR(only_keys(*member, "request.as_of", {"valid", "recorded"}));
  TAU_ASSIGN_OR_RETURN(as_of.valid_ms, read_time(*member, "request.as_of", "valid", store::kNoTime));
  TAU_ASSIGN_OR_RETURN(as_of.recorded_ms, read_time(*member, "request.as_of", "recorded", store::kNoTime));
  return ok_status();
}

StatusOr<Asked> read_search(const json::Value& request, const memory::Reach& reach, int64_t now_ms) {
  TAU_RETURN_IF_ERROR(
      only_filter_keys(request, {"query", "k", "mode", "fusion", "diversity", "as_of", "group", "explain",
                                 "min_score", "strict", "superseded", "now", "touch", "context", "feedback",
                                 "vector_weight", "graph_weight", "importance_weight", "recency_weight"}));
  Asked asked;
  SearchRequest& search = asked.request;
  TAU_RETURN_IF_ERROR(
      check_type(!request.contains("query") || request["query"].is_string(), "request", "query", "a string"));
  search.text = request["query"].as_string();
  TAU_ASSIGN_OR_RETURN(search.filter, read_filter(request, reach));
  TAU_ASSIGN_OR_RETURN(search.filter.superseded, read_flag(request, "request", "superseded", false));
  TAU_RETURN_IF_ERROR(read_as_of(request, search.as_of));
  TAU_ASSIGN_OR_RETURN(const int64_t k, read_bounded(request, "request", "k", static_cast<int64_t>(search.k),
                                                     1, static_cast<int64_t>(SearchRequest::kMaxHits)));
  search.k = static_cast<size_t>(k);
  TAU_ASSIGN_OR_RETURN(search.now_ms, read_time(request, "request", "now", now_ms));
  TAU_RETURN_IF_ERROR(read_mode(request, asked));
  TAU_ASSIGN_OR_RETURN(search.strict, read_flag(request, "request", "strict", false));
  TAU_ASSIGN_OR_RETURN(search.context, read_flag(request, "request", "context", true));
  TAU_ASSIGN_OR_RETURN(search.feedback, read_flag(request, "request", "feedback", true));
  TAU_ASSIGN_OR_RETURN(asked.explain, read_flag(request, "request", "explain", false));
  TAU_ASSIGN_OR_RETURN(asked.touch, read_flag(request, "request", "touch", true));
  TAU_RETURN_IF_ERROR(read_number(request, "diversity", 1, search.diversity));
  TAU_RETURN_IF_ERROR(read_number(request, "min_score", 1, search.min_score));
  TAU_RETURN_IF_ERROR(read_number(request, "graph_weight", memory::kMaxGraphWeight, search.graph_weight));
  TAU_RETURN_IF_ERROR(read_number(request, "importance_weight", memory::kMaxBoost, search.importance_weight));
  TAU_RETURN_IF_ERROR(read_number(request, "recency_weight", memory::kMaxBoost, search.recency_weight));
  return asked;
}

void write_parts(json::Writer& w, const memory::ScoreParts& parts) {
  w.key("parts").begin_object();
  w.key("words").number(parts.words).key("vectors").number(parts.vectors);
  w.key("neighbours").number(parts.neighbours).key("thread").number(parts.thread);
  w.key("graph").number(parts.graph).key("importance").number(parts.importance);
  w.key("recency").number(parts.recency).end_object();
}

void write_vectors(json::Writer& w, const memory::Found& found) {
  using enum memory::Found::Vectors;
  w.field("vectors", found.vectors == kUsed ? "used" : found.vectors == kOff ? "off" : "unavailable");
  if (found.vectors == kUnavailable)
    w.field("reason", found.why.reason()).field("message", found.why.message());
  if (found.missing > 0) w.field("vectors_missing", found.missing);
}

// What was understood of the query besides its words.
void write_understood(json::Writer& w, const memory::Query& query) {
  w.key("understood").begin_object().key("phrases").begin_array();
  for (const std::string& phrase : query.phrases) w.string(phrase);
  w.end_array().key("prefixes").begin_array();
  for (const std::string& prefix : query.prefixes) w.string(prefix);
  w.end_array().key("times").begin_array();
  for (const memory::TimeWindow& window : query.windows) {
    w.begin_object();
    write_time(w, "since", window.since_ms);
    write_time(w, "until", window.until_ms);
    w.end_object();
  }
  w.end_array().end_object();
}

// What was looked at and left out, for it says too little.
void write_left_out(json::Writer& w, const memory::SearchResult& result) {
  w.key("left_out").begin_object().field("by_chance", result.by_chance);
  w.key("cosine_below").number(result.least_cosine);
  w.field("far_behind", result.far_behind).end_object();
}

}  // namespace

StatusOr<memory::Found> find_memories(Memory& memory, const json::Value& request,
                                      std::span<const float> vector, bool* explain) {
  Engine& engine = memory.engine();
  TAU_ASSIGN_OR_RETURN(Asked asked, read_search(request, memory.reach(), engine.clock().wall_ms()));
  if (explain != nullptr) *explain = asked.explain;
  TAU_ASSIGN_OR_RETURN(memory::Found found,
                       engine.search(memory.reach(), std::move(asked.request), vector, asked.words));
  std::vector<int64_t> used;
  for (const memory::SearchHit& hit : found.result.hits) used.push_back(hit.row);
  if (asked.touch) engine.note_use(used);
  // The model of a provider is asked for the first time in the background.
  if (found.why.reason() == "embedder_starting") memory.core().memory().work_soon();
  return found;
}

StatusOr<std::string> search_memories(Memory& memory, const json::Value& request,
                                      std::span<const float> vector) {
  bool explain = false;
  TAU_ASSIGN_OR_RETURN(const memory::Found found, find_memories(memory, request, vector, &explain));
  std::string out;
  json::Writer w(out);
  w.begin_object().key("hits").begin_array();
  for (size_t i = 0; i < found.rows.size(); ++i) {
    const memory::SearchHit& hit = found.result.hits[i];
    w.begin_object().key("score").number(hit.score);
    if (explain) write_parts(w, hit.parts);
    write_memory_members(w, found.rows[i]);
    w.end_object();
  }
  w.end_array();
  write_vectors(w, found);
  w.field("searched", found.searched);
  if (explain) {
    w.field("candidates", found.result.candidates);
    write_left_out(w, found.result);
    write_understood(w, found.result.query);
  }
  w.end_object();
  return out;
}

}  // namespace tau::runtime
