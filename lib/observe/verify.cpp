#include "observe/verify.h"

#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

#include "observe/chain.h"
#include "observe/folder.h"
#include "observe/walk.h"

namespace tau::observe {
namespace {

constexpr std::string_view kAnchored = "anchored head";
constexpr int64_t kLockPatienceMs = 5000;

// What there was to verify at one moment: later appends and cuts do not show.
struct View {
  std::string head;
  std::vector<Segment> segments;
  std::vector<os::Fd> files;
  std::vector<uint64_t> sizes;
};

StatusOr<View> look(const Folder& folder) {
  // A copy of a log has no lock and needs none.
  std::optional<os::FileLock> lock;
  if (folder.exists(kLockFile)) {
    auto held = os::FileLock::acquire(folder.path_of(kLockFile), kLockPatienceMs);
    if (held.ok())
      lock = *std::move(held);
    else if (held.status().reason() == "file_locked")
      return held.status();
  }
  View view;
  TAU_ASSIGN_OR_RETURN(view.head, folder.head());
  TAU_ASSIGN_OR_RETURN(view.segments, folder.segments());
  for (const Segment& segment : view.segments) {
    TAU_ASSIGN_OR_RETURN(os::Fd fd, folder.open_for_reading(segment.name));
    TAU_ASSIGN_OR_RETURN(const uint64_t size, size_of(fd.get()));
    view.files.push_back(std::move(fd));
    view.sizes.push_back(size);
  }
  return view;
}

struct Heads {
  std::optional<Head> own;
  std::optional<Head> anchored;
  const Head& newest() const { return own.has_value() ? *own : *anchored; }
};

// A fault of a head, if there is one.
Fault read_heads(const View& view, const VerifyOptions& options, Heads& out) {
  const auto read = [&](std::string_view text, std::string_view file, std::optional<Head>& head) -> Fault {
    if (text.empty()) return {};
    auto made = read_head(text, options.keys);
    if (!made.ok()) return {std::string(made.status().reason()), std::string(file), 1};
    head = *std::move(made);
    return {};
  };
  if (Fault fault = read(options.anchored_head, kAnchored, out.anchored); !fault.reason.empty()) return fault;
  if (Fault fault = read(view.head, kHeadFile, out.own); !fault.reason.empty()) return fault;
  if (!out.own && !out.anchored) return {"head_missing", std::string(kHeadFile), 1};
  if (out.own && out.anchored) {
    if (out.own->last.seq < out.anchored->last.seq) return {"head_replayed", std::string(kHeadFile), 1};
    if (out.anchored->last.seq + 1 < out.own->first_seq) return {"head_too_old", std::string(kAnchored), 1};
  }
  return {};
}

void note(const Fault& fault, Verification& out) {
  out.reason = fault.reason;
  out.file = fault.file;
  out.line = fault.line;
}

}  // namespace

StatusOr<Verification> verify(const VerifyOptions& options) {
  TAU_ASSIGN_OR_RETURN(const Folder folder, Folder::open(options.directory));
  TAU_ASSIGN_OR_RETURN(const View view, look(folder));
  Verification out;
  Heads heads;
  if (const Fault fault = read_heads(view, options, heads); !fault.reason.empty()) {
    note(fault, out);
    return out;
  }
  const Head& head = heads.newest();
  std::vector<Link> known = {Link(), {head.first_seq - 1, head.first_prev}, head.last};
  if (heads.own && heads.anchored) known.push_back(heads.anchored->last);
  Walk walk(std::move(known));
  if (!view.segments.empty() && view.segments[0].first_seq > head.first_seq) {
    note({"records_missing", view.segments[0].name, 0}, out);
    return out;
  }
  for (size_t i = 0; i < view.segments.size() && walk.ok(); ++i)
    TAU_RETURN_IF_ERROR(walk.file(view.segments[i], view.files[i].get(), view.sizes[i]));
  walk.finish();
  note(walk.fault(), out);
  out.records = walk.records();
  out.last_seq = walk.last().seq;
  out.last_hash = walk.last().hash;
  out.first_seq = out.last_seq - out.records + (out.records == 0 ? 0 : 1);
  out.signed_seq = std::min(head.last.seq, out.last_seq);
  out.key_id = head.key_id;
  return out;
}

}  // namespace tau::observe
