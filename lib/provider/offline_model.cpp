// The built-in model: no network, no key, and no pretence. It looks for the words of the question in the
// workspace with the tools that it is offered, reads the best place, and quotes it. A function of the request
// alone.
#include <algorithm>
#include <array>
#include <map>

#include "provider/provider.h"

namespace tau::provider {
namespace {

constexpr std::string_view kPreface =
    "This is libtau's built-in offline model. It is not a language model: it searches the workspace for the "
    "words "
    "of your question and quotes what it finds. For real answers set a provider's key, such as "
    "ANTHROPIC_API_KEY or "
    "OPENAI_API_KEY, run a model server on this machine, or configure a model.";
constexpr size_t kMaxWords = 6;
constexpr size_t kMaxWordBytes = 64;
constexpr int64_t kContextLines = 12;

constexpr std::string_view kStopWords[] = {
    "about", "after", "again", "also",   "and",     "are",  "can",   "could", "does",   "explain", "file",
    "files", "find",  "for",   "from",   "give",    "has",  "have",  "how",   "into",   "its",     "list",
    "me",    "more",  "not",   "please", "project", "say",  "says",  "shall", "should", "show",    "tell",
    "that",  "the",   "their", "there",  "these",   "they", "this",  "was",   "were",   "what",    "when",
    "where", "which", "who",   "why",    "will",    "with", "would", "you",   "your"};

bool is_word_byte(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
         (static_cast<unsigned char>(c) & 0x80) != 0;
}

// The words worth searching for: longest first, without the commonest English ones.
std::vector<std::string> key_words(std::string_view question) {
  std::vector<std::string> words;
  std::string word;
  const auto flush = [&] {
    std::string lower = word;
    for (char& c : lower) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    const bool common =
        std::binary_search(std::begin(kStopWords), std::end(kStopWords), std::string_view(lower));
    if (word.size() >= 3 && word.size() <= kMaxWordBytes && !common &&
        std::find(words.begin(), words.end(), lower) == words.end())
      words.push_back(lower);
    word.clear();
  };
  for (const char c : question) {
    if (is_word_byte(c)) {
      word += c;
    } else {
      flush();
    }
  }
  flush();
  std::stable_sort(words.begin(), words.end(),
                   [](const std::string& a, const std::string& b) { return a.size() > b.size(); });
  if (words.size() > kMaxWords) words.resize(kMaxWords);
  return words;
}

struct Hit {
  std::string path;
  int64_t line = 0;
  std::string text;
};

// Lines of the form "path:12: text", as the grep tool gives them.
std::vector<Hit> parse_hits(std::string_view grep_output) {
  std::vector<Hit> hits;
  while (!grep_output.empty()) {
    const size_t end = grep_output.find('\n');
    const std::string_view line = grep_output.substr(0, end);
    grep_output = end == std::string_view::npos ? std::string_view() : grep_output.substr(end + 1);
    const size_t first = line.find(':');
    const size_t second = first == std::string_view::npos ? first : line.find(':', first + 1);
    if (second == std::string_view::npos) continue;
    Hit hit;
    hit.path = line.substr(0, first);
    for (const char c : line.substr(first + 1, second - first - 1)) {
      if (c < '0' || c > '9') {
        hit.line = 0;
        break;
      }
      hit.line = hit.line * 10 + (c - '0');
    }
    if (hit.line == 0) continue;
    hit.text = line.substr(second + 1);
    hits.push_back(std::move(hit));
  }
  return hits;
}

// The hit whose surroundings hold the most different words.
const Hit* best_hit(const std::vector<Hit>& hits, const std::vector<std::string>& words) {
  const Hit* best = nullptr;
  size_t best_score = 0;
  for (const Hit& hit : hits) {
    std::string lower = hit.path + hit.text;
    for (const Hit& other : hits)
      if (other.path == hit.path && other.line > hit.line && other.line - hit.line <= kContextLines)
        lower += other.text;
    for (char& c : lower) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    size_t score = 0;
    for (const std::string& word : words)
      score += lower.find(word) != std::string::npos ? 1 + word.size() : 0;
    if (score > best_score) {
      best_score = score;
      best = &hit;
    }
  }
  return best;
}

// What has happened since the user last spoke.
struct Progress {
  std::string question;
  std::vector<const wire::ToolResult*> results;
};

Progress progress_of(const wire::Request& request) {
  Progress p;
  for (const wire::Message& message : request.messages) {
    if (message.role == wire::Role::kUser) {
      p.question = message.text();
      p.results.clear();
    }
    for (const wire::Part& part : message.parts)
      if (const auto* result = part.as<wire::ToolResult>()) p.results.push_back(result);
  }
  return p;
}

std::string text_of(const wire::ToolResult& result) {
  std::string text;
  for (const wire::Part& part : result.content)
    if (const auto* t = part.as<wire::Text>()) text += t->text;
  return text;
}

bool offers(const wire::Request& request, std::string_view tool) {
  return std::any_of(request.tools.begin(), request.tools.end(),
                     [&](const wire::ToolSpec& t) { return t.name == tool; });
}

wire::Response tool_call(std::string_view name, const json::Value& arguments, size_t number) {
  wire::Response r;
  r.finish = wire::FinishReason::kToolCalls;
  r.message.parts.push_back(
      {.body = wire::ToolCall{format("offline_{}", number), std::string(name), json::write(arguments)},
       .extras = {}});
  return r;
}

wire::Response answer(std::string text) {
  wire::Response r;
  r.finish = wire::FinishReason::kStop;
  r.message.parts.push_back(
      {.body = wire::Text{std::string(kPreface) + "\n\n" + std::move(text)}, .extras = {}});
  return r;
}

std::string lines_found(size_t n) { return n == 1 ? "1 line mentions" : format("{} lines mention", n); }

wire::Response read_call(std::string_view path, int64_t offset) {
  return tool_call(
      "read", json::Value::object().set("path", path).set("offset", offset).set("limit", kContextLines), 2);
}

// The path nearest to the top of what the glob tool lists; none when it found nothing.
std::string_view top_path(std::string_view listing) {
  std::string_view best;
  for (size_t begin = 0; begin < listing.size();) {
    const size_t end = std::min(listing.find('\n', begin), listing.size());
    const std::string_view line = listing.substr(begin, end - begin);
    if (!line.empty() && !line.starts_with('[') && (best.empty() || line.size() < best.size())) best = line;
    begin = end + 1;
  }
  return best;
}

// "What does this project do?" has no word to search for; the project's own introduction answers it best.
wire::Response introduce(const wire::Request& request, const Progress& p) {
  constexpr std::string_view kNoWords = "Your question has no words that could be searched for";
  if (!offers(request, "glob") || !offers(request, "read")) return answer(format("{}.", kNoWords));
  if (p.results.empty())
    return tool_call("glob", json::Value::object().set("pattern", "{README,Readme,readme}*"), 1);
  const std::string listing = p.results.front()->is_error ? std::string() : text_of(*p.results.front());
  const std::string_view path = top_path(listing);
  if (path.empty()) return answer(format("{}, and there is no README to quote.", kNoWords));
  if (p.results.size() == 1) return read_call(path, 1);
  if (p.results.back()->is_error) return answer(format("{}, and {} cannot be read.", kNoWords, path));
  return answer(format("{}. {} begins:\n\n{}", kNoWords, path, text_of(*p.results.back())));
}

wire::Response respond(const wire::Request& request) {
  const Progress p = progress_of(request);
  const std::vector<std::string> words = key_words(p.question);
  if (words.empty()) return introduce(request, p);
  if (!offers(request, "grep"))
    return answer("No search tool is offered to this run, so there is nothing to quote.");
  if (p.results.empty()) {
    std::string pattern;
    for (const std::string& word : words) pattern += (pattern.empty() ? "" : "|") + word;
    return tool_call(
        "grep",
        json::Value::object().set("pattern", pattern).set("ignore_case", true).set("max_matches", 200), 1);
  }
  const std::string found = text_of(*p.results.front());
  const std::vector<Hit> hits = parse_hits(found);
  const Hit* best = p.results.front()->is_error ? nullptr : best_hit(hits, words);
  std::string list;
  for (const std::string& word : words) list += (list.empty() ? "\"" : ", \"") + word + "\"";
  if (best == nullptr) return answer("Nothing in the workspace mentions " + list + ".");
  if (p.results.size() == 1 && offers(request, "read"))
    return read_call(best->path, std::max<int64_t>(1, best->line - 2));
  std::string text = format("{} {}. The best place is {}, line {}:\n\n", lines_found(hits.size()), list,
                            best->path, best->line);
  const bool read = p.results.size() > 1 && !p.results.back()->is_error;
  text += read ? text_of(*p.results.back()) : best->text;
  return answer(std::move(text));
}

class OfflineModel final : public Model {
 public:
  explicit OfflineModel(net::Loop& loop) : loop_(loop), self_(std::make_shared<OfflineModel*>(this)) {
    route_.provider = "offline";
    route_.model = "offline";
  }
  ~OfflineModel() override { *self_ = nullptr; }

