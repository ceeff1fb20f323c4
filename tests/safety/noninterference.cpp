#include "noninterference.h"

#include <algorithm>
#include <set>
#include <vector>

#include "safety/safety.h"

namespace tau::safety::test {
namespace {

class Dice {
 public:
  explicit Dice(uint64_t seed) : state_(seed * 2 + 1) {}
  size_t below(size_t n) {
    state_ ^= state_ << 13, state_ ^= state_ >> 7, state_ ^= state_ << 17;
    return static_cast<size_t>(state_ >> 11) % n;
  }
  bool one_in(size_t n) { return below(n) == 0; }
  template <class T, size_t N>
  const T& pick(const T (&all)[N]) {
    return all[below(N)];
  }

 private:
  uint64_t state_;
};

constexpr const char* kWords[] = {
    "bob@x.org",      "evil.org",  "notevil.org", "https://a.io/p", "general",
    "Alice",          "Bob Smith", "src/main.c",  "account",        "GB29NWBK60161331926819",
    "user+a@corp.io", "file",      "123456789",   "www.site.com",   "report.txt"};
constexpr const char* kNoise[] = {"send", "it", "to", "please", "and", "the", "read"};
// What an attacker adds to what the user wrote, hoping that it still counts as the user's.
constexpr const char* kTwists[] = {"x",   ".evil.org", "@evil.org",   "\u200b",      "\u0430",
                                   "%20", "/../",      ",z@evil.org", " evil@x.org", "\nBcc: e@e.org",
                                   "#",   ":8080",     "?q=1",        "://e.org",    "\u202e"};

struct Value {
  std::string bytes;
  bool tainted = false;  // any byte of it comes from elsewhere than the user
  Labels labels;
};

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c; }

// Told apart in another way than the monitor does: by cutting at whatever may separate, and stripping
// whatever may stand around.
class Oracle {
 public:
  void add(std::string_view text) {
    for (std::string& piece : pieces_of(text)) known_.insert(std::move(piece));
  }
  bool is_of_user(std::string_view value) const {
    const auto pieces = pieces_of(value);
    return std::all_of(pieces.begin(), pieces.end(),
                       [&](const std::string& p) { return known_.contains(p); });
  }

 private:
  static std::vector<std::string> pieces_of(std::string_view text) {
    std::vector<std::string> out(1);
    for (const char c : text) {
      if (std::string_view(" ,;<>\"").find(c) != std::string_view::npos) {
        out.emplace_back();
      } else {
        out.back() += lower(c);
      }
    }
    for (std::string& piece : out) {
      const auto edge = [](char c) {
        return std::string_view(".,;:!?'`()[]{}*#/").find(c) != std::string_view::npos;
      };
      while (!piece.empty() && edge(piece.back())) piece.pop_back();
      while (!piece.empty() && edge(piece.front())) piece.erase(0, 1);
      for (const char* scheme : {"https://", "http://"})
        if (piece.starts_with(scheme)) piece.erase(0, std::string_view(scheme).size());
    }
    std::erase_if(out, [](const std::string& piece) { return piece.empty(); });
    return out;
  }
  std::set<std::string> known_;
};

std::shared_ptr<const MonitorRules> rules_of(Preset preset) {
  PolicySpec spec;
  spec.preset = preset;
  spec.allow = {preset == Preset::kBalanced ? "other" : "act"};
  spec.calls_per_minute = spec.tool_calls_per_minute = spec.max_calls = 0;
  return *MonitorRules::compile(std::move(spec));
}

class Program {
 public:
  Program(uint64_t seed, Join join, Outcome& outcome) : dice_(seed), seed_(seed), join_(join), out_(outcome) {
    context_ = Labels::from(Source::kSystem);
  }
  void run() {
    say();
    for (size_t steps = 3 + dice_.below(10); steps > 0; --steps) {
      switch (dice_.below(6)) {
        case 0: say(); break;
        case 1:
        case 2: read(); break;
        case 3: transform(); break;
        default: call(); break;
      }
    }
  }

