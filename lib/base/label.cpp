#include "base/label.h"

#include <algorithm>
#include <iterator>

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

void sort_unique(std::vector<std::string>& names) {
  std::sort(names.begin(), names.end());
  names.erase(std::unique(names.begin(), names.end()), names.end());
}

// Calls f(prefix, name) for each source.
template <class F>
void for_each_source(const Labels& labels, F&& f) {
  for (const SourceName& s : kSources)
    if (labels.has(s.source)) f(std::string_view(), s.name);
  for (const std::string& t : labels.tools()) f(kToolPrefix, std::string_view(t));
}

}  // namespace

Labels Labels::from(Source source) {
  Labels labels;
  labels.sources_ = static_cast<uint32_t>(source);
  return labels;
}

Labels Labels::tool(std::string_view name) {
  Labels labels = from(Source::kTool);
  labels.tools_.emplace_back(name);
  return labels;
}

void Labels::restrict_readers(std::vector<std::string> readers) {
  Labels limit;
  limit.public_ = false;
  limit.readers_ = std::move(readers);
  sort_unique(limit.readers_);
  join(limit);
}

void Labels::join(const Labels& other) {
  sources_ |= other.sources_;
  if (!other.tools_.empty()) {
    tools_.insert(tools_.end(), other.tools_.begin(), other.tools_.end());
    sort_unique(tools_);
  }
  if (other.public_) return;
  if (public_) {
    public_ = false;
    readers_ = other.readers_;
    return;
  }
  std::vector<std::string> both;
  std::set_intersection(readers_.begin(), readers_.end(), other.readers_.begin(), other.readers_.end(),
                        std::back_inserter(both));
  readers_ = std::move(both);
}

std::string Labels::integrity() const {
  std::string out;
  for_each_source(*this, [&](std::string_view prefix, std::string_view name) {
    if (!out.empty()) out += ',';
    (out += prefix) += name;
  });
  return out;
}

std::string Labels::to_json() const {
  std::string out;
  out.reserve(64);
  out += R"({"integrity":[)";
  bool first = true;
  // Names are ids (is_valid_id), so nothing needs escaping.
  const auto item = [&](std::string_view prefix, std::string_view name) {
    out += first ? "\"" : ",\"";
    first = false;
    ((out += prefix) += name) += '"';
  };
  for_each_source(*this, item);
  out += R"(],"readers":[)";
  first = true;
  if (public_) item({}, "*");
  if (!public_)
    for (const std::string& r : readers_) item({}, r);
  out += "]}";
  return out;
}

StatusOr<Labels> parse_integrity(std::string_view text) {
  Labels labels;
  while (!text.empty()) {
    const size_t comma = text.find(',');
    const std::string_view name = text.substr(0, comma);
    text = comma == std::string_view::npos ? std::string_view() : text.substr(comma + 1);
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
