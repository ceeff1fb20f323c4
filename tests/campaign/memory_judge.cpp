#include "memory_judge.h"

#include <dirent.h>
#include <unistd.h>

#include <cstring>
#include <fstream>
#include <map>
#include <memory>
#include <sstream>
#include <unordered_set>

#include "base/base.h"
#include "memory_client.h"

namespace tau::campaign {
namespace {

constexpr std::string_view kSharedId = "shared";

class Judge {
 public:
  Judge(std::string home, Ledger& ledger) : home_(std::move(home)), ledger_(ledger) {}

  std::vector<std::string> all() {
    check_database();
    std::vector<std::string> before;
    const bool asked = with_home([&] {
      read_all();
      settle_all();
      check_states();
      check_races();
      before = ask_all();
    });
    search_for_erased();
    if (asked) compare_with_rebuilt(before);
    return std::move(problems_);
  }

 private:
  struct Known {
    int slot = -1;
    Said said;
  };

  void problem(std::string text) { problems_.push_back(std::move(text)); }

  template <class Use>
  bool with_home(Use use) {
    MemoryHome home;
    std::string wrong = home.open(home_);
    if (wrong.empty()) {
      {
        for (const char* const workspace : {"north", "south"})
          whole_.push_back(std::make_unique<MemoryHandle>(home, workspace, nullptr, nullptr));
        narrow_ = std::make_unique<MemoryHandle>(home, "north", "one", nullptr);
        use();
        whole_.clear();
        narrow_.reset();
      }
      wrong = home.close();
    }
    if (!wrong.empty()) problem(wrong);
    return wrong.empty();
  }

  void check_database() {
    tau_buf out = {};
    tau_error* err = nullptr;
    if (tau_home_verify({home_.data(), home_.size()}, &out, &err) != TAU_OK) {
      const tau_str why = tau_error_message(err);
      problem("the home is damaged: " + std::string(why.data, why.len) + ' ' +
              std::string(out.data == nullptr ? "" : out.data, out.len));
    }
    tau_error_free(err);
    tau_buf_free(&out);
  }

  // Every memory that there is, and whether it is where it says that it belongs.
  void read_all() {
    for (const auto& handle : whole_)
      for (const bool forgotten : {false, true}) {
        for (std::string after = "0"; !after.empty();) {
          const Answer page = handle->perform(
              format(R"({{"op":"list","limit":1000,"superseded":true,"forgotten":{},"after":"{}"}})",
                     forgotten, after));
          if (!page.ok()) return problem("a list: " + page.to_text());
          for (const json::Value& each : page.json["memories"].as_array()) read_one(*handle, each, forgotten);
          after = page.json["next"].as_string();
        }
      }
  }

  void read_one(const MemoryHandle& handle, const json::Value& memory, bool forgotten) {
    if (memory["id"].as_string() == kSharedId) return;
    int slot = -1;
    Said said{forgotten ? MemoryState::kForgotten : MemoryState::kLive, 0};
    if (!read_text(memory["text"].as_string(), &slot, &said.number))
      return problem("this is nobody's: " + json::write(memory));
    const ScopeName& scope = scope_name(scope_of(slot));
    if (!handle.sees(scope_of(slot)) || memory["channel"].as_string() != scope.channel ||
        memory["actor"].as_string() != scope.actor || memory["id"].as_string() != memory_id(slot))
      problem("this is of another scope: " + json::write(memory));
    if (!now_.try_emplace(slot, said).second) problem("this is there twice: " + json::write(memory));
  }

  Said now(int slot) const {
    const auto at = now_.find(slot);
    return at == now_.end() ? Said() : at->second;
  }

  // What was written together is there as a whole or not at all.
  void settle_all() {
    std::map<uint32_t, std::pair<int, int>> groups;  // done, not done
    for (int slot = 0; slot < ledger_.slot_count(); ++slot) {
      Slot& s = ledger_.slots[slot];
      if (s.version % 2 == 0) continue;
      ledger_.count(kOpenEnds);
      const Said asked{static_cast<MemoryState>(s.asked >> 32), static_cast<uint32_t>(s.asked)};
      const bool done = now(slot) == asked;
      if (s.group != 0) ++(done ? groups[s.group].first : groups[s.group].second);
      if (done || now(slot) == ledger_.told(slot)) {
        ledger_.answer(slot, done);
      } else {
        problem(format("slot {}: told was {}, asked {}, it is {}", slot, ledger_.told(slot).to_text(),
                       asked.to_text(), now(slot).to_text()));
      }
    }
    for (const auto& [group, count] : groups)
      if (count.first > 0 && count.second > 0)
        problem(format("of a batch {} were written, {} were not", count.first, count.second));
  }

  void check_states() {
    int64_t live = 0;
    for (int slot = 0; slot < ledger_.slot_count(); ++slot) {
      const Said told = ledger_.told(slot);
      if (told != now(slot))
        problem(format("slot {} was told to be {}, it is {}", slot, told.to_text(), now(slot).to_text()));
      live += told.state == MemoryState::kLive;
    }
    int64_t counted = 0;
    for (const auto& handle : whole_)
      counted += handle->perform(R"({"op":"tree"})").json["memories"].as_int();
    for (int scope = 0; scope < kScopes; ++scope) live += ledger_.newest_claim[scope] > 0;
    if (counted != live) problem(format("{} memories are counted, there are {}", counted, live));
  }

