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
    "user+a@corp.io", "file",      "123456789",   "www.site.com",   "report.txt",
    "$result_1",      "$result_2"};
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
  using Defect = World::Defect;
  Program(uint64_t seed, World world, Outcome& outcome)
      : dice_(seed), seed_(seed), world_(world), out_(outcome) {
    context_ = Labels::from(Source::kSystem);
  }
  void run() {
    say();
    for (size_t steps = 4 + dice_.below(12); steps > 0; --steps) {
      switch (dice_.below(10)) {
        case 0: say(); break;
        case 1:
        case 2: read(); break;
        case 3: transform(); break;
        case 4: hold(); break;
        case 5: extract(); break;
        case 6: answer(); break;
        default: call(); break;
      }
    }
  }

 private:
  void keep(Value value) {
    world_.join(context_, value.labels);
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
  Value foreign() {
    Value value;
    value.tainted = true;
    value.bytes = dice_.pick(kWords);
    const std::string twist = dice_.pick(kTwists);
    if (!dice_.one_in(4)) value.bytes = dice_.one_in(2) ? value.bytes + twist : twist + value.bytes;
    const Labels sources[] = {Labels::tool("fetch"), Labels::tool("mail"), Labels::from(Source::kWeb),
                              Labels::from(Source::kMemory)};
    value.labels = dice_.pick(sources);
    return value;
  }
  void read() { keep(foreign()); }
  // Nothing of it is in the context.
  void hold() {
    Value value = foreign();
    for (size_t more = dice_.below(3); more > 0; --more) value.bytes += " " + foreign().bytes;
    if (dice_.one_in(3)) value.bytes += " 2024-02-29 true 4711";
    std::string handle = *quarantine_.hold(value.bytes, value.labels);
    held_.push_back({std::move(handle), std::move(value)});
  }
  void keep_extract(std::string bytes, Labels labels) {
    ++out_.extracts;
    keep({std::move(bytes), true, std::move(labels)});
  }
  void extract() {
    if (held_.empty()) return;
    ExtractForm form;
    form.kind =
        static_cast<ExtractForm::Kind>(dice_.below(static_cast<size_t>(ExtractForm::Kind::kSize) + 1));
    form.choices = {dice_.pick(kWords), dice_.pick(kWords)};
    form.pattern = "[A-Za-z0-9.@+-]+";
    auto found = quarantine_.extract(held_[dice_.below(held_.size())].handle, form);
    if (!found.ok()) return;
    const bool forgets = world_.defect == Defect::kExtractForgets;
    keep_extract(found->value, forgets ? Labels::from(Source::kSystem) : found->labels);
  }
  // A model that read a held text and does what stands there: it says the worst that the form lets through.
  void answer() {
    static const auto* const kForm = new AnswerForm(*AnswerForm::compile(
        *json::parse(R"({"type":"array","items":{"type":"string","maxLength":64},"maxItems":2})")));
    if (held_.empty()) return;
    const Held& held = held_[dice_.below(held_.size())];
    const auto text = quarantine_.find(held.handle);
    const auto said = kForm->read(json::write(json::Value::Array{(*text)->text}));
    if (!said.ok()) return;
    const bool forgets = world_.defect == Defect::kAnswerForgets;
    Labels labels = forgets ? Labels() : (*text)->labels;
    labels.join(Labels::from(Source::kModel));
    keep_extract(std::string(json::parse(*said)->as_array()[0].as_string()), std::move(labels));
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
    world_.join(value.labels, a.labels);
    world_.join(value.labels, b.labels);
    keep(std::move(value));
  }
  // What a model writes as an argument: a value that it knows, or a handle.
  std::string argument(std::vector<const Value*>& used) {
    const bool handle = !held_.empty() && dice_.one_in(3);
    const std::string bytes = handle ? held_[dice_.below(held_.size())].handle : values_[used_index()].bytes;
    const auto stands_for =
        std::find_if(held_.begin(), held_.end(), [&](const Held& held) { return held.handle == bytes; });
    if (stands_for != held_.end()) {
      ++out_.handles;
      used.push_back(&stands_for->value);
    } else {
      used.push_back(&values_[last_index_]);
    }
    return bytes;
  }
  size_t used_index() { return last_index_ = dice_.below(values_.size()); }
  void call() {
    json::Value arguments = json::Value::object();
    std::vector<const Value*> used;
    const std::string a = argument(used);
    switch (dice_.below(4)) {
      case 0: arguments.set("to", a); break;
      case 1: arguments.set("to", json::Value::Array{a, argument(used)}); break;
      case 2: arguments.set("to", json::Value::object().set("address", a)); break;
      default: arguments.set("to", a).set("cc", argument(used));
    }
    Labels labels = context_;
    Labels unheard = context_;
    json::Value put = arguments;
    if (!quarantine_.put_texts(put, world_.defect == Defect::kPutForgets ? unheard : labels).ok()) return;
    judge(world_.defect == Defect::kJudgesHandle ? arguments : put, labels, used);
  }
  void judge(const json::Value& arguments, const Labels& labels, const std::vector<const Value*>& used) {
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
    scene.context = &labels;
    scene.user = &user_;
    ++out_.calls;
    if (kRules[dice_.below(2)]->decide(action, scene).ruling != Ruling::kAllow) return;
    out_.allowed_in_doubt += labels.has(Source::kTool) || labels.has(Source::kWeb) ? 1 : 0;
    for (const Value* value : used) {
      if (!value->tainted || oracle_.is_of_user(value->bytes)) continue;
      if (out_.violations++ == 0)
        out_.first =
            "seed " + std::to_string(seed_) + ": " + json::write(arguments) + " in " + labels.to_json();
    }
  }

  Dice dice_;
  uint64_t seed_;
  World world_;
  Outcome& out_;
  Labels context_;
  std::vector<Value> values_;
  size_t last_index_ = 0;  // of the value that an argument was last made of
  struct Held {
    std::string handle;
    Value value;
  };
  Quarantine quarantine_;
  std::vector<Held> held_;
  UserText user_;
  Oracle oracle_;
};

}  // namespace

Outcome run_programs(int64_t count, uint64_t seed, World world) {
  Outcome out;
  for (; out.programs < count; ++out.programs)
    Program(seed + static_cast<uint64_t>(out.programs) * 0x9e3779b97f4a7c15u, world, out).run();
  return out;
}

}  // namespace tau::safety::test
