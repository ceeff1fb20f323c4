#include "base/label.h"

#include <algorithm>
#include <array>
#include <iterator>

#include "base/id.h"

namespace tau {
namespace {

struct SourceName {
  Source source;
  std::string_view name;
};

constexpr SourceName kSources[] = {
    {Source::kSystem, "system"}, {Source::kUser, "user"},     {Source::kWorkspace, "workspace"},
    {Source::kWeb, "web"},       {Source::kMemory, "memory"}, {Source::kModel, "model"},
};

constexpr std::string_view kToolPrefix = "tool:";

// Lists are texts: names, sorted and unique, with commas between.

// Takes the first name off a list.
std::string_view take_first(std::string_view& list) {
  const size_t comma = list.find(',');
  const std::string_view name = list.substr(0, comma);
  list = comma == std::string_view::npos ? std::string_view() : list.substr(comma + 1);
  return name;
}

void append_name(std::string& list, std::string_view name) {
  if (!list.empty()) list += ',';
  list += name;
}

void append_union(std::string& out, std::string_view a, std::string_view b) {
  while (!a.empty() || !b.empty()) {
    std::string_view rest_a = a;
    std::string_view rest_b = b;
    const std::string_view first_a = take_first(rest_a);
    const std::string_view first_b = take_first(rest_b);
    const bool from_a = !a.empty() && (b.empty() || first_a <= first_b);
    const bool from_b = !b.empty() && (a.empty() || first_b <= first_a);
    append_name(out, from_a ? first_a : first_b);
    if (from_a) a = rest_a;
    if (from_b) b = rest_b;
  }
}

bool contains(std::string_view list, std::string_view name) {
  while (!list.empty())
    if (take_first(list) == name) return true;
  return false;
}

// The names of all sources but kTool, made once for every set of them: labels join all the time.
const SharedString& names_of(uint32_t sources) {
  constexpr size_t kSets = 2 * static_cast<size_t>(Source::kModel);  // kModel is the highest bit
  static const std::array<SharedString, kSets>* const kNames = [] {
    auto* names = new std::array<SharedString, kSets>;
    for (size_t set = 0; set < kSets; ++set) {
      std::string list;
      for (const SourceName& s : kSources)
        if ((set & static_cast<size_t>(s.source)) != 0) append_name(list, s.name);
      (*names)[set] = list;
    }
    return names;
  }();
  return (*kNames)[sources];
}

// The part of the integrity of these sources that names tools: its end.
std::string_view tools_of(uint32_t sources, std::string_view integrity) {
  if ((sources & static_cast<uint32_t>(Source::kTool)) == 0) return {};
  const size_t others = names_of(sources).size();
  return integrity.substr(others == 0 ? 0 : others + 1);
}

void append_quoted(std::string& out, std::string_view list) {
  // Names are ids (is_valid_id), so nothing needs escaping.
  for (bool first = true; !list.empty(); first = false)
    ((out += first ? "\"" : ",\"") += take_first(list)) += '"';
}

}  // namespace

Labels Labels::from(Source source) {
  Labels labels;
  labels.sources_ = static_cast<uint32_t>(source);
  labels.integrity_ = names_of(labels.sources_);
  return labels;
}

Labels Labels::tool(std::string_view name) {
  Labels labels = from(Source::kTool);
  labels.integrity_ = SharedString::concat({kToolPrefix, name});
  return labels;
}

void Labels::restrict_readers(std::vector<std::string> readers) {
  std::sort(readers.begin(), readers.end());
  readers.erase(std::unique(readers.begin(), readers.end()), readers.end());
  std::string list;
  for (const std::string& name : readers)
    if (is_valid_id(name)) append_name(list, name);
  Labels limit;
  limit.public_ = false;
  limit.readers_ = list;
  join(limit);
}

// Whether joining `other` adds no source. Says no in doubt.
bool Labels::covers(const Labels& other) const {
  if ((sources_ | other.sources_) != sources_) return false;
  return !other.has(Source::kTool) ||
         tools_of(other.sources_, other.integrity_) == tools_of(sources_, integrity_);
}

void Labels::join_sources(const Labels& other) {
  if (covers(other)) return;
  if (other.covers(*this)) {
    sources_ = other.sources_;
    integrity_ = other.integrity_;
    return;
  }
  const std::string_view mine = tools_of(sources_, integrity_);
  const std::string_view theirs = tools_of(other.sources_, other.integrity_);
  sources_ |= other.sources_;
  const SharedString& names = names_of(sources_);
  if (!mine.empty() && !theirs.empty() && mine != theirs) {
    std::string all = names.str();
    append_union(all, mine, theirs);
    integrity_ = all;
    return;
  }
  const std::string_view tools = mine.empty() ? theirs : mine;
  const std::string_view comma = tools.empty() || names.empty() ? "" : ",";
  integrity_ = tools.empty() ? names : SharedString::concat({names, comma, tools});
}

void Labels::join(const Labels& other) {
  join_sources(other);
  if (other.public_) return;
  if (public_) {
    public_ = false;
    readers_ = other.readers_;
    return;
  }
  std::string both;
  for (std::string_view mine = readers_; !mine.empty();)
    if (const std::string_view name = take_first(mine); contains(other.readers_, name))
      append_name(both, name);
  readers_ = both;
}

std::string Labels::to_json() const {
  std::string out;
  out.reserve(64);
  out += R"({"integrity":[)";
  append_quoted(out, integrity_);
  out += R"(],"readers":[)";
  append_quoted(out, public_ ? std::string_view("*") : readers_.view());
  out += "]}";
  return out;
}

StatusOr<Labels> parse_integrity(std::string_view text) {
  Labels labels;
  while (!text.empty()) {
    const std::string_view name = take_first(text);
    if (name.starts_with(kToolPrefix)) {
      labels.join(Labels::tool(name.substr(kToolPrefix.size())));
      continue;
    }
    const auto* known = std::find_if(std::begin(kSources), std::end(kSources),
                                     [&](const SourceName& s) { return s.name == name; });
    if (known == std::end(kSources))
      return invalid_argument("unknown_label", "unknown integrity label \"" + std::string(name) + "\"");
    labels.join(Labels::from(known->source));
  }
  return labels;
}

}  // namespace tau
