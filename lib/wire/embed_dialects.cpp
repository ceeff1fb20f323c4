// The codecs of embeddings: OpenAI's API, which most others copy, Gemini's, Cohere's and Ollama's.
#include <algorithm>
#include <array>

#include "wire/embed_parts.h"
#include "wire/error.h"

namespace tau::wire {
namespace {

// Neutral names of what vectors are for, and those of Cohere and Gemini.
struct InputType {
  std::string_view neutral;
  std::string_view cohere;
  std::string_view gemini;
};
constexpr std::array<InputType, 5> kInputTypes = {{
    {"document", "search_document", "RETRIEVAL_DOCUMENT"},
    {"query", "search_query", "RETRIEVAL_QUERY"},
    {"classification", "classification", "CLASSIFICATION"},
    {"clustering", "clustering", "CLUSTERING"},
    {"similarity", "", "SEMANTIC_SIMILARITY"},
}};

std::string neutral_type(std::string_view name, std::string_view InputType::*of) {
  for (const InputType& type : kInputTypes)
    if (type.*of == name && !name.empty()) return std::string(type.neutral);
  return std::string(name);
}
std::string_view own_type(std::string_view neutral, std::string_view InputType::*of) {
  for (const InputType& type : kInputTypes)
    if (type.neutral == neutral && !(type.*of).empty()) return type.*of;
  return neutral;
}

void read_count(const json::Value& tokens, Usage& usage) {
  if (!tokens.is_number()) return;
  usage.input = std::max<int64_t>(0, tokens.as_int());
  usage.known = true;
}

// An answer that says what went wrong in its place.
Status refuse_error(const json::Value& value) {
  if (value["error"].is_null()) return ok_status();
  return stream_error_status(value["error"]);
}

void finish_rows(std::vector<Extras>& rows) {
  if (std::all_of(rows.begin(), rows.end(), [](const Extras& row) { return row.empty(); })) rows.clear();
}

class OpenAi final : public EmbedDialect {
 public:
  std::string_view name() const override { return "openai_embeddings"; }
  size_t most_texts() const override { return 256; }

  StatusOr<EmbedRequest> decode_request(std::string_view body) const override {
    TAU_ASSIGN_OR_RETURN(const json::Value value, parse_object(body, true));
    EmbedRequest request;
    request.model = value["model"].as_string();
    bool tokens = false;
    TAU_RETURN_IF_ERROR(read_texts(value["input"], request, tokens));
    if (value["dimensions"].is_integer()) request.dimensions = value["dimensions"].as_int();
    request.encoding = value["encoding_format"].as_string();
    request.extras = other_members(value, {"model", "input", "dimensions", "encoding_format"});
    if (tokens) request.extras.add("input", json::write(value["input"]));
    return request;
  }

  std::string encode_request(const EmbedRequest& request) const override {
    std::string text;
    json::Writer out(text);
    out.begin_object();
    if (!request.model.empty()) out.field("model", request.model);
    if (request.extras.find("input").empty()) write_texts(out.key("input"), request);
    if (request.dimensions) out.field("dimensions", *request.dimensions);
    if (!request.encoding.empty()) out.field("encoding_format", request.encoding);
    write_members(out, request.extras);
    out.end_object();
    return text;
  }

  StatusOr<Embeddings> decode_response(std::string_view body) const override {
    TAU_ASSIGN_OR_RETURN(const json::Value value, parse_object(body, false));
    TAU_RETURN_IF_ERROR(refuse_error(value));
    if (!value["data"].is_array()) return bad_embeddings("the answer has no list \"data\"");
    Embeddings response;
    TAU_ASSIGN_OR_RETURN(const auto order, in_order(value["data"].as_array()));
    for (const json::Value* item : order) {
      TAU_RETURN_IF_ERROR(add_vector((*item)["embedding"], response));
      response.rows.push_back(other_members(*item, {"embedding"}));
    }
    response.model = value["model"].as_string();
    read_count(value["usage"]["prompt_tokens"], response.usage);
    response.extras = other_members(value, {"data", "model"});
    return response;
  }

