// Reads recorded provider traffic: a folder of *.jsonl.xz, one {case, interactions:[{request, response}]} a
// line.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "wire/wire.h"

namespace tau::wire::test {

struct Interaction {
  std::string provider;  // the file's name
  std::string name;      // the case
  std::string path;
  std::string request;
  int status = 0;
  std::string response;
};

// What an API at that path speaks; null when it is none of the dialects.
const Dialect* dialect_of(std::string_view path);
// Whether a good answer is a stream.
bool is_stream(Framing framing, std::string_view body);
// The text of an .xz file; false when there is none that xz can read.
bool read_xz(const std::string& file, std::string& out);
// Whether `folder` holds recordings.
bool have_recordings(const std::string& folder);
// Calls `visit` for each interaction. Returns false, with a message in `error`, when a file cannot be read.
bool for_each_interaction(const std::string& folder, const std::function<void(const Interaction&)>& visit,
                          std::string& error);

}  // namespace tau::wire::test
