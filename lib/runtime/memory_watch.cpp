#include "runtime/memory_watch.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "base/utc.h"

namespace tau::runtime {
namespace {

using memory::WatchQueue;
using Due = memory::WatchQueue::Due;

constexpr int64_t kFirstAgainMs = 1'000;
constexpr int64_t kMostAgainMs = 60'000;
constexpr int64_t kRestPerScan = 10;  // of polling: at most a tenth of the time is spent on looking
constexpr int64_t kSlackMs = 20;      // of the clock of a file system
constexpr size_t kMostTold = 1'000;

WatchQueue::Touch touch_of(os::FolderHint::What what) {
  switch (what) {
    case os::FolderHint::What::kWriting: return WatchQueue::Touch::kWriting;
    case os::FolderHint::What::kMoved: return WatchQueue::Touch::kMoved;
    case os::FolderHint::What::kChanged: break;
  }
  return WatchQueue::Touch::kChanged;
}

bool is_gone(const Status& status) {
  return status.code() == Code::kNotFound || status.reason() == "not_a_directory";
}

std::string_view name_of(const IngestChange& change) {
  switch (change.what) {
    case IngestChange::What::kIngested: return "ingested";
    case IngestChange::What::kGone: return "gone";
    case IngestChange::What::kFailed: break;
  }
  return "failed";
}

void write_change(json::Writer& w, int64_t number, int64_t time_ms, const IngestChange& change) {
  w.begin_object().field("number", number).field("time", utc_text_ms(time_ms));
  w.field("path", repair_utf8(change.path)).field("what", name_of(change));
  if (change.what == IngestChange::What::kFailed) {
    w.field("reason", change.reason).field("message", repair_utf8(change.message));
  } else {
    w.field("added", change.added).field("moved", change.moved).field("vanished", change.vanished);
    w.field("returned", change.returned).field("extracted", change.extracted);
  }
  w.end_object();
}

void write_status(json::Writer& w, std::string_view key, const Status& status) {
  if (status.ok()) return;
  w.key(key).begin_object().field("reason", status.reason());
  w.field("message", repair_utf8(status.message())).end_object();
}

}  // namespace

FolderWatch::FolderWatch(WatchAsk asked, std::unique_ptr<os::FolderEvents> events, Clock& clock)
    : asked_(std::move(asked)), events_(std::move(events)), clock_(clock), queue_(asked_.timing) {
  queue_.look_at("", now_ms());
}

bool FolderWatch::wait() {
  const auto hints = events_->wait(queue_.wait_ms(now_ms()));
  if (!hints.ok()) {
    const std::lock_guard lock(mutex_);
    polls_ = hints.status();
    queue_.look_at("", now_ms() + asked_.poll_ms);
    return true;
  }
  for (const os::FolderHint& hint : *hints) queue_.touch(hint.path, touch_of(hint.what), now_ms());
  const std::lock_guard lock(mutex_);
  backlog_ = static_cast<int64_t>(queue_.size());
  return !hints->empty();
}

bool FolderWatch::is_due() const { return queue_.wait_ms(now_ms()) == 0; }

bool FolderWatch::look(Memory& memory) {
  wrote_ = false;
  const int64_t now = now_ms();
  while (!stop_) {
    const auto due = queue_.take(now);
    if (!due) break;
    unwatched_ = ok_status();
    const Status status = look_at(memory, *due);
    if (!status.ok()) failed(*due, status);
    const std::lock_guard lock(mutex_);
    backlog_ = static_cast<int64_t>(queue_.size());
    failure_ = status;
    if (!unwatched_.ok() || (due->path.empty() && status.ok())) polls_ = unwatched_;
    scanned_ = scanned_ || (due->path.empty() && status.ok() && !stop_);
    if (status.ok()) failures_ = 0;
    if (status.ok() && !polls_.ok()) poll_again(due->path.empty() ? now_ms() - now : 0);
    news_.notify_all();
  }
  return wrote_;
}

Status FolderWatch::look_at(Memory& memory, const Due& due) {
  asked_.ingest.options.now_ms = memory.engine().clock().wall_ms();
  Ingesting ingesting(memory, asked_.ingest, this, &stop_);
  TAU_RETURN_IF_ERROR(ingesting.open());
  if (!ingesting.is_folder())
    return failed_precondition("not_a_directory", format("\"{}\" is a folder no more", asked_.ingest.path));
  going_ = &ingesting;
  const Status status = ingesting.look(due.path, due.moved);
  going_ = nullptr;
  count(ingesting);
  return status;
}

void FolderWatch::count(const Ingesting& ingesting) {
  const std::lock_guard lock(mutex_);
  counts_.add(ingesting.counts());
  going_counts_ = {};
  const IngestExtraction* const extraction = ingesting.extraction();
  if (extraction == nullptr) return;
  IngestExtractAsk& left = *asked_.ingest.extract;
  left.max_questions = std::max<int64_t>(0, left.max_questions - extraction->questions());
  left.max_extracted = std::max<int64_t>(0, left.max_extracted - extraction->memories());
  questions_ += extraction->questions();
  extracted_ += extraction->memories();
  wrote_ = wrote_ || extraction->memories() > 0;
  if (extraction->questions() > 0 || !extraction->problem().ok()) extract_problem_ = extraction->problem();
  // The model may be there again later; what waits for it is asked then.
  if (extraction->problem().retryable()) queue_.look_at("", now_ms() + kMostAgainMs);
}

// Of the folder or of the store: it is tried again, ever more seldom.
void FolderWatch::failed(const Due& due, const Status& status) {
  const int64_t pause_ms =
      is_gone(status) ? asked_.poll_ms : std::min(kMostAgainMs, kFirstAgainMs << std::min(failures_, 16));
  ++failures_;
  if (due.moved) queue_.touch(due.path, WatchQueue::Touch::kMoved, now_ms() + pause_ms);
  queue_.look_at(due.path, now_ms() + pause_ms);
  const std::lock_guard lock(mutex_);
  last_error_ = {due.path, std::string(status.reason()), std::string(status.message()), clock_.wall_ms()};
}

// Under the lock.
void FolderWatch::poll_again(int64_t took_ms) {
  poll_ms_ = std::max(asked_.poll_ms, took_ms * kRestPerScan);
  queue_.look_at("", now_ms() + poll_ms_);
}

void FolderWatch::enters(std::string_view folder) {
  const Status status = events_->watch(folder);
  // One that is gone again is told of by its parent.
  if (!status.ok() && !is_gone(status) && unwatched_.ok()) unwatched_ = status;
}

// A file that was written a moment ago is left alone for as long as one that there is a hint of.
bool FolderWatch::takes(const std::string& path, const os::FileInfo& info) {
  const int64_t age_ms = clock_.wall_ms() - info.mtime_ns / kNanosPerMilli;
  const int64_t now = now_ms();
  const bool fresh = age_ms >= 0 && age_ms + kSlackMs < asked_.timing.quiet_ms;
  const auto since = unsettled_.find(path);
  const bool waited = since != unsettled_.end() && now - since->second >= asked_.timing.most_ms;
  if (!fresh || waited || unsettled_.size() >= asked_.timing.max_paths) {
    if (since != unsettled_.end()) unsettled_.erase(since);
    return true;
  }
  unsettled_.emplace(path, now);
  queue_.touch(path, WatchQueue::Touch::kChanged, now);
  return false;
}

void FolderWatch::changed(IngestChange change) {
  if (change.what == IngestChange::What::kFailed) {
    if (failing_.size() >= kMostTold) failing_.clear();
    std::string& told = failing_[change.path];
    if (told == change.reason) return;  // again
    told = change.reason;
  } else {
    failing_.erase(change.path);
    wrote_ = true;
  }
  const std::lock_guard lock(mutex_);
  // Who is told of a change finds it in the counts.
  if (going_ != nullptr) going_counts_ = going_->counts();
  const int64_t time_ms = clock_.wall_ms();
  if (change.what == IngestChange::What::kFailed)
    last_error_ = {change.path, change.reason, change.message, time_ms};
  if (changes_.size() == kMostChanges) changes_.pop_front();
  changes_.push_back({++number_, time_ms, std::move(change)});
  news_.notify_all();
}

void FolderWatch::end(Status why) {
  const std::lock_guard lock(mutex_);
  over_ = true;
  ended_ = std::move(why);
  news_.notify_all();
}

bool FolderWatch::is_over() const {
  const std::lock_guard lock(mutex_);
  return over_ || stop_;
}

void FolderWatch::stop() {
  stop_ = true;
  events_->wake();
  const std::lock_guard lock(mutex_);
  news_.notify_all();
}

void FolderWatch::wait_change(int64_t after, int64_t timeout_ms) const {
  std::unique_lock lock(mutex_);
  news_.wait_for(lock, std::chrono::milliseconds(timeout_ms),
                 [&] { return number_ > after || over_ || stop_; });
}

std::string_view FolderWatch::state() const {
  if (over_ || stop_) return "ended";
  if (is_gone(failure_)) return "folder_gone";
  if (!failure_.ok()) return "failing";
  if (!scanned_) return "scanning";
  return polls_.ok() ? "watching" : "polling";
}

void FolderWatch::write(json::Writer& w, bool changes, int64_t after) const {
  const std::lock_guard lock(mutex_);
  w.field("path", repair_utf8(asked_.ingest.path)).field("state", state());
  if (!polls_.ok()) w.field("poll_ms", poll_ms_);
  write_status(w, "polls", polls_);
  write_status(w, "ended", ended_);
  w.field("backlog", backlog_).key("counts").begin_object();
  IngestCounts counts = counts_;
  counts.add(going_counts_);
  counts.write(w);
  w.end_object();
  if (asked_.ingest.extract) {
    w.key("extract").begin_object().field("questions", questions_).field("memories", extracted_);
    write_status(w, "error", extract_problem_);
    w.end_object();
  }
  if (last_error_) {
    w.key("last_error").begin_object().field("path", repair_utf8(last_error_->path));
    w.field("reason", last_error_->reason).field("message", repair_utf8(last_error_->message));
    w.field("time", utc_text_ms(last_error_->time_ms)).end_object();
  }
  w.field("last", number_);
  if (!changes) return;
  w.key("changes").begin_array();
  for (const Change& each : changes_)
    if (each.number > after) write_change(w, each.number, each.time_ms, each.change);
  w.end_array();
}

}  // namespace tau::runtime
