#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "generators.h"
#include "json/json.h"

namespace tau::json {
namespace {

// Text near JSON: arbitrary bytes almost never get past the first token.
rc::Gen<std::string> near_json() {
  const auto piece = rc::gen::elementOf(std::vector<std::string>{"{",      "}",        "[",
                                                                 "]",      ":",        ",",
                                                                 "\"a\"",  "\"b\":",   "1",
                                                                 "-0.5e3", "true",     "null",
                                                                 " ",      "\n",       "\"",
                                                                 "\\",     "\\u00e9",  "\"\\ud83d\\ude00\"",
                                                                 "\xff",   "\xC3\xA9", "18446744073709551616",
                                                                 "[[",     "]]",       "{\"a\":1}",
                                                                 "x",      "\x01"});
  return rc::gen::map(rc::gen::container<std::vector<std::string>>(piece), [](const auto& pieces) {
    std::string all;
    for (const auto& p : pieces) all += p;
    return all;
  });
}

// parse(text) and a Reader that builds the tree must agree, but for duplicate keys, which only parse refuses.
void reader_agrees(const std::string& text) {
  const auto parsed = parse(text);
  Reader r;
  Value tree;
  const bool read = r.load(text) && testing::read_tree(r, tree);
  Reader s;
  const bool skipped = s.load(text) && s.skip();
  RC_ASSERT(read == skipped);
  if (parsed.ok()) {
    RC_ASSERT(read);
    RC_ASSERT(tree == *parsed);
  } else if (parsed.status().reason() != "duplicate_key") {
    RC_ASSERT(!read);
    RC_ASSERT(r.status().reason() == parsed.status().reason());
  }
}

RC_GTEST_PROP(JsonProperty, WriteThenParseIsIdentity, ()) {
  const Value v = *testing::value();
  for (const std::string& text : {write(v), write_pretty(v)}) {
    const auto back = parse(text);
    RC_ASSERT(back.ok());
    RC_ASSERT(*back == v);
    RC_ASSERT(write(*back) == write(v));
  }
}

RC_GTEST_PROP(JsonProperty, CanonicalIsIdempotentAndIgnoresOrder, ()) {
  const Value v = *testing::value();
  const std::string text = canonical(v);
  const auto back = parse(text);
  RC_ASSERT((back.ok() ? canonical(*back) == text : back.status().reason() == "number_out_of_range"));
  const Value other = testing::reversed(v);
  RC_ASSERT(other == v);
  RC_ASSERT(canonical(other) == text);
}

RC_GTEST_PROP(JsonProperty, ReaderAgreesWithParseOnValues, ()) {
  reader_agrees(write_pretty(*testing::value()));
}
RC_GTEST_PROP(JsonProperty, ReaderAgreesWithParseNearJson, ()) { reader_agrees(*near_json()); }
RC_GTEST_PROP(JsonProperty, ReaderAgreesWithParseOnBytes, (const std::string& bytes)) {
  reader_agrees(bytes);
}

RC_GTEST_PROP(JsonProperty, EveryPrefixOfADocumentIsHandledAlike, ()) {
  const std::string text = write(*testing::value());
  for (size_t n = 0; n < std::min<size_t>(text.size(), 200); ++n) reader_agrees(text.substr(0, n));
}

RC_GTEST_PROP(JsonProperty, AnyBytesBecomeAString, (const std::string& bytes)) {
  std::string literal;
  append_string(literal, bytes);
  const auto back = parse(literal);
  RC_ASSERT(back.ok());
  RC_ASSERT(back->as_string() == repair_utf8(bytes));
}

RC_GTEST_PROP(JsonProperty, WriterAgreesWithWrite, ()) {
  const Value v = *testing::value();
  std::string out;
  Writer(out).begin_object().key("k").value(v).end_object();
  RC_ASSERT(out == "{\"k\":" + write(v) + "}");
}

}  // namespace
}  // namespace tau::json
