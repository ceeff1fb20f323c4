// One of the processes of a campaign over memories: writers and readers of one home, until all has been done
// or somebody kills it. Whatever is not as it was promised goes into the ledger.
//
// Usage: memory_host HOME LEDGER FIRST_WRITER WRITERS READERS SEED
#include <algorithm>
#include <cstdlib>
#include <memory>
#include <thread>
#include <vector>

#include "memory_client.h"
#include "memory_ledger.h"

namespace tau::campaign {
namespace {

constexpr std::string_view kSharedId = "shared";

class Dice {
 public:
  explicit Dice(uint64_t seed) : state_(seed * 2 + 1) {}
  uint32_t below(uint32_t n) {
    state_ = state_ * 6364136223846793005ULL + 1442695040888963407ULL;
    return static_cast<uint32_t>((state_ >> 33) % n);
  }

 private:
  uint64_t state_;
};

struct Handles {
  explicit Handles(const MemoryHome& home) {
    for (int i = 0; i < kScopes; ++i) {
      const ScopeName& name = scope_name(i);
      const auto part = [](const char* text) { return *text == '\0' ? nullptr : text; };
      of_scope.push_back(
          std::make_unique<MemoryHandle>(home, name.workspace, part(name.channel), part(name.actor)));
    }
  }
  const MemoryHandle& whole(int scope) const {
    return *of_scope[std::string_view(scope_name(scope).workspace) == "north" ? 0 : 5];
  }
  std::vector<std::unique_ptr<MemoryHandle>> of_scope;
};

// Members of a request that name the one scope.
void name_scope(json::Writer& w, int scope) {
  w.field("channel", scope_name(scope).channel).field("actor", scope_name(scope).actor);
}

std::string request_of(std::string_view op, int slot, std::string_view more = {}) {
  std::string out;
  json::Writer w(out);
  w.begin_object().field("op", op).field("id", memory_id(slot));
  name_scope(w, scope_of(slot));
  w.end_object();
  if (!more.empty()) out.insert(out.size() - 1, more);
  return out;
}

// A text's token stands in everything that a memory is made of.
void write_memory(json::Writer& w, int slot, uint32_t number) {
  const std::string token = token_of(slot, number);
  w.field("id", memory_id(slot)).field("text", text_of(slot, number));
  name_scope(w, scope_of(slot));
  w.key("tags").begin_array().string(token).string("tag" + std::to_string(number % 5)).end_array();
  w.field("source", "file:" + token);
  w.key("attributes").begin_object().field("of", token).end_object();
  const int name = name_of(slot);
  if (name % 4 == 0) w.field("thread", "chat-" + token);
  if (name % 4 == 1) w.field("thread", "chat" + std::to_string(name % 12));
  if (name % 16 != 3) return;
  w.key("fact").begin_object().field("subject", format("subject{}", slot));
  w.field("predicate", "is").field("object", token).end_object();
}

// --- Who writes

class MemoryWriter {
 public:
  MemoryWriter(Ledger& ledger, const Handles& handles, uint32_t number, uint64_t seed)
      : ledger_(ledger), handles_(handles), number_(number), dice_(seed) {}

  void run() {
    for (int slot = 0; slot < ledger_.slot_count(); ++slot)
      if (is_own(slot) && ledger_.slots[slot].version % 2 == 1) {
        ledger_.count(kOpenEnds);
        settle(slot);
      }
    while (!ledger_.over()) step();
  }

 private:
  bool is_own(int slot) const { return static_cast<uint32_t>(name_of(slot)) % ledger_.writers == number_; }
  int some_slot() {
    const uint32_t rounds = ledger_.names / ledger_.writers;
    const uint32_t name = dice_.below(rounds) * ledger_.writers + number_;
    return static_cast<int>(name * kScopes + dice_.below(kScopes));
  }
  const MemoryHandle& handle_of(int slot) const {
    return *handles_.of_scope[static_cast<size_t>(scope_of(slot))];
  }

  // Which of two possible ends the database knows.
  void settle(int slot) {
    const Answer answer = handle_of(slot).perform(request_of("get", slot, R"(,"forgotten":true)"));
    Said now;
    int of = -1;
    if (answer.ok()) {
      if (!read_text(answer.json["text"].as_string(), &of, &now.number) || of != slot)
        return ledger_.problem(format("slot {}: what is this? {}", slot, answer.text));
      now.state = answer.json.contains("forgotten") ? MemoryState::kForgotten : MemoryState::kLive;
    } else if (answer.reason != "no_such_memory") {
      return ledger_.problem(format("slot {} cannot be read: {}", slot, answer.to_text()));
    }
    const Said asked = {static_cast<MemoryState>(ledger_.slots[slot].asked >> 32),
                        static_cast<uint32_t>(ledger_.slots[slot].asked)};
    if (now == asked) return ledger_.answer(slot, true);
    if (now == ledger_.told(slot)) return ledger_.answer(slot, false);
    ledger_.problem(format("slot {}: told was {}, asked {}, it is {}", slot, ledger_.told(slot).to_text(),
                           asked.to_text(), now.to_text()));
  }