  std::string encode_response(const Embeddings& response) const override {
    std::string text;
    json::Writer out(text);
    out.begin_object().key("data").begin_array();
    for (size_t row = 0; row < response.count; ++row) {
      write_vector(out.begin_object().key("embedding"), response, row);
      if (row < response.rows.size()) {
        write_members(out, response.rows[row]);
      } else {
        out.field("index", static_cast<int64_t>(row)).field("object", "embedding");
      }
      out.end_object();
    }
    out.end_array();
    if (!response.model.empty()) out.field("model", response.model);
    write_members(out, response.extras);
    if (response.extras.find("usage").empty() && response.usage.known)
      out.key("usage")
          .begin_object()
          .field("prompt_tokens", response.usage.input)
          .field("total_tokens", response.usage.input)
          .end_object();
    out.end_object();
    return text;
  }

 private:
  // By their "index", which is each once, or as they stand.
  static StatusOr<std::vector<const json::Value*>> in_order(const json::Value::Array& items) {
    std::vector<const json::Value*> order(items.size(), nullptr);
    for (size_t i = 0; i < items.size(); ++i) {
      const int64_t index = items[i]["index"].as_int(static_cast<int64_t>(i));
      if (index < 0 || static_cast<size_t>(index) >= items.size() ||
          order[static_cast<size_t>(index)] != nullptr)
        return bad_embeddings("an \"index\" of the answer is none, or stands twice");
      order[static_cast<size_t>(index)] = &items[i];
    }
    return order;
  }
};

class Gemini final : public EmbedDialect {
 public:
  std::string_view name() const override { return "gemini_embeddings"; }
  size_t most_texts() const override { return 100; }

  StatusOr<EmbedRequest> decode_request(std::string_view body) const override {
    TAU_ASSIGN_OR_RETURN(const json::Value value, parse_object(body, true));
    EmbedRequest request;
    request.alone = !value.contains("requests");
    if (request.alone) {
      TAU_RETURN_IF_ERROR(read_one(value, request));
      return request;
    }
    if (!value["requests"].is_array() || value["requests"].size() > kMostVectors)
      return invalid_argument("invalid_request", "\"requests\" is no list");
    for (const json::Value& one : value["requests"].as_array()) TAU_RETURN_IF_ERROR(read_one(one, request));
    request.extras = other_members(value, {"requests"});
    finish_rows(request.rows);
    return request;
  }

  std::string encode_request(const EmbedRequest& request) const override {
    std::string text;
    json::Writer out(text);
    if (request.alone && request.texts.size() == 1) {
      write_one(out, request, 0);
      return text;
    }
    out.begin_object().key("requests").begin_array();
    for (size_t i = 0; i < request.texts.size(); ++i) write_one(out, request, i);
    out.end_array();
    write_members(out, request.extras);
    out.end_object();
    return text;
  }

  StatusOr<Embeddings> decode_response(std::string_view body) const override {
    TAU_ASSIGN_OR_RETURN(const json::Value value, parse_object(body, false));
    TAU_RETURN_IF_ERROR(refuse_error(value));
    Embeddings response;
    response.alone = !value.contains("embeddings");
    const auto add = [&](const json::Value& one) {
      response.rows.push_back(other_members(one, {"values"}));
      return add_vector(one["values"], response);
    };
    if (response.alone) {
      TAU_RETURN_IF_ERROR(add(value["embedding"]));
    } else if (!value["embeddings"].is_array()) {
      return bad_embeddings("the answer has no list \"embeddings\"");
    }
    for (const json::Value& one : value["embeddings"].as_array()) TAU_RETURN_IF_ERROR(add(one));
    read_count(value["usageMetadata"]["promptTokenCount"], response.usage);
    response.extras = other_members(value, {"embedding", "embeddings"});
    finish_rows(response.rows);
    return response;
  }

  std::string encode_response(const Embeddings& response) const override {
    std::string text;
    json::Writer out(text);
    const bool alone = response.alone && response.count == 1;
    out.begin_object().key(alone ? std::string_view("embedding") : std::string_view("embeddings"));
    if (!alone) out.begin_array();
    for (size_t row = 0; row < response.count; ++row) {
      write_vector(out.begin_object().key("values"), response, row);
      if (row < response.rows.size()) write_members(out, response.rows[row]);
      out.end_object();
    }
    if (!alone) out.end_array();
    write_members(out, response.extras);
    out.end_object();
    return text;
  }

