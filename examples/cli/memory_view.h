// How memories look to people, and the program's hold on those of a scope.
#pragma once

#include <string>

#include "client.h"
#include "json.h"
#include "options.h"
#include "result.h"

namespace cli {

using MemoryPtr = std::unique_ptr<tau_memory, Release<tau_memory_unref>>;

// The runtime and the memories of the scope that the options name.
class MemoryClient {
 public:
  // kReading: nothing in the home is made or changed; without one there are no memories. kUsing: the same,
  // but what is found counts as used where the home can be written.
  enum class Mode : uint8_t { kReading, kUsing, kWriting };
  static Result<MemoryClient> open(const Options& options, Mode mode);
  Result<Json> perform(const Json& request) const;
  Result<Json> search(const Json& request) const;

 private:
  MemoryClient(Client client, MemoryPtr memory) : client_(std::move(client)), memory_(std::move(memory)) {}
  Client client_;
  MemoryPtr memory_;
};

// Sets the members that choose memories.
void set_filter(Json& request, const MemoryOptions& options);
void set_text(Json& request, std::string_view key, const std::string& value);  // unless it is empty
// A number as it was written; a failure names the option.
Result<Json> number_of(std::string_view option, const std::string& text);

double as_double(const Json& number);
std::string score_text(double score);
// "2026-11-02 10:00Z", of a time as the library writes it: in UTC, and said so.
std::string time_text(const Json& time);
// Two lines or more: what it is, then its text. `score` in front of a hit.
std::string memory_text(const Json& memory, bool rich, size_t lines);
// Every member that people care for.
std::string memory_page(const Json& memory, bool rich);
// A report of the library: its members, one a line.
std::string report_lines(const Json& report);

int print_text(const std::string& text);
// Prints an answer as JSON, or as `text` makes it; a failure is told.
int print_answer(const Options& options, const Result<Json>& answer, std::string (*text)(const Json&));

}  // namespace cli
