// Writes what goes to providers and what comes back to files, for tests and reports. docs/recordings.md.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/base.h"
#include "net/net.h"
#include "provider/provider.h"

namespace tau::provider {

// One request and its answer, as far as it came.
struct Exchange {
  std::string provider;  // the file that it goes to
  std::string dialect;
  std::string id;  // of the model call; its attempts share it
  std::string method;
  std::string url;
  std::vector<std::pair<std::string, std::string>> request_headers;
  std::string request_body;
  int status = 0;  // of HTTP; 0: no answer began
  std::vector<std::pair<std::string, std::string>> response_headers;
  std::string response_body;
  std::string interrupted;  // why it ended early; empty: it is whole
  int64_t first_byte_ms = 0;
  int64_t total_ms = 0;
};

struct RecorderOptions {
  std::string directory;               // made when there is something to write, mode 0700
  int64_t max_bytes = 64 << 20;        // of one file
  size_t max_queue_bytes = 32u << 20;  // that wait for the disk; what comes on top of it is left out
  // Takes secrets out of a text: on the thread of the recorder. `is_json`: what is left is JSON again.
  std::function<void(std::string& text, bool is_json)> clean;
  // Told once for each reason that recording of a file stops, or that an exchange was left out.
  std::function<void(const Status& problem)> report;
};

// The line of a recording, without a key, a cookie or a signature whatever the exchange holds, and no longer
// than it must be. Ends in a newline.
std::string recording_line(const Exchange& exchange, const RecorderOptions& options);

// Any thread. Never fails, never waits: a thread of its own writes, which begins with the first exchange. One
// line is one write to a file of mode 0600, so that processes can share it. Where a write fails, or the file
// would grow beyond its bound, recording of that file stops.
class Recorder {
 public:
  virtual ~Recorder() = default;  // writes what waits; in a forked child it does nothing
  virtual void take(Exchange&& exchange) noexcept = 0;
  // Waits until all that was taken is written or left out.
  virtual void flush() = 0;
};
std::unique_ptr<Recorder> make_recorder(RecorderOptions options);

// `inner`, every exchange of which is recorded as one of that route. All three outlive it.
std::unique_ptr<net::HttpClient> make_recording_client(net::HttpClient& inner, net::Loop& loop,
                                                       Recorder& recorder, const Route& route);

}  // namespace tau::provider