 private:
  static Status read_one(const json::Value& one, EmbedRequest& request) {
    const json::Value& parts = one["content"]["parts"];
    if (!parts.is_array())
      return invalid_argument("invalid_request", "a request has no \"content\" with \"parts\"");
    std::string text;
    for (const json::Value& part : parts.as_array()) text += part["text"].as_string();
    const bool plain = one["content"].size() == 1 && parts.size() == 1 && parts.as_array()[0].size() == 1 &&
                       parts.as_array()[0]["text"].is_string();
    Extras row = other_members(one, {"content", "taskType", "outputDimensionality"});
    if (!plain) row.add("content", json::write(one["content"]));
    const json::Value& camel = one["outputDimensionality"];
    const json::Value& snake = one["output_dimensionality"];
    if (camel.is_integer() || snake.is_integer())
      request.dimensions = (camel.is_integer() ? camel : snake).as_int();
    std::string_view model = one["model"].as_string();
    if (model.starts_with(kModels)) model.remove_prefix(kModels.size());
    if (!model.empty()) request.model = model;
    if (one["taskType"].is_string())
      request.input_type = neutral_type(one["taskType"].as_string(), &InputType::gemini);
    request.rows.push_back(std::move(row));
    request.texts.push_back(std::move(text));
    return ok_status();
  }

  static void write_one(json::Writer& out, const EmbedRequest& request, size_t i) {
    const Extras none;
    const bool served = i < request.rows.size();
    const Extras& row = served ? request.rows[i] : none;
    out.begin_object();
    if (!served && !request.model.empty()) out.field("model", std::string(kModels) + request.model);
    if (row.find("content").empty())
      out.key("content")
          .begin_object()
          .key("parts")
          .begin_array()
          .begin_object()
          .field("text", request.texts[i])
          .end_object()
          .end_array()
          .end_object();
    if (!request.input_type.empty() && row.find("task_type").empty())
      out.field("taskType", own_type(request.input_type, &InputType::gemini));
    if (request.dimensions && row.find("output_dimensionality").empty())
      out.field("outputDimensionality", *request.dimensions);
    write_members(out, row);
    out.end_object();
  }

  static constexpr std::string_view kModels = "models/";
};

class Cohere final : public EmbedDialect {
 public:
  std::string_view name() const override { return "cohere_embeddings"; }
  size_t most_texts() const override { return 96; }

  StatusOr<EmbedRequest> decode_request(std::string_view body) const override {
    TAU_ASSIGN_OR_RETURN(const json::Value value, parse_object(body, true));
    EmbedRequest request;
    request.model = value["model"].as_string();
    bool other = false;
    if (value.contains("texts")) TAU_RETURN_IF_ERROR(read_texts(value["texts"], request, other));
    if (other) return invalid_argument("invalid_request", "\"texts\" is no list of texts");
    request.input_type = neutral_type(value["input_type"].as_string(), &InputType::cohere);
    if (value["output_dimension"].is_integer()) request.dimensions = value["output_dimension"].as_int();
    request.extras = other_members(value, {"model", "texts", "input_type", "output_dimension"});
    // What the answer is made for, where nobody asked for a form of its own.
    if (value.contains("texts") && request.texts.empty()) request.extras.add("texts", "[]");
    return request;
  }

  std::string encode_request(const EmbedRequest& request) const override {
    std::string text;
    json::Writer out(text);
    out.begin_object();
    if (!request.model.empty()) out.field("model", request.model);
    if (!request.texts.empty()) write_texts(out.key("texts"), request);
    if (!request.input_type.empty())
      out.field("input_type", own_type(request.input_type, &InputType::cohere));
    if (request.dimensions) out.field("output_dimension", *request.dimensions);
    if (request.encoding == "float" && request.extras.find("embedding_types").empty())
      out.key("embedding_types").begin_array().string("float").end_array();
    write_members(out, request.extras);
    out.end_object();
    return text;
  }

  StatusOr<Embeddings> decode_response(std::string_view body) const override {
    TAU_ASSIGN_OR_RETURN(const json::Value value, parse_object(body, false));
    TAU_RETURN_IF_ERROR(refuse_error(value));
    Embeddings response;
    const json::Value& found = value["embeddings"];
    const bool by_type = found.is_object();
    if (!by_type && !found.is_array()) return bad_embeddings("the answer has no \"embeddings\"");
    const json::Value& vectors = by_type ? found["float"] : found;
    for (const json::Value& vector : vectors.as_array()) TAU_RETURN_IF_ERROR(add_vector(vector, response));
    read_count(value["meta"]["billed_units"]["input_tokens"], response.usage);
    response.extras = other_members(value, {"embeddings"});
    response.alone = !by_type;
    // Other forms of the same vectors: kept, and not read.
    Extras forms = other_members(found, {"float"});
    if (by_type && !forms.empty()) response.rows.push_back(std::move(forms));
    return response;
  }

