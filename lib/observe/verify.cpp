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

// What there was to verify at one moment: later appends do not show. Files other than the last do not change.
struct View {
  std::string head;
  std::vector<Segment> segments;
  uint64_t last_size = 0;
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
  if (!view.segments.empty()) {
    TAU_ASSIGN_OR_RETURN(const os::Fd fd, folder.open_for_reading(view.segments.back().name));
    TAU_ASSIGN_OR_RETURN(view.last_size, size_of(fd.get()));
  }
  return view;
}

Status walk_all(const Folder& folder, const View& view, Walk& walk) {
  for (size_t i = 0; i < view.segments.size() && walk.ok(); ++i) {
    auto fd = folder.open_for_reading(view.segments[i].name);
    if (!fd.ok() && fd.status().reason() == "file_not_found")
      return Status(Code::kAborted, "audit_log_changed", "files of the audit log were removed meanwhile");
    if (!fd.ok()) return fd.status();
    const bool last = i + 1 == view.segments.size();
    TAU_RETURN_IF_ERROR(walk.file(view.segments[i], fd->get(), last ? view.last_size : UINT64_MAX));
  }
  walk.finish();
  return ok_status();
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
  TAU_RETURN_IF_ERROR(walk_all(folder, view, walk));
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
