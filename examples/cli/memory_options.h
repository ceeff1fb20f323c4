// What the command line said about memories.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace cli {

struct MemoryOptions {
  // The scope.
  std::string workspace;
  std::string channel;
  std::string actor;

  // A memory that is written.
  std::string text;
  std::string id;
  std::string type;
  std::string importance;
  std::string time;
  std::vector<std::string> fact;  // subject, predicate, object
  std::string valid_from;
  std::string valid_to;

  // What chooses memories; tags and source are those of one that is written, too.
  std::vector<std::string> types;
  std::vector<std::string> tags;
  std::string since;
  std::string until;
  std::string thread;
  std::string source;

  // A search.
  std::vector<std::string> words;
  int64_t k = 10;
  std::string mode;
  std::string valid_at;
  std::string recorded_at;
  bool superseded = false;
  bool strict = false;
  bool grouped = false;
  bool explain = false;

  // The others.
  std::vector<std::string> ids;
  std::string from;
  std::string to;
  std::string relation;
  std::string weight;
  bool newest = false;
  bool forgotten = false;
  bool yes = false;
  std::string depth;
  int64_t most = 0;  // memories of one answer, steps of a path; 0: the usual number

  // Files that are taken in.
  std::vector<std::string> globs;
  std::vector<std::string> ignore;
  std::string vanished;
  std::string max_file_size;
  bool hidden = false;
  bool watch = false;

  // What a model writes.
  std::string model;
  std::string origin;
  int64_t questions = 0;
  bool extract = false;
  std::string path;
  std::string format;
  std::string policy;  // of upkeep: a file
};

}  // namespace cli
