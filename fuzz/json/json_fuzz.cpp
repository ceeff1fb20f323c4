// Every entry of the json module on the same bytes, with the laws that tie them together.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "json/json.h"

namespace {

using tau::json::Reader;
using tau::json::Value;

void require(bool law) {
  if (!law) std::abort();
}

// Reads whatever comes, in the order it comes.
void read_all(Reader& r) {
  std::string_view text;
  bool flag = false;
  double number = 0;
  switch (r.kind()) {
    case Value::Kind::kObject:
      if (!r.enter_object()) return;
      while (r.next_key(text)) read_all(r);
      return;
    case Value::Kind::kArray:
      if (!r.enter_array()) return;
      while (r.next_element()) read_all(r);
      return;
    case Value::Kind::kString: r.string(text); return;
    case Value::Kind::kBool: r.boolean(flag); return;
    case Value::Kind::kNull:
      if (!r.null()) r.skip();
      return;
    default: r.number(number); return;
  }
}

void check_schema(const Value& v) {
  // The text is a schema, or {"schema": …, "instance": …}.
  const Value* schema = v.contains("schema") ? &v["schema"] : &v;
  const auto compiled = tau::json::Schema::compile(*schema);
  if (!compiled.ok()) return;
  const Value& instance = v["instance"];
  require(compiled->validate(instance, 1).empty() == compiled->explain(instance).empty());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto parsed = tau::json::parse(text);

  Reader reader;
  if (reader.load(text)) read_all(reader);
  const bool read = reader.status().ok();
  Reader skipper;
  require(read == (skipper.load(text) && skipper.skip()));

  tau::json::Compactor compactor;
  require(compactor.make(text) == parsed.ok());
  require(!parsed.ok() || compactor.text() == tau::json::write(*parsed));

  std::string literal;
  tau::json::append_string(literal, text);
  require(tau::json::parse(literal).ok());

  if (!parsed.ok()) {
    require(!read || parsed.status().reason() == "duplicate_key");
    return 0;
  }
  require(read);
  for (const std::string& again : {tau::json::write(*parsed), tau::json::write_pretty(*parsed)}) {
    const auto back = tau::json::parse(again);
    require(back.ok() && *back == *parsed);
  }
  const std::string canonical = tau::json::canonical(*parsed);
  const auto back = tau::json::parse(canonical);
  // Doubles from 2^64 to 10^21 have a canonical form that reads as an integer out of range.
  require(back.ok() ? tau::json::canonical(*back) == canonical
                    : back.status().reason() == "number_out_of_range");
  check_schema(*parsed);
  return 0;
}