  void check_races() {
    for (int scope = 0; scope < kScopes; ++scope) {
      const ScopeName& name = scope_name(scope);
      const uint32_t newest = ledger_.newest_claim[scope];
      if (newest == 0) continue;
      const MemoryHandle& handle = *whole_[std::string_view(name.workspace) == "north" ? 0 : 1];
      const Answer answer = handle.perform(format(R"({{"op":"get","id":"{}","channel":"{}","actor":"{}"}})",
                                                  kSharedId, name.channel, name.actor));
      const auto revision = static_cast<uint32_t>(answer.json["revision"].as_int());
      const uint32_t claim = revision < Ledger::kMostRevisions ? ledger_.claims[scope][revision].load() : 0;
      const std::string said = format("{} after {} by {}", name.word, revision - 1, claim - 1);
      if (revision < newest || (claim != 0 && answer.json["text"].as_string() != said))
        problem(format("revision {} was acknowledged; there is {}", newest, answer.to_text()));
    }
  }

  std::vector<std::string> questions() const {
    std::vector<std::string> out;
    for (uint64_t i = 0; i < 12; ++i) out.push_back(common_word(i * 7) + " " + common_word(i * 13 + 5));
    out.push_back('\\' + std::string("\"") + common_word(3) + " " + common_word(4) + "\\\"");
    out.push_back(common_word(9).substr(0, 4) + "*");
    out.push_back(common_word(2) + " -" + common_word(8));
    for (int scope = 0; scope < kScopes; ++scope) out.emplace_back(scope_name(scope).word);
    for (const auto& [slot, said] : now_)
      if (slot % 97 == 0) out.push_back(token_of(slot, said.number));
    return out;
  }

  // Answers to the last digit of each score.
  std::vector<std::string> ask_all() {
    std::vector<std::string> out;
    for (const std::string& question : questions())
      for (const MemoryHandle* handle : {whole_[0].get(), whole_[1].get(), narrow_.get()}) {
        const Answer answer = handle->search(
            format(R"({{"query":"{}","k":30,"explain":true,"touch":false,"now":"2026-11-02T10:00:00Z"}})",
                   question));
        if (!answer.ok()) problem(question + ": " + answer.to_text());
        out.push_back(handle->to_text() + " asked for " + question + ": " + answer.text);
      }
    return out;
  }

  // An index that followed every change says what one says that is made of the rows.
  void compare_with_rebuilt(const std::vector<std::string>& before) {
    int removed = 0;
    each_file(home_ + "/memory", [&](const std::string& path) { removed += ::unlink(path.c_str()) == 0; });
    std::vector<std::string> after;
    with_home([&] { after = ask_all(); });
    for (size_t i = 0; i < before.size(); ++i)
      if (i >= after.size() || before[i] != after[i])
        return problem(format("an index ({} files) and one that is made anew differ:\n{}\n{}", removed,
                              before[i].substr(0, 2000), i < after.size() ? after[i].substr(0, 2000) : ""));
  }

  template <class Use>
  static void each_file(const std::string& folder, const Use& use) {
    DIR* const dir = ::opendir(folder.c_str());
    if (dir == nullptr) return;
    while (const dirent* const entry = ::readdir(dir)) {
      const std::string path = folder + "/" + entry->d_name;
      if (entry->d_name[0] == '.') continue;
      if (entry->d_type == DT_DIR) {
        each_file(path, use);
      } else {
        use(path);
      }
    }
    ::closedir(dir);
  }

  static uint64_t bits_of(const char* eight) {
    uint64_t bits = 0;
    std::memcpy(&bits, eight, sizeof bits);
    return bits;
  }

  // No byte of what was purged is in any file.
  void search_for_erased() {
    std::unordered_set<uint64_t> erased;
    for (int slot = 0; slot < ledger_.slot_count(); ++slot) {
      const bool gone = ledger_.told(slot).state == MemoryState::kAbsent;
      for (uint32_t number = gone ? 0 : 1; number <= ledger_.slots[slot].erased; ++number)
        erased.insert(bits_of(heart_of(token_of(slot, number)).data()));
    }
    each_file(home_, [&](const std::string& path) {
      std::ifstream in(path, std::ios::binary);
      std::stringstream bytes;
      bytes << in.rdbuf();
      const std::string all = bytes.str();
      for (size_t at = 0; at + 8 <= all.size(); ++at)
        if (erased.contains(bits_of(all.data() + at)))
          return problem(format("{} holds \"{}\" at {}, which was purged", path, all.substr(at, 8), at));
    });
  }

  const std::string home_;
  Ledger& ledger_;
  std::vector<std::unique_ptr<MemoryHandle>> whole_;  // one of each workspace
  std::unique_ptr<MemoryHandle> narrow_;
  std::map<int, Said> now_;
  std::vector<std::string> problems_;
};

}  // namespace

std::vector<std::string> judge_home(const std::string& home, Ledger& ledger) {
  return Judge(home, ledger).all();
}

}  // namespace tau::campaign
