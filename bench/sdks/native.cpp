// A stream from bytes to typed events, for bench/sdks: the same bytes in the same pieces as the SDKs get.
//
//   sdk_native [--runs N] [--samples N] [--warm-up N] [--count N] DIALECT=FILE…
//
// Prints one line of JSON, {"native_DIALECT":[microseconds of CPU per run of each sample]}.
#include <cstdio>
#include <cstdlib>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "support/report.h"
#include "wire/framing.h"
#include "wire/wire.h"

namespace {

using tau::wire::Dialect;
using tau::wire::StreamDecoder;
using tau::wire::StreamEvent;

[[noreturn]] void fail(const std::string& what) {
  std::fprintf(stderr, "sdk_native: %s\n", what.c_str());
  std::exit(1);
}

std::string read_file(const std::string& path) {
  FILE* file = std::fopen(path.c_str(), "rb");
  if (file == nullptr) fail("cannot read " + path);
  std::string out;
  char buffer[65536];
  size_t n = 0;
  while ((n = std::fread(buffer, 1, sizeof buffer, file)) > 0) out.append(buffer, n);
  std::fclose(file);
  return out;
}

class CountSink final : public tau::wire::StreamSink {
 public:
  void on_event(const StreamEvent&) override { ++events; }
  size_t events = 0;
};

void decode(const Dialect& dialect, StreamDecoder& decoder, std::string_view bytes) {
  constexpr size_t kPiece = 1024;  // as sdk_streams.py and sdk_streams.mjs cut it
  decoder.reset();
  CountSink sink;
  tau::wire::FrameReader frames(dialect.framing());
  for (size_t at = 0; at < bytes.size(); at += kPiece) {
    const auto read = frames.feed(
        bytes.substr(at, kPiece),
        [&](std::string_view type, std::string_view data) { return decoder.event(type, data, sink).ok(); });
    if (!read.ok()) fail(read.to_string());
  }
  if (const auto ended = decoder.end(sink); !ended.ok()) fail(ended.to_string());
  if (sink.events < 3) fail("events are missing");
}

double sample(const Dialect& dialect, StreamDecoder& decoder, std::string_view bytes, size_t runs) {
  const int64_t start = tau::bench::thread_cpu_ns();
  for (size_t i = 0; i < runs; ++i) decode(dialect, decoder, bytes);
  return static_cast<double>(tau::bench::thread_cpu_ns() - start) / 1e3 / static_cast<double>(runs);
}

}  // namespace

int main(int argc, char** argv) {
  std::map<std::string, size_t> options = {
      {"--runs", 400}, {"--samples", 5}, {"--warm-up", 200}, {"--count", 0}};
  std::vector<std::string> streams;
  for (int i = 1; i < argc; ++i) {
    const std::string word = argv[i];
    if (options.contains(word) && i + 1 < argc)
      options[word] = std::strtoul(argv[++i], nullptr, 10);
    else
      streams.push_back(word);
  }
  std::string out;
  for (const std::string& word : streams) {
    const size_t equals = word.find('=');
    const Dialect* dialect = tau::wire::find_dialect(word.substr(0, equals));
    if (equals == word.npos || dialect == nullptr) fail("DIALECT=FILE expected, not " + word);
    const std::string bytes = read_file(word.substr(equals + 1));
    const std::unique_ptr<StreamDecoder> decoder = dialect->stream_decoder({});
    if (const size_t count = options["--count"]; count > 0) {
      sample(*dialect, *decoder, bytes, count);
      return 0;
    }
    sample(*dialect, *decoder, bytes, options["--warm-up"]);
    out += (out.empty() ? "{\"native_" : ",\"native_") + word.substr(0, equals) + "\":[";
    for (size_t n = 0; n < options["--samples"]; ++n)
      out += (n == 0 ? "" : ",") + std::to_string(sample(*dialect, *decoder, bytes, options["--runs"]));
    out += ']';
  }
  std::printf("%s}\n", out.empty() ? "{" : out.c_str());
  return 0;
}