 private:
  void keep(Value value) {
    join_(context_, value.labels);
    values_.push_back(std::move(value));
  }
  void say() {
    std::string text;
    for (size_t n = 1 + dice_.below(4); n > 0; --n) {
      const std::string word = dice_.pick(kWords);
      keep({word, false, Labels::from(Source::kUser)});
      text += std::string(dice_.pick(kNoise)) + " " + word + (dice_.one_in(4) ? ". " : " ");
    }
    user_.add(text);
    oracle_.add(text);
  }
  void read() {
    Value value;
    value.tainted = true;
    value.bytes = dice_.pick(kWords);
    const std::string twist = dice_.pick(kTwists);
    if (!dice_.one_in(4)) value.bytes = dice_.one_in(2) ? value.bytes + twist : twist + value.bytes;
    const Labels sources[] = {Labels::tool("fetch"), Labels::tool("mail"), Labels::from(Source::kWeb),
                              Labels::from(Source::kMemory)};
    value.labels = dice_.pick(sources);
    keep(std::move(value));
  }
  void transform() {
    const Value a = values_[dice_.below(values_.size())];
    const Value b = values_[dice_.below(values_.size())];
    Value value;
    switch (dice_.below(5)) {
      case 0: value.bytes = a.bytes + b.bytes; break;
      case 1: value.bytes = a.bytes + (dice_.one_in(2) ? "," : " ") + b.bytes; break;
      case 2: value.bytes = a.bytes.substr(dice_.below(a.bytes.size() + 1)); break;
      case 3: value.bytes = a.bytes.substr(0, dice_.below(a.bytes.size() + 1)); break;
      default:
        value.bytes = a.bytes;
        std::transform(value.bytes.begin(), value.bytes.end(), value.bytes.begin(), lower);
    }
    value.tainted = a.tainted || b.tainted;
    join_(value.labels, a.labels);
    join_(value.labels, b.labels);
    keep(std::move(value));
  }
  void call() {
    const Value& a = values_[dice_.below(values_.size())];
    const Value& b = values_[dice_.below(values_.size())];
    json::Value arguments = json::Value::object();
    std::vector<const Value*> used = {&a};
    switch (dice_.below(4)) {
      case 0: arguments.set("to", a.bytes); break;
      case 1: arguments.set("to", json::Value::Array{a.bytes, b.bytes}); break;
      case 2: arguments.set("to", json::Value::object().set("address", a.bytes)); break;
      default: arguments.set("to", a.bytes).set("cc", b.bytes);
    }
    const bool both = arguments["to"].is_array() || arguments.contains("cc");
    if (both) used.push_back(&b);
    judge(arguments, used);
  }
  void judge(const json::Value& arguments, const std::vector<const Value*>& used) {
    static const auto* const kRules =
        new std::shared_ptr<const MonitorRules>[2] { rules_of(Preset::kBalanced), rules_of(Preset::kStrict) };
    static const std::vector<std::string>* const kDestinations =
        new std::vector<std::string>{"to.address", "to", "cc"};
    constexpr EffectClass kEffects[] = {EffectClass::kWrite, EffectClass::kEgress, EffectClass::kExec,
                                        EffectClass::kIrreversible};
    Action action;
    action.tool = "act";
    action.effect = dice_.pick(kEffects);
    action.arguments = &arguments;
    action.destinations = *kDestinations;
    action.of_host = true;
    Scene scene;
    scene.context = &context_;
    scene.user = &user_;
    ++out_.calls;
    if (kRules[dice_.below(2)]->decide(action, scene).ruling != Ruling::kAllow) return;
    out_.allowed_in_doubt += context_.has(Source::kTool) || context_.has(Source::kWeb) ? 1 : 0;
    for (const Value* value : used) {
      if (!value->tainted || oracle_.is_of_user(value->bytes)) continue;
      if (out_.violations++ == 0)
        out_.first =
            "seed " + std::to_string(seed_) + ": " + json::write(arguments) + " in " + context_.to_json();
    }
  }

  Dice dice_;
  uint64_t seed_;
  Join join_;
  Outcome& out_;
  Labels context_;
  std::vector<Value> values_;
  UserText user_;
  Oracle oracle_;
};

}  // namespace

Outcome run_programs(int64_t count, uint64_t seed, Join join) {
  Outcome out;
  for (; out.programs < count; ++out.programs)
    Program(seed + static_cast<uint64_t>(out.programs) * 0x9e3779b97f4a7c15u, join, out).run();
  return out;
}

}  // namespace tau::safety::test
