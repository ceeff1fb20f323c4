#include "recorded.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "net/net.h"
#include "recordings.h"
#include "reference.h"
#include "support.h"
#include "wire/wire.h"

namespace tau::bench {
namespace {

// Of an event, whatever its size.
constexpr double kBudgetNs = 250;
constexpr double kBudgetRatio = 2.5;

struct Recorded {
  std::string provider;
  std::string name;
  const wire::Dialect* dialect = nullptr;
  std::string body;
  std::vector<std::string> documents;
  double ours = 0;    // ns per event
  double theirs = 0;  // likewise
};

Recorded make_recorded(const wire::test::Interaction& interaction) {
  Recorded out;
  out.provider = interaction.provider;
  out.name = interaction.name;
  const bool messages = interaction.path.ends_with("/v1/messages");
  out.dialect = messages ? &wire::anthropic_messages() : &wire::openai_chat();
  out.body = interaction.response;
  net::SseParser parser;
  const Status framing = parser.feed(interaction.response, [&](const net::SseEvent& event) {
    if (event.data.starts_with('{')) out.documents.emplace_back(event.data);
    return true;
  });
  if (!framing.ok() || out.documents.empty()) fail("a recorded stream has no frames");
  return out;
}

std::vector<Recorded> recorded_streams() {
  std::vector<Recorded> out;
  const char* data = std::getenv("TAU_SHARED_DATA");
  std::string error;
  if (data == nullptr) return out;
  const bool read = wire::test::for_each_interaction(
      std::string(data) + "/provider-recordings",
      [&](const wire::test::Interaction& i) {
        const bool ours = i.path.ends_with("/v1/messages") || i.path.ends_with("/chat/completions");
        if (ours && i.status == 200 && !i.response.starts_with('{')) out.push_back(make_recorded(i));
      },
      error);
  if (!read) fail(error);
  return out;
}

void decode_whole(const Recorded& recorded) {
  wire::Quirks tolerant;
  tolerant.done_mark_optional = true;
  CountSink sink;
  net::SseParser parser;
  const auto decoder = recorded.dialect->stream_decoder(tolerant);
  const Status status = parser.feed(recorded.body, [&](const net::SseEvent& event) {
    const std::string_view type = event.type == "message" ? std::string_view() : event.type;
    return decoder->event(type, event.data, sink).ok();
  });
  if (!status.ok() || !decoder->end(sink).ok()) fail("a recorded stream is refused");
  keep(sink.bytes);
}

double median(std::vector<double> values) {
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

// Per event, with all that happens once for a stream.
void time_stream(Recorded& recorded) {
  const bool messages = recorded.dialect == &wire::anthropic_messages();
  Reference bare(messages ? read_message_event : read_chat_chunk, recorded.documents);
  constexpr size_t kEvents = 2'000;
  constexpr size_t kSamples = 9;
  const size_t rounds = std::max<size_t>(1, kEvents / bare.size());
  const auto events = static_cast<double>(rounds * bare.size());
  std::vector<double> ours;
  std::vector<double> theirs;
  for (size_t sample = 0; sample < kSamples; ++sample) {
    const int64_t begin = thread_cpu_ns();
    for (size_t round = 0; round < rounds; ++round) decode_whole(recorded);
    const int64_t middle = thread_cpu_ns();
    for (size_t n = 0; n < rounds * bare.size(); ++n) bare.next();
    ours.push_back(static_cast<double>(middle - begin) / events);
    theirs.push_back(static_cast<double>(thread_cpu_ns() - middle) / events);
  }
  recorded.ours = median(std::move(ours));
  recorded.theirs = median(std::move(theirs));
}

void print_stream(const Recorded& r) {
  size_t bytes = 0;
  for (const std::string& document : r.documents) bytes += document.size();
  std::printf("%-11s %6zu events %6zu bytes %9.1f ns %9.1f ns on-demand %7.2f  %s\n", r.provider.c_str(),
              r.documents.size(), bytes / r.documents.size(), r.ours, r.theirs, r.ours / r.theirs,
              r.name.c_str());
}

void print_summary(const std::string& what, const std::vector<const Recorded*>& streams) {
  std::vector<double> ns;
  std::vector<double> ratios;
  size_t fast = 0;
  size_t close = 0;
  size_t both = 0;
  for (const Recorded* r : streams) {
    ns.push_back(r->ours);
    ratios.push_back(r->ours / r->theirs);
    const bool is_fast = ns.back() <= kBudgetNs;
    const bool is_close = ratios.back() <= kBudgetRatio;
    fast += is_fast;
    close += is_close;
    both += is_fast && is_close;
  }
  std::printf(
      "%-11s %4zu streams: %4zu within %.0f ns, %4zu within %.1f, %4zu both; median %.1f ns, %.2f; "
      "worst %.1f ns, %.2f\n",
      what.c_str(), streams.size(), fast, kBudgetNs, close, kBudgetRatio, both, median(ns), median(ratios),
      *std::max_element(ns.begin(), ns.end()), *std::max_element(ratios.begin(), ratios.end()));
}

void report_streams(Report& report, const std::string& what, const std::vector<const Recorded*>& streams) {
  std::vector<double> ours;
  std::vector<double> theirs;
  for (const Recorded* r : streams) {
    ours.push_back(r->ours);
    theirs.push_back(r->theirs);
  }
  report.add("recorded_" + what, "ns", std::move(ours), std::move(theirs));
}

}  // namespace

void compare_recorded(Report& report) {
  std::vector<Recorded> streams = recorded_streams();
  if (streams.empty()) return;
  std::map<std::string, std::vector<const Recorded*>> providers;
  std::vector<const Recorded*> all;
  for (Recorded& stream : streams) {
    time_stream(stream);
    print_stream(stream);
    providers[stream.provider].push_back(&stream);
    all.push_back(&stream);
  }
  for (const auto& [provider, of_provider] : providers) print_summary(provider, of_provider);
  print_summary("all", all);
  for (const auto& [provider, of_provider] : providers) report_streams(report, provider, of_provider);
  report_streams(report, "streams", all);
}

}  // namespace tau::bench
