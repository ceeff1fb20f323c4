#include "recorded.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "recordings.h"
#include "reference.h"
#include "support.h"
#include "wire/framing.h"
#include "wire/wire.h"

namespace tau::bench {
namespace {

// Of an event, whatever its size.
constexpr double kBudgetNs = 250;
constexpr double kBudgetRatio = 2.5;

// How much of a body arrives at once.
constexpr size_t kPieceBytes = 257;
constexpr size_t kWholeBody = SIZE_MAX;

// Nanoseconds per event of one stream: with a decoder made for it, or with the one that decoded the streams
// before it of the same provider, as a client has one for a route; the body arrives at once, or in pieces.
struct Times {
  double whole = 0;
  double pieces = 0;
  double kept_whole = 0;
  double kept_pieces = 0;
  double theirs = 0;
};
using Ours = double Times::*;
constexpr std::array kTimes = {&Times::whole, &Times::pieces, &Times::kept_whole, &Times::kept_pieces,
                               &Times::theirs};

struct Recorded {
  std::string provider;
  std::string name;
  const wire::Dialect* dialect = nullptr;
  std::string body;
  std::vector<std::string> documents;
  Times times;

  double events() const { return static_cast<double>(documents.size()); }
  double ratio(Ours ours) const { return times.*ours / times.theirs; }
};
using Streams = std::vector<const Recorded*>;

// What on-demand reads of the events of a dialect.
ReadReference reference_of(const wire::Dialect& dialect) {
  const std::pair<const wire::Dialect*, ReadReference> own[] = {
      {&wire::openai_chat(), read_chat_chunk},
      {&wire::anthropic_messages(), read_message_event},
      {&wire::openai_responses(), read_response_event},
      {&wire::gemini_generate(), read_generated_chunk},
  };
  for (const auto& [known, reference] : own)
    if (known == &dialect) return reference;
  return read_strings;
}

Recorded make_recorded(const wire::test::Interaction& interaction) {
  Recorded out;
  out.provider = interaction.provider;
  out.name = interaction.name;
  out.dialect = wire::test::dialect_of(interaction.path);
  out.body = interaction.response;
  wire::FrameReader frames(out.dialect->framing());
  const Status framing = frames.feed(interaction.response, [&](std::string_view, std::string_view data) {
    if (data.starts_with('{')) out.documents.emplace_back(data);
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
        const wire::Dialect* dialect = wire::test::dialect_of(i.path);
        if (dialect != nullptr && i.status == 200 && wire::test::is_stream(dialect->framing(), i.response))
          out.push_back(make_recorded(i));
      },
      error);
  if (!read) fail(error);
  return out;
}

std::unique_ptr<wire::StreamDecoder> make_decoder(const Recorded& recorded) {
  wire::Quirks tolerant;
  tolerant.done_mark_optional = true;
  return recorded.dialect->stream_decoder(tolerant);
}

// From the bytes to the response, which is taken and let go as a client does it.
void decode_stream(const Recorded& recorded, size_t piece_bytes, wire::StreamDecoder& decoder) {
  CountSink sink;
  wire::FrameReader frames(recorded.dialect->framing());
  const auto on_event = [&](std::string_view type, std::string_view data) {
    return decoder.event(type, data, sink).ok();
  };
  std::string_view rest = recorded.body;
  while (!rest.empty()) {
    const std::string_view piece = rest.substr(0, piece_bytes);
    rest.remove_prefix(piece.size());
    if (!frames.feed(piece, on_event).ok()) fail("a recorded stream is malformed");
  }
  if (!decoder.end(sink).ok()) fail("a recorded stream is refused");
  const wire::Response response = decoder.take_response();
  keep(response);
  keep(sink.bytes);
}

double median(std::vector<double> values) {
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

// Per event, with all that happens once for a stream. The sides take turns.
void time_stream(Recorded& recorded) {
  Reference bare(reference_of(*recorded.dialect), recorded.documents);
  constexpr size_t kEvents = 2'000;
  constexpr size_t kSamples = 9;
  const size_t rounds = std::max<size_t>(1, kEvents / bare.size());
  const auto per_event = [&](const auto& round) {
    const int64_t begin = thread_cpu_ns();
    for (size_t n = 0; n < rounds; ++n) round();
    return static_cast<double>(thread_cpu_ns() - begin) / static_cast<double>(rounds * bare.size());
  };
  std::vector<double> whole;
  std::vector<double> pieces;
  std::vector<double> theirs;
  for (size_t sample = 0; sample < kSamples; ++sample) {
    whole.push_back(per_event([&] { decode_stream(recorded, kWholeBody, *make_decoder(recorded)); }));
    theirs.push_back(per_event([&] {
      for (size_t n = 0; n < bare.size(); ++n) bare.next();
    }));
    pieces.push_back(per_event([&] { decode_stream(recorded, kPieceBytes, *make_decoder(recorded)); }));
  }
  recorded.times.whole = median(std::move(whole));
  recorded.times.pieces = median(std::move(pieces));
  recorded.times.theirs = median(std::move(theirs));
}

// What reading the clock adds to what it measures.
double clock_ns() {
  std::vector<double> values;
  for (size_t n = 0; n < 1'001; ++n) {
    const int64_t begin = thread_cpu_ns();
    values.push_back(static_cast<double>(thread_cpu_ns() - begin));
  }
  return median(std::move(values));
}

// The streams of one provider and dialect, one after the other and again and again, with one decoder.
void time_route(const std::vector<Recorded*>& route, size_t piece_bytes, Ours to) {
  constexpr size_t kRounds = 51;
  const double clock = clock_ns();
  const auto decoder = make_decoder(*route.front());
  std::vector<std::vector<double>> samples(route.size());
  for (size_t round = 0; round < kRounds; ++round)
    for (size_t i = 0; i < route.size(); ++i) {
      const int64_t begin = thread_cpu_ns();
      decoder->reset();
      decode_stream(*route[i], piece_bytes, *decoder);
      samples[i].push_back(static_cast<double>(thread_cpu_ns() - begin) - clock);
    }
  for (size_t i = 0; i < route.size(); ++i)
    route[i]->times.*to = median(std::move(samples[i])) / route[i]->events();
}

void print_stream(const Recorded& r) {
  size_t bytes = 0;
  for (const std::string& document : r.documents) bytes += document.size();
  std::printf("%-11s %5zu events %6zu bytes %8.1f ns %8.1f ns kept %8.1f ns on-demand %6.2f %6.2f  %s\n",
              r.provider.c_str(), r.documents.size(), bytes / r.documents.size(), r.times.whole,
              r.times.kept_whole, r.times.theirs, r.ratio(&Times::whole), r.ratio(&Times::kept_whole),
              r.name.c_str());
}

// How many of the streams keep each limit.
struct Kept {
  double ns = 0;
  double ratio = 0;
  double both = 0;
};

Kept count_kept(const Streams& streams, Ours ours) {
  Kept kept;
  for (const Recorded* r : streams) {
    const bool is_fast = r->times.*ours <= kBudgetNs;
    const bool is_close = r->ratio(ours) <= kBudgetRatio;
    kept.ns += is_fast;
    kept.ratio += is_close;
    kept.both += is_fast && is_close;
  }
  return kept;
}

// Of all events of all streams together, so that a long stream counts as much as its events.
Times pooled(const Streams& streams) {
  Times sum;
  double events = 0;
  for (const Recorded* r : streams) {
    events += r->events();
    for (const Ours part : kTimes) sum.*part += r->times.*part * r->events();
  }
  for (const Ours part : kTimes) sum.*part /= events;
  return sum;
}

void print_summary(const std::string& what, const Streams& streams, Ours ours) {
  std::vector<double> ns;
  std::vector<double> ratios;
  for (const Recorded* r : streams) {
    ns.push_back(r->times.*ours);
    ratios.push_back(r->ratio(ours));
  }
  const Kept kept = count_kept(streams, ours);
  const Times all = pooled(streams);
  std::printf(
      "%-14s %4zu streams: %4.0f within %.0f ns, %4.0f within %.1f, %4.0f both; median %.1f ns, %.2f; "
      "worst %.1f ns, %.2f; pooled %.1f ns, %.2f\n",
      what.c_str(), streams.size(), kept.ns, kBudgetNs, kept.ratio, kBudgetRatio, kept.both, median(ns),
      median(ratios), *std::max_element(ns.begin(), ns.end()),
      *std::max_element(ratios.begin(), ratios.end()), all.*ours, all.*ours / all.theirs);
}

void report_streams(Report& report, const std::string& what, const Streams& streams, Ours ours) {
  std::vector<double> values;
  std::vector<double> theirs;
  for (const Recorded* r : streams) {
    values.push_back(r->times.*ours);
    theirs.push_back(r->times.theirs);
  }
  report.add("recorded_" + what, "ns", std::move(values), std::move(theirs));
}

// Beside each count, how many streams there are.
void report_all(Report& report, const std::string& how, const Streams& streams, Ours ours) {
  report_streams(report, "streams" + how, streams, ours);
  const Times all = pooled(streams);
  report.add("recorded_pooled" + how, "ns", {all.*ours}, {all.theirs});
  const Kept kept = count_kept(streams, ours);
  const auto count = static_cast<double>(streams.size());
  report.add("recorded_within_ns" + how, "streams", {kept.ns}, {count});
  report.add("recorded_within_ratio" + how, "streams", {kept.ratio}, {count});
  report.add("recorded_within_both" + how, "streams", {kept.both}, {count});
}

}  // namespace

void compare_recorded(Report& report) {
  std::vector<Recorded> streams = recorded_streams();
  if (streams.empty()) return;
  std::map<std::string, Streams> providers;
  Streams all;
  std::map<std::pair<std::string, std::string_view>, std::vector<Recorded*>> routes;
  for (Recorded& stream : streams) {
    providers[stream.provider].push_back(&stream);
    routes[{stream.provider, stream.dialect->name()}].push_back(&stream);
    all.push_back(&stream);
    time_stream(stream);
  }
  for (const auto& [name, route] : routes) {
    time_route(route, kWholeBody, &Times::kept_whole);
    time_route(route, kPieceBytes, &Times::kept_pieces);
  }
  for (const Recorded& stream : streams) print_stream(stream);
  for (const auto& [provider, of_provider] : providers)
    print_summary(provider, of_provider, &Times::kept_whole);
  print_summary("fresh", all, &Times::whole);
  print_summary("fresh, pieces", all, &Times::pieces);
  print_summary("kept", all, &Times::kept_whole);
  print_summary("kept, pieces", all, &Times::kept_pieces);
  for (const auto& [provider, of_provider] : providers)
    report_streams(report, provider, of_provider, &Times::kept_whole);
  report_all(report, "_fresh", all, &Times::whole);
  report_all(report, "_fresh_in_pieces", all, &Times::pieces);
  report_all(report, "", all, &Times::kept_whole);
  report_all(report, "_in_pieces", all, &Times::kept_pieces);
}

}  // namespace tau::bench