  void change(int slot, Count what, Said to, const std::string& request) {
    ledger_.ask(slot, to);
    const Answer answer = handle_of(slot).perform(request);
    const bool busy = what == kPurges && answer.reason == "store_busy";
    if (answer.ok() || busy) {
      ledger_.answer(slot, true);
      ledger_.count(what);
      if (busy) ledger_.count(kBusyPurges);
    } else {
      if (answer.status != TAU_UNAVAILABLE) ledger_.problem(request + ": " + answer.to_text());
      settle(slot);
    }
  }

  void step() {
    const int slot = some_slot();
    const Said told = ledger_.told(slot);
    const uint32_t dice = dice_.below(100);
    if (dice < 4) return race(scope_of(slot));
    if (told.state == MemoryState::kAbsent) return dice < 70 ? add(slot) : add_together(slot);
    if (told.state == MemoryState::kForgotten) {
      if (dice < 50)
        return change(slot, kRestores, {MemoryState::kLive, told.number}, request_of("restore", slot));
      return dice < 85 ? add(slot) : purge(slot);
    }
    if (dice < 40) return add(slot);
    if (dice < 48) return add_together(slot);
    if (dice < 73)
      return change(slot, kForgets, {MemoryState::kForgotten, told.number}, request_of("forget", slot));
    return dice < 94 ? relate(slot) : purge(slot);
  }

  void add(int slot) {
    const uint32_t number = ledger_.slots[slot].last + 1;
    std::string request;
    json::Writer w(request);
    w.begin_object().field("op", "add");
    write_memory(w, slot, number);
    w.end_object();
    change(slot, kAdds, {MemoryState::kLive, number}, request);
  }

  // Several in one transaction.
  void add_together(int slot) {
    std::vector<int> slots;
    const std::string_view workspace = scope_name(scope_of(slot)).workspace;
    for (uint32_t i = 0; i < 2 + dice_.below(6); ++i) {
      const int one = i == 0 ? slot : some_slot();
      const bool fits = scope_name(scope_of(one)).workspace == workspace;
      if (fits && std::find(slots.begin(), slots.end(), one) == slots.end()) slots.push_back(one);
    }
    const uint32_t group = ++ledger_.groups;
    std::string request;
    json::Writer w(request);
    w.begin_object().field("op", "add").key("memories").begin_array();
    for (const int one : slots) {
      const uint32_t number = ledger_.slots[one].last + 1;
      w.begin_object();
      write_memory(w, one, number);
      w.end_object();
      ledger_.ask(one, {MemoryState::kLive, number}, group);
    }
    w.end_array().end_object();
    const Answer answer = handles_.whole(scope_of(slot)).perform(request);
    if (answer.ok()) {
      ledger_.count(kBatches);
    } else if (answer.status != TAU_UNAVAILABLE) {
      ledger_.problem("a batch: " + answer.to_text());
    }
    for (const int one : slots)
      if (answer.ok()) {
        ledger_.answer(one, true);
      } else {
        settle(one);
      }
  }

  void purge(int slot) {
    std::string request;
    json::Writer w(request);
    w.begin_object().field("op", "purge").key("ids").begin_array().string(memory_id(slot)).end_array();
    name_scope(w, scope_of(slot));
    w.end_object();
    change(slot, kPurges, {MemoryState::kAbsent, 0}, request);
  }

  void relate(int slot) {
    const int other = static_cast<int>(dice_.below(ledger_.names)) * kScopes + scope_of(slot);
    if (other == slot) return;
    std::string request;
    json::Writer w(request);
    w.begin_object().field("op", dice_.below(5) == 0 ? "unrelate" : "relate");
    w.field("from", memory_id(slot)).field("to", memory_id(other)).field("relation", "caused_by");
    name_scope(w, scope_of(slot));
    w.end_object();
    const Answer answer = handle_of(slot).perform(request);
    if (answer.ok()) return ledger_.count(kRelations);
    if (answer.reason != "no_such_memory" && answer.status != TAU_UNAVAILABLE)
      ledger_.problem(request + ": " + answer.to_text());
  }