  std::string encode_response(const Embeddings& response) const override {
    std::string text;
    json::Writer out(text);
    out.begin_object().key("embeddings");
    if (!response.alone) out.begin_object();
    const bool any = response.count > 0 || response.rows.empty();
    if (!response.alone && any) out.key("float");
    if (response.alone || any) {
      out.begin_array();
      for (size_t row = 0; row < response.count; ++row) write_vector(out, response, row);
      out.end_array();
    }
    if (!response.alone) {
      if (!response.rows.empty()) write_members(out, response.rows[0]);
      out.end_object();
    }
    write_members(out, response.extras);
    out.end_object();
    return text;
  }
};

class Ollama final : public EmbedDialect {
 public:
  std::string_view name() const override { return "ollama_embeddings"; }
  size_t most_texts() const override { return 256; }

  StatusOr<EmbedRequest> decode_request(std::string_view body) const override {
    TAU_ASSIGN_OR_RETURN(const json::Value value, parse_object(body, true));
    EmbedRequest request;
    request.model = value["model"].as_string();
    bool other = false;
    TAU_RETURN_IF_ERROR(read_texts(value["input"], request, other));
    if (other) return invalid_argument("invalid_request", "\"input\" is no list of texts");
    if (value["dimensions"].is_integer()) request.dimensions = value["dimensions"].as_int();
    request.extras = other_members(value, {"model", "input", "dimensions"});
    return request;
  }

  std::string encode_request(const EmbedRequest& request) const override {
    std::string text;
    json::Writer out(text);
    out.begin_object().field("model", request.model);
    write_texts(out.key("input"), request);
    if (request.dimensions) out.field("dimensions", *request.dimensions);
    write_members(out, request.extras);
    out.end_object();
    return text;
  }

  StatusOr<Embeddings> decode_response(std::string_view body) const override {
    TAU_ASSIGN_OR_RETURN(const json::Value value, parse_object(body, false));
    TAU_RETURN_IF_ERROR(refuse_error(value));
    if (!value["embeddings"].is_array()) return bad_embeddings("the answer has no list \"embeddings\"");
    Embeddings response;
    for (const json::Value& vector : value["embeddings"].as_array())
      TAU_RETURN_IF_ERROR(add_vector(vector, response));
    response.model = value["model"].as_string();
    read_count(value["prompt_eval_count"], response.usage);
    response.extras = other_members(value, {"embeddings", "model"});
    return response;
  }

  std::string encode_response(const Embeddings& response) const override {
    std::string text;
    json::Writer out(text);
    out.begin_object();
    if (!response.model.empty()) out.field("model", response.model);
    out.key("embeddings").begin_array();
    for (size_t row = 0; row < response.count; ++row) write_vector(out, response, row);
    out.end_array();
    write_members(out, response.extras);
    if (response.extras.find("prompt_eval_count").empty() && response.usage.known)
      out.field("prompt_eval_count", response.usage.input);
    out.end_object();
    return text;
  }
};

const std::array<std::pair<std::string_view, const EmbedDialect*>, 5>& beside() {
  static const OpenAi openai;
  static const Gemini gemini;
  static const Cohere cohere;
  static const Ollama ollama;
  static const std::array<std::pair<std::string_view, const EmbedDialect*>, 5> all = {{
      {"openai_chat", &openai},
      {"openai_responses", &openai},
      {"gemini", &gemini},
      {"cohere_chat", &cohere},
      {"ollama_chat", &ollama},
  }};
  return all;
}

}  // namespace

const EmbedDialect* find_embed_dialect(std::string_view name) {
  for (const auto& [of, dialect] : beside())
    if (dialect->name() == name) return dialect;
  return nullptr;
}

const EmbedDialect* embed_dialect_beside(std::string_view name) {
  for (const auto& [of, dialect] : beside())
    if (of == name) return dialect;
  return nullptr;
}

}  // namespace tau::wire
