// Keys of the configuration about memories: who makes their vectors, and what agents have of them.
#include "runtime/config_keys.h"

namespace tau::runtime {
namespace {

using enum KeyType;

// Of an agent or a profile; a workspace's own file has no say.
Key of_agents(std::string_view path, std::string_view value, std::string_view help, KeyType type = kString) {
  return {.path = path,
          .type = type,
          .scope = KeyScope::kProfile,
          .project = ProjectRule::kNever,
          .max = 256,
          .default_json = value,
          .help = help};
}

Key count(std::string_view path, std::string_view value, int64_t min, int64_t max, std::string_view help) {
  Key key = of_agents(path, value, help, kInteger);
  key.project = ProjectRule::kLower;
  key.min = min;
  key.max = max;
  return key;
}

}  // namespace

void add_memory_keys(std::vector<Key>& keys) {
  keys.insert(
      keys.end(),
      {
          {.path = "memory.model",
           .max = 4096,
           .default_json = R"("hash")",
           .help = "Who makes the vectors of memories: hash (built in), none (words alone), file:NAME of a "
                   "model in the home or file:PATH, or a provider's model such as "
                   "openai/text-embedding-3-small."},
          {.path = "memory.dimensions",
           .type = kInteger,
           .max = 8192,
           .default_json = "0",
           .help = "Numbers of a vector of a provider's model; 0: as many as it has."},
          of_agents("memory.tools", "false",
                    "Agents are offered the tools memory_write, memory_search, memory_read, memory_forget, "
                    "memory_relate, memory_tree.",
                    kBool),
          of_agents(
              "memory.recall", "false",
              "Memories that may matter to a prompt are put before it, marked as what they are; the run "
              "starts once they are found.",
              kBool),
          count("memory.recall_count", "8", 1, 64, "So many of them at most."),
          count("memory.recall_bytes", "6000", 256, 65'536, "They take so much room at most."),
          count(
              "memory.recall_wait_ms", "2000", 0, 60'000,
              "The run waits so long for the vector of its prompt, where a provider or the program makes it; "
              "then memories are found by words alone. 0: at once."),
          of_agents("memory.workspace", R"("default")", "Where the memories of agents are."),
          of_agents("memory.channel", R"("")",
                    "The channel that they are bound to; empty: all of them. {session} and {principal} stand "
                    "for those of a run."),
          of_agents("memory.actor", R"("")", "Likewise the actor."),
      });
}

}  // namespace tau::runtime