  // One memory that everybody writes: of those who saw one revision, one may write the next.
  void race(int scope) {
    const MemoryHandle& handle = *handles_.of_scope[static_cast<size_t>(scope)];
    std::string get;
    json::Writer reading(get);
    reading.begin_object().field("op", "get").field("id", kSharedId);
    name_scope(reading, scope);
    reading.end_object();
    const Answer there = handle.perform(get);
    if (!there.ok() && there.reason != "no_such_memory") return ledger_.problem(there.to_text());
    const int64_t revision = there.json["revision"].as_int(0);
    std::string request;
    json::Writer w(request);
    w.begin_object().field("op", "add").field("id", kSharedId);
    name_scope(w, scope);
    w.field("text", format("{} after {} by {}", scope_name(scope).word, revision, number_));
    w.field("expected_revision", revision).end_object();
    const Answer answer = handle.perform(request);
    if (answer.reason == "revision_changed") return ledger_.count(kLostRaces);
    if (answer.status == TAU_UNAVAILABLE) return;
    const int64_t won = answer.ok() ? answer.json["memories"].as_array().at(0)["revision"].as_int() : 0;
    if (won != revision + 1 || won >= Ledger::kMostRevisions)
      return ledger_.problem(format("after revision {}: {}", revision, answer.to_text()));
    ledger_.count(kRaces);
    if (const uint32_t other = ledger_.claims[scope][won].exchange(number_ + 1); other != 0)
      ledger_.problem(format("revision {} was written by {} and by {}", won, other - 1, number_));
    std::atomic<uint32_t>& newest = ledger_.newest_claim[scope];
    for (uint32_t seen = newest;
         seen < won && !newest.compare_exchange_weak(seen, static_cast<uint32_t>(won));)
      continue;
  }

  Ledger& ledger_;
  const Handles& handles_;
  const uint32_t number_;
  Dice dice_;
};

// --- Who reads

class MemoryReader {
 public:
  MemoryReader(Ledger& ledger, const Handles& handles, uint64_t seed)
      : ledger_(ledger), handles_(handles), dice_(seed) {}

  void run() {
    while (!ledger_.over()) step();
  }

 private:
  void step() {
    const int slot = static_cast<int>(dice_.below(static_cast<uint32_t>(ledger_.slot_count())));
    const MemoryHandle& handle = *handles_.of_scope[dice_.below(kScopes)];
    begun_ = ledger_.tick;
    const uint32_t dice = dice_.below(100);
    if (dice < 40) return find_text(handle, slot);
    if (dice < 55) return find_whole_life(handle, slot);
    if (dice < 75) return get(handle, slot);
    if (dice < 90) return find_words(handle);
    list(handle);
  }

  void problem(const MemoryHandle& handle, const std::string& what, const std::string& wrong) {
    ledger_.problem(format("{} asked for {}: {}", handle.to_text(), what, wrong));
  }

  // What the memory was all the time since `begun_`, if it was one thing.
  bool settled(int slot, Said* said) const {
    const Slot& s = ledger_.slots[slot];
    const uint32_t version = s.version;
    *said = ledger_.told(slot);
    return version % 2 == 0 && s.since <= begun_ && s.version == version;
  }

  // That what was found belongs there and is not something of the past. Of which memory it is; -1: of none.
  int judge(const MemoryHandle& handle, const std::string& what, const json::Value& found) {
    int slot = -1;
    uint32_t number = 0;
    const std::string_view text = found["text"].as_string();
    if (found["id"].as_string() == kSharedId) return -1;
    if (!read_text(text, &slot, &number)) {
      problem(handle, what, "this is nobody's: " + std::string(text));
      return -1;
    }
    const ScopeName& scope = scope_name(scope_of(slot));
    if (!handle.sees(scope_of(slot)) || found["channel"].as_string() != scope.channel ||
        found["actor"].as_string() != scope.actor || found["id"].as_string() != memory_id(slot))
      problem(handle, what, "this is of another scope: " + json::write(found));
    Said said;
    if (settled(slot, &said) && said != Said{MemoryState::kLive, number})
      problem(handle, what, format("slot {} is {}: {}", slot, said.to_text(), text));
    return slot;
  }

  bool search(const MemoryHandle& handle, const std::string& query, int k, int slot) {
    std::string request;
    json::Writer w(request);
    w.begin_object().field("query", query).field("k", k).field("touch", dice_.below(4) == 0).end_object();
    const Answer answer = handle.search(request);
    if (!answer.ok()) problem(handle, query, answer.to_text());
    ledger_.count(kSearches);
    bool there = false;
    for (const json::Value& hit : answer.json["hits"].as_array()) there |= judge(handle, query, hit) == slot;
    return there;
  }

