// Which provider has which habits, and what is changed when one refuses a request: dated rows of data, with
// where each was learned from. Exported by provider.h.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/base.h"
#include "json/json.h"
#include "wire/wire.h"

namespace tau::provider {

// Whether a text is of a pattern: '*' stands for any bytes, '?' for one.
bool matches_glob(std::string_view pattern, std::string_view text);

struct QuirkRow {
  std::string provider;             // a pattern
  std::vector<std::string> models;  // patterns: any of them
  std::string since;                // the day it was learned: "2026-11-27"
  std::string source;               // where
  json::Value set;                  // of wire::set_quirks
};

// An error that says what the server wants, and the change that gives it that.
struct AdaptRule {
  enum class Remember : uint8_t { kModel, kSession, kCall };  // for whom it then holds at once
  std::string name;
  std::string provider;           // a pattern
  std::vector<std::string> when;  // all stand in the error, in lower case
  Remember remember = Remember::kModel;
  std::string since;
  std::string source;
  json::Value set;
};

class QuirkTable {
 public:
  // docs/quirks.md:
  // {"schema_version":1,"rows":[{"provider":"openai","model":["o1*","o3*"],"since":"…","source":"…",
  // "set":{…}}],"retries":[{"name":"…","provider":"*","when":["…"],"remember":"model","since":"…","source":"…",
  // "set":{…}}]}. INVALID_ARGUMENT "invalid_quirks" names the row and the member. At most 1,000 rows and 64
  // rules.
  static StatusOr<QuirkTable> parse(std::string_view text);
  // The one that the library comes with.
  static const QuirkTable& built_in();
  // The built-in one with `more` behind it: later rows win, and so do later rules of the same name.
  static QuirkTable with(const QuirkTable& more);

  // Each row that matches, in their order.
  void apply(std::string_view provider, std::string_view model, wire::Quirks& quirks) const;
  const std::vector<QuirkRow>& rows() const { return rows_; }
  const std::vector<std::shared_ptr<const AdaptRule>>& rules() const { return rules_; }

  // The first rule, not in `used`, that speaks of such an error and changes the quirks; null: none does.
  // `error`: all that the server said.
  std::shared_ptr<const AdaptRule> find_rule(std::string_view provider, std::string_view error,
                                             const wire::Quirks& quirks,
                                             const std::vector<std::string>& used) const;

 private:
  std::vector<QuirkRow> rows_;
  std::vector<std::shared_ptr<const AdaptRule>> rules_;
};

}  // namespace tau::provider
