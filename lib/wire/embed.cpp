// What all codecs of embeddings share, and the neutral JSON.
#include "wire/embed.h"

#include <algorithm>
#include <bit>
#include <charconv>
#include <cmath>
#include <cstring>

#include "crypto/crypto.h"
#include "wire/embed_parts.h"
#include "wire/error.h"
#include "wire/model_json.h"

namespace tau::wire {
namespace {

static_assert(std::endian::native == std::endian::little,
              "vectors are little-endian in memory and on the wire");

Status add_float(double number, Embeddings& to) {
  const auto narrow = static_cast<float>(number);
  if (!std::isfinite(narrow)) return bad_embeddings("a number of a vector is not finite");
  to.values.push_back(narrow);
  return ok_status();
}

Status add_base64(std::string_view text, Embeddings& to) {
  const auto bytes = crypto::base64_decode(text);
  if (!bytes.ok() || bytes->size() % sizeof(float) != 0)
    return bad_embeddings("a vector is no base 64 of float32 numbers");
  const size_t count = bytes->size() / sizeof(float);
  if (count > kMostFloats - to.values.size()) return bad_embeddings("there are too many numbers");
  for (size_t i = 0; i < count; ++i) {
    float number = 0;
    std::memcpy(&number, bytes->data() + i * sizeof number, sizeof number);
    TAU_RETURN_IF_ERROR(add_float(number, to));
  }
  to.encoding = "base64";
  return ok_status();
}

void write_rows(json::Writer& out, const std::vector<Extras>& rows) {
  if (std::all_of(rows.begin(), rows.end(), [](const Extras& row) { return row.empty(); })) return;
  out.key("rows").begin_array();
  for (const Extras& row : rows) {
    out.begin_object();
    write_members(out, row);
    out.end_object();
  }
  out.end_array();
}

std::vector<Extras> rows_from_json(const json::Value& value) {
  std::vector<Extras> rows;
  for (const json::Value& row : value.as_array()) rows.push_back(extras_from_json(row));
  return rows;
}

Status unknown(std::string_view dialect) {
  return invalid_argument("unknown_dialect", format("no dialect of embeddings is named \"{}\"", dialect));
}

}  // namespace

Status bad_embeddings(std::string_view what) { return bad_response(what); }

Extras other_members(const json::Value& object, std::initializer_list<std::string_view> known) {
  Extras extras;
  for (const auto& [key, value] : object.as_object())
    if (std::find(known.begin(), known.end(), key) == known.end()) extras.add(key, json::write(value));
  return extras;
}

void write_members(json::Writer& out, const Extras& extras) {
  for (const auto& [key, json] : extras) out.key(key).raw(json);
}

void write_vector(json::Writer& out, const Embeddings& from, size_t row) {
  const float* const begin = from.values.data() + row * from.dimensions;
  if (from.encoding == "base64") {
    out.string(
        crypto::base64_encode({reinterpret_cast<const char*>(begin), from.dimensions * sizeof(float)}));
    return;
  }
  out.begin_array();
  for (size_t i = 0; i < from.dimensions; ++i) {
    char digits[32];
    const auto end = std::to_chars(std::begin(digits), std::end(digits), begin[i]).ptr;
    out.raw(std::string_view(digits, static_cast<size_t>(end - digits)));
  }
  out.end_array();
}

Status add_vector(const json::Value& value, Embeddings& to) {
  const size_t before = to.values.size();
  if (value.is_string()) {
    TAU_RETURN_IF_ERROR(add_base64(value.as_string(), to));
  } else {
    if (!value.is_array()) return bad_embeddings("a vector is no list of numbers");
    if (value.size() > kMostFloats - before) return bad_embeddings("there are too many numbers");
    for (const json::Value& number : value.as_array()) {
      if (!number.is_number()) return bad_embeddings("a vector is no list of numbers");
      TAU_RETURN_IF_ERROR(add_float(number.as_double(), to));
    }
  }
  const size_t dimensions = to.values.size() - before;
  if (dimensions == 0 || dimensions > kMostDimensions)
    return bad_embeddings(format("a vector has {} numbers", dimensions));
  if (to.count > 0 && dimensions != to.dimensions)
    return bad_embeddings(
        format("vectors of {} and of {} numbers stand side by side", to.dimensions, dimensions));
  if (to.count == kMostVectors) return bad_embeddings("there are too many vectors");
  to.dimensions = dimensions;
  ++to.count;
  return ok_status();
}

StatusOr<json::Value> parse_object(std::string_view body, bool request) {
  auto value = json::parse(body);
  if (value.ok() && value->is_object()) return value;
  const std::string why = value.ok() ? std::string("it is no object") : std::string(value.status().message());
  if (request) return invalid_argument("invalid_request", "a request for embeddings: " + why);
  return bad_embeddings("embeddings: " + why);
}

Status read_texts(const json::Value& value, EmbedRequest& to, bool& other) {
  if (value.is_string()) {
    to.alone = true;
    to.texts.emplace_back(value.as_string());
    return ok_status();
  }
  if (!value.is_array()) return invalid_argument("invalid_request", "the input is no list of texts");
  const auto& items = value.as_array();
  other = !std::all_of(items.begin(), items.end(), [](const json::Value& item) { return item.is_string(); });
  if (other) return ok_status();
  if (items.size() > kMostVectors) return invalid_argument("invalid_request", "there are too many texts");
  for (const json::Value& item : items) to.texts.emplace_back(item.as_string());
  return ok_status();
}

void write_texts(json::Writer& out, const EmbedRequest& request) {
  if (request.alone && request.texts.size() == 1) {
    out.string(request.texts[0]);
    return;
  }
  out.begin_array();
  for (const std::string& text : request.texts) out.string(text);
  out.end_array();
}

std::string to_json(const EmbedRequest& request) {
  std::string text;
  json::Writer out(text);
  out.begin_object().field("model", request.model).key("texts").begin_array();
  for (const std::string& one : request.texts) out.string(one);
  out.end_array();
  if (!request.input_type.empty()) out.field("input_type", request.input_type);
  if (request.dimensions) out.field("dimensions", *request.dimensions);
  if (!request.encoding.empty()) out.field("encoding", request.encoding);
  if (request.alone) out.field("alone", true);
  write_extras(out, request.extras);
  write_rows(out, request.rows);
  out.end_object();
  return text;
}

std::string to_json(const Embeddings& response) {
  Embeddings plain;
  std::string text;
  json::Writer out(text);
  out.begin_object().field("model", response.model);
  out.field("dimensions", static_cast<int64_t>(response.dimensions)).key("vectors").begin_array();
  const bool packed = response.encoding == "base64";
  if (packed) {  // neutral numbers are numbers
    plain.values = response.values;
    plain.dimensions = response.dimensions;
  }
  for (size_t row = 0; row < response.count; ++row) write_vector(out, packed ? plain : response, row);
  out.end_array();
  write_usage(out.key("usage"), response.usage);
  if (packed) out.field("encoding", response.encoding);
  if (response.alone) out.field("alone", true);
  write_extras(out, response.extras);
  write_rows(out, response.rows);
  out.end_object();
  return text;
}

StatusOr<EmbedRequest> embed_request_from_json(std::string_view text) {
  TAU_ASSIGN_OR_RETURN(const json::Value value, parse_object(text, true));
  EmbedRequest request;
  request.model = value["model"].as_string();
  bool other = false;
  TAU_RETURN_IF_ERROR(read_texts(value["texts"], request, other));
  if (other) return invalid_argument("invalid_request", "\"texts\" is no list of texts");
  request.input_type = value["input_type"].as_string();
  if (value["dimensions"].is_integer()) request.dimensions = value["dimensions"].as_int();
  request.encoding = value["encoding"].as_string();
  request.alone = value["alone"].as_bool();
  request.extras = extras_from_json(value["extras"]);
  request.rows = rows_from_json(value["rows"]);
  return request;
}

StatusOr<Embeddings> embeddings_from_json(std::string_view text) {
  TAU_ASSIGN_OR_RETURN(const json::Value value, parse_object(text, false));
  Embeddings response;
  response.model = value["model"].as_string();
  for (const json::Value& vector : value["vectors"].as_array())
    TAU_RETURN_IF_ERROR(add_vector(vector, response));
  if (value.contains("usage")) { TAU_ASSIGN_OR_RETURN(response.usage, usage_from_json(value["usage"])); }
  response.encoding = value["encoding"].as_string();
  response.alone = value["alone"].as_bool();
  response.extras = extras_from_json(value["extras"]);
  response.rows = rows_from_json(value["rows"]);
  return response;
}

StatusOr<std::string> embed_to_neutral(std::string_view dialect, bool request, std::string_view body) {
  const EmbedDialect* const codec = find_embed_dialect(dialect);
  if (codec == nullptr) return unknown(dialect);
  if (request) {
    TAU_ASSIGN_OR_RETURN(const EmbedRequest read, codec->decode_request(body));
    return to_json(read);
  }
  TAU_ASSIGN_OR_RETURN(const Embeddings read, codec->decode_response(body));
  return to_json(read);
}

StatusOr<std::string> neutral_to_embed(std::string_view dialect, bool request, std::string_view neutral) {
  const EmbedDialect* const codec = find_embed_dialect(dialect);
  if (codec == nullptr) return unknown(dialect);
  if (request) {
    TAU_ASSIGN_OR_RETURN(const EmbedRequest read, embed_request_from_json(neutral));
    return codec->encode_request(read);
  }
  TAU_ASSIGN_OR_RETURN(const Embeddings read, embeddings_from_json(neutral));
  return codec->encode_response(read);
}

}  // namespace tau::wire