  void find_text(const MemoryHandle& handle, int slot) {
    const Slot& s = ledger_.slots[slot];
    const uint32_t version = s.version;
    const Said said = ledger_.told(slot);
    const uint32_t number = said.number == 0 ? s.last.load() : said.number;
    const bool found = search(handle, token_of(slot, number), 5, slot);
    const bool sure = version % 2 == 0 && s.version == version && said.state == MemoryState::kLive;
    if (sure && handle.sees(scope_of(slot)) && !found)
      problem(handle, token_of(slot, number), format("slot {} is {} and not found", slot, said.to_text()));
  }

  // It is written over all the time; but it is there all the time.
  void find_whole_life(const MemoryHandle& handle, int slot) {
    const Slot& s = ledger_.slots[slot];
    const uint64_t live_since = s.live_since;
    const bool found = search(handle, token_of(slot, 0), 5, slot);
    if (live_since != 0 && s.live_since == live_since && handle.sees(scope_of(slot)) && !found)
      problem(handle, token_of(slot, 0), format("slot {} was there all the time, and not found", slot));
  }

  void find_words(const MemoryHandle& handle) {
    std::string query = common_word(dice_.below(1000)) + " " + common_word(dice_.below(1000));
    if (dice_.below(4) == 0) query = '"' + query + '"';
    if (dice_.below(4) == 0) query = query.substr(0, query.size() - 2) + "*";
    search(handle, query, 20, -2);
  }

  void get(const MemoryHandle& handle, int slot) {
    const std::string request = request_of("get", slot);
    const Slot& s = ledger_.slots[slot];
    const uint32_t version = s.version;
    const Said said = ledger_.told(slot);
    const Answer answer = handle.perform(request);
    ledger_.count(kGets);
    const bool sure = version % 2 == 0 && s.version == version && handle.sees(scope_of(slot));
    if (answer.ok()) {
      // From another workspace it may be one of the same name.
      const int found = judge(handle, request, answer.json);
      for (const json::Value& relation : answer.json["relations"].as_array())
        judge_relation(handle, found, relation);
    } else if (answer.reason != "no_such_memory" && answer.reason != "outside_scope") {
      problem(handle, request, answer.to_text());
    } else if (sure && said.state == MemoryState::kLive) {
      problem(handle, request, format("it is {}, but {}", said.to_text(), answer.to_text()));
    }
  }

  // Both ends of a relation are there.
  void judge_relation(const MemoryHandle& handle, int slot, const json::Value& relation) {
    const std::string_view id = relation[relation.contains("to") ? "to" : "from"].as_string();
    const int other = std::atoi(std::string(id.substr(1)).c_str()) * kScopes + scope_of(slot);
    Said said;
    if (slot >= 0 && other >= 0 && other < ledger_.slot_count() && settled(other, &said) &&
        said.state != MemoryState::kLive)
      problem(handle, memory_id(slot), format("is related to slot {}, which is {}", other, said.to_text()));
  }

  void list(const MemoryHandle& handle) {
    const std::string request = format(R"({{"op":"list","limit":50,"order":"{}","tags":["tag{}"]}})",
                                       dice_.below(2) == 0 ? "newest" : "recorded", dice_.below(5));
    const Answer answer = handle.perform(request);
    if (!answer.ok()) problem(handle, request, answer.to_text());
    ledger_.count(kLists);
    for (const json::Value& each : answer.json["memories"].as_array()) judge(handle, request, each);
  }

  Ledger& ledger_;
  const Handles& handles_;
  Dice dice_;
  uint64_t begun_ = 0;
};

int run(const char* const* args) {
  Ledger* const ledger = Ledger::map(args[1], false);
  if (ledger == nullptr) return 3;
  MemoryHome home;
  if (const std::string wrong = home.open(args[0]); !wrong.empty()) {
    ledger->problem(wrong);
    return 4;
  }
  const auto first = static_cast<uint32_t>(std::atoi(args[2]));
  const auto writers = static_cast<uint32_t>(std::atoi(args[3]));
  const int readers = std::atoi(args[4]);
  const auto seed = static_cast<uint64_t>(std::atoll(args[5]));
  {
    const Handles handles(home);
    std::vector<std::thread> threads;
    for (uint32_t i = first; i < first + writers; ++i)
      threads.emplace_back([&, i] { MemoryWriter(*ledger, handles, i, seed + i).run(); });
    for (int i = 0; i < readers; ++i)
      threads.emplace_back(
          [&, i] { MemoryReader(*ledger, handles, seed + 1000 + static_cast<uint64_t>(i)).run(); });
    for (std::thread& thread : threads) thread.join();
  }
  if (const std::string wrong = home.close(); !wrong.empty()) ledger->problem(wrong);
  return 0;
}

}  // namespace
}  // namespace tau::campaign

int main(int argc, char** argv) { return argc == 7 ? tau::campaign::run(argv + 1) : 2; }
