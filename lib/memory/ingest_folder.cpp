#include "memory/ingest_folder.h"

#include <algorithm>
#include <array>
#include <unordered_set>

#include "crypto/crypto.h"
#include "json/json.h"
#include "memory/chunk_line.h"

namespace tau::memory {
namespace {

constexpr std::string_view kMarkName = "tau_file";
constexpr int64_t kTickNs = 2'000'000'000;  // the coarsest clock of a file system in use (FAT)

std::string_view name_of(std::string_view path) { return path.substr(path.rfind('/') + 1); }

// "a/b" is below "a", and below "".
bool is_below(std::string_view path, std::string_view folder) {
  if (folder.empty()) return true;
  return path.size() > folder.size() && path.starts_with(folder) && path[folder.size()] == '/';
}

// Braces mean themselves in ignore files.
std::string as_glob(std::string_view pattern) {
  std::string out;
  for (size_t i = 0; i < pattern.size(); ++i) {
    if (pattern[i] == '\\' && i + 1 < pattern.size()) {
      out.append(pattern.substr(i++, 2));
      continue;
    }
    if (pattern[i] == '{' || pattern[i] == '}') out += '\\';
    out += pattern[i];
  }
  return out;
}

}  // namespace

int64_t IgnoreRules::add(std::string_view folder, std::string_view text) {
  int64_t passed_over = 0;
  for (LineCursor lines(text); lines.next();) {
    std::string_view line = lines.line();
    while (line.ends_with(' ') && !line.ends_with("\\ ")) line.remove_suffix(1);
    if (line.empty() || line[0] == '#') continue;
    const bool takes_back = line[0] == '!';
    if (takes_back) line.remove_prefix(1);
    const bool folders_only = line.ends_with('/');
    if (folders_only) line.remove_suffix(1);
    // A pattern with a '/' is anchored; "./" anchors one that has none left.
    const bool anchored = line.find('/') != line.npos;
    if (line.starts_with('/')) line.remove_prefix(1);
    const bool bare = anchored && line.find('/') == line.npos;
    auto pattern = GlobPattern::compile((bare ? "./" : "") + as_glob(line));
    if (!pattern.ok()) {
      ++passed_over;
      continue;
    }
    rules_.push_back({std::string(folder), *std::move(pattern), takes_back, folders_only});
  }
  return passed_over;
}

bool IgnoreRules::ignores(std::string_view path, bool is_folder) const {
  for (auto rule = rules_.rbegin(); rule != rules_.rend(); ++rule) {
    if ((rule->folders_only && !is_folder) || !is_below(path, rule->folder)) continue;
    const size_t skip = rule->folder.empty() ? 0 : rule->folder.size() + 1;
    if (rule->pattern.matches(path.substr(skip))) return !rule->takes_back;
  }
  return false;
}

StatusOr<FolderFilter> FolderFilter::create(const FolderPolicy& policy) {
  FolderFilter filter(policy);
  for (const std::string& glob : policy.globs) {
    TAU_ASSIGN_OR_RETURN(GlobPattern pattern, GlobPattern::compile(glob));
    filter.globs_.push_back(std::move(pattern));
  }
  for (const std::string& line : policy.ignore) filter.ignore_.add("", line);
  return filter;
}

FolderFilter::Verdict FolderFilter::folder(std::string_view path) const {
  if (!policy_.hidden && name_of(path).starts_with('.')) return Verdict::kHidden;
  return ignore_.ignores(path, true) ? Verdict::kIgnored : Verdict::kTake;
}

FolderFilter::Verdict FolderFilter::file(std::string_view path, int64_t bytes) {
  if (!policy_.hidden && name_of(path).starts_with('.')) return Verdict::kHidden;
  if (ignore_.ignores(path, false)) return Verdict::kIgnored;
  const bool known = globs_.empty() ? !format_by_name(path).empty()
                                    : std::any_of(globs_.begin(), globs_.end(), [&](const GlobPattern& glob) {
                                        return glob.matches(path);
                                      });
  if (!known) return Verdict::kUnknownFormat;
  if (bytes > policy_.max_file_bytes) return Verdict::kTooLarge;
  if (taken_ >= policy_.max_files) return Verdict::kTooMany;
  ++taken_;
  return Verdict::kTake;
}

std::string_view verdict_name(FolderFilter::Verdict verdict) {
  constexpr std::array<std::string_view, 6> kNames = {"taken",          "hidden",    "ignored",
                                                      "unknown_format", "too_large", "too_many"};
  return kNames[static_cast<size_t>(verdict)];
}

std::string write_mark(const FileMark& mark) {
  std::string out;
  json::Writer(out)
      .begin_object()
      .field(kMarkName, kChunkVersion)
      .field("bytes", mark.bytes)
      .field("mtime_ns", mark.mtime_ns)
      .field("inode", static_cast<int64_t>(mark.inode))
      .field("seen_ns", mark.seen_ns)
      .field("digest", mark.digest)
      .end_object();
  return out;
}

std::optional<FileMark> read_mark(std::string_view text) {
  const auto value = json::parse(text);
  if (!value.ok() || (*value)[kMarkName].as_int() != kChunkVersion) return std::nullopt;
  FileMark mark;
  mark.bytes = (*value)["bytes"].as_int(-1);
  mark.mtime_ns = (*value)["mtime_ns"].as_int();
  mark.inode = static_cast<uint64_t>((*value)["inode"].as_int());
  mark.seen_ns = (*value)["seen_ns"].as_int();
  mark.digest = (*value)["digest"].as_string();
  if (mark.bytes < 0 || mark.digest.empty()) return std::nullopt;
  return mark;
}

std::string content_digest(std::string_view bytes, const ChunkOptions& options) {
  crypto::Blake2b hash;
  hash.update(
      format("{} {} {} {} ", kChunkVersion, options.target_bytes, options.max_bytes, options.overlap_bytes));
  hash.update(bytes);
  return crypto::hex(hash.finish());
}

Freshness freshness(const FileMark& mark, const FileMark& now) {
  const bool same = mark.bytes == now.bytes && mark.mtime_ns == now.mtime_ns && mark.inode == now.inode;
  const bool settled = mark.mtime_ns <= mark.seen_ns - kTickNs;
  return same && settled ? Freshness::kUnchanged : Freshness::kLook;
}

std::vector<std::string> vanished_sources(std::string_view top, const std::vector<std::string>& known,
                                          const std::vector<std::string>& seen,
                                          const std::vector<std::string>& unread) {
  const std::unordered_set<std::string_view> met(seen.begin(), seen.end());
  std::vector<std::string> gone;
  for (const std::string& source : known) {
    if (!is_below(source, top) || met.contains(source)) continue;
    const bool unknown = std::any_of(unread.begin(), unread.end(),
                                     [&](const std::string& folder) { return is_below(source, folder); });
    if (!unknown) gone.push_back(source);
  }
  std::sort(gone.begin(), gone.end());
  gone.erase(std::unique(gone.begin(), gone.end()), gone.end());
  return gone;
}

}  // namespace tau::memory