  CallId start(ModelCall call, CallSink& sink) override {
    const CallId id = ++last_id_;
    wire::Response response = respond(*call.request);
    response.id = call.request_id.view();
    response.model = "offline";
    response.message.role = wire::Role::kAssistant;
    calls_.emplace(id, std::make_pair(&sink, std::move(response)));
    loop_.post([self = self_, id] {
      if (*self != nullptr) (*self)->play(id);
    });
    return id;
  }

  wire::Response cancel(CallId id) override {
    calls_.erase(id);
    return {};
  }
  const Route& route() const override { return route_; }

 private:
  void play(CallId id) {
    auto it = calls_.find(id);
    if (it == calls_.end()) return;
    it->second.first->on_attempt(1, ok_status());
    const std::string text = it->second.second.message.text();
    if (!text.empty()) it->second.first->on_event({.kind = wire::StreamEvent::Kind::kText, .text = text});
    auto node = calls_.extract(id);
    if (!node.empty()) node.mapped().first->on_response(std::move(node.mapped().second));
  }

  net::Loop& loop_;
  std::shared_ptr<OfflineModel*> self_;
  Route route_;
  std::map<CallId, std::pair<CallSink*, wire::Response>> calls_;
  CallId last_id_ = 0;
};

}  // namespace

std::unique_ptr<Model> make_offline_model(net::Loop& loop) { return std::make_unique<OfflineModel>(loop); }

}  // namespace tau::provider
