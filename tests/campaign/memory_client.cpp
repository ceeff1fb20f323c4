#include "memory_client.h"

#include <string_view>
#include <utility>

#include "memory_ledger.h"

namespace tau::campaign {
namespace {

tau_str str(const std::string& text) { return {text.data(), text.size()}; }
std::string text_of(tau_str s) { return s.data == nullptr ? std::string() : std::string(s.data, s.len); }

Answer answer_of(tau_status status, tau_buf& out, tau_error* err) {
  Answer answer;
  answer.status = status;
  if (status != TAU_OK) {
    answer.reason = text_of(tau_error_reason(err));
    answer.message = text_of(tau_error_message(err));
    tau_error_free(err);
  }
  if (out.data != nullptr) answer.text.assign(out.data, out.len);
  tau_buf_free(&out);
  auto parsed = json::parse(answer.text);
  if (parsed.ok()) answer.json = *std::move(parsed);
  return answer;
}

Answer not_open(const std::string& why) {
  Answer answer;
  answer.status = TAU_INTERNAL;
  answer.reason = "not_open";
  answer.message = why;
  return answer;
}

}  // namespace

std::string Answer::to_text() const {
  return ok() ? text : std::to_string(status) + " " + reason + ": " + message;
}

std::string MemoryHome::open(const std::string& home) {
  tau_runtime_options options = TAU_RUNTIME_OPTIONS_INIT;
  options.home = str(home);
  options.flags = TAU_RUNTIME_MANUAL;  // then it is closed when its last handle goes, not a moment later
  tau_error* err = nullptr;
  const tau_status status = tau_runtime_new(&options, &runtime_, &err);
  tau_buf none = {};
  return status == TAU_OK ? "" : "the home does not open: " + answer_of(status, none, err).to_text();
}

std::string MemoryHome::close() {
  if (runtime_ == nullptr) return {};
  tau_error* err = nullptr;
  const tau_status status = tau_runtime_stop(runtime_, -1, &err);
  tau_runtime_unref(std::exchange(runtime_, nullptr));
  tau_buf none = {};
  return status == TAU_OK ? "" : "the home does not close: " + answer_of(status, none, err).to_text();
}

MemoryHandle::MemoryHandle(const MemoryHome& home, const char* workspace, const char* channel,
                           const char* actor)
    : workspace_(workspace), channel_(channel), actor_(actor) {
  std::string scope;
  json::Writer w(scope);
  w.begin_object().field("workspace", workspace_);
  if (channel != nullptr) w.field("channel", channel);
  if (actor != nullptr) w.field("actor", actor);
  w.end_object();
  tau_error* err = nullptr;
  tau_buf none = {};
  const tau_status status = tau_memory_open(home.get(), str(scope), &memory_, &err);
  if (status != TAU_OK) why_ = answer_of(status, none, err).to_text();
}

MemoryHandle::~MemoryHandle() { tau_memory_unref(memory_); }

Answer MemoryHandle::perform(const std::string& request) const {
  if (memory_ == nullptr) return not_open(why_);
  tau_buf out = {};
  tau_error* err = nullptr;
  const tau_status status = tau_memory_perform(memory_, str(request), nullptr, 0, &out, &err);
  return answer_of(status, out, err);
}

Answer MemoryHandle::search(const std::string& request) const {
  if (memory_ == nullptr) return not_open(why_);
  tau_buf out = {};
  tau_error* err = nullptr;
  const tau_status status = tau_memory_search(memory_, str(request), nullptr, 0, &out, &err);
  return answer_of(status, out, err);
}

bool MemoryHandle::sees(int scope) const {
  const ScopeName& name = scope_name(scope);
  const auto covers = [](const char* bound, std::string_view part) {
    return bound == nullptr || part.empty() || part == bound;
  };
  return workspace_ == name.workspace && covers(channel_, name.channel) && covers(actor_, name.actor);
}

std::string MemoryHandle::to_text() const {
  return workspace_ + "/" + (channel_ == nullptr ? "*" : channel_) + "/" + (actor_ == nullptr ? "*" : actor_);
}

}  // namespace tau::campaign
