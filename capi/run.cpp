#include "tau/run.h"

#include "handles.h"

using namespace tau::capi;
using tau::Status;
using tau::runtime::Run;
using tau::runtime::RunOptions;

namespace {

tau::StatusOr<std::vector<tau::wire::Media>> convert_blobs(const tau_blob* blobs, size_t count) {
  std::vector<tau::wire::Media> out;
  if (count > 0 && blobs == nullptr) return null_argument("blobs");
  for (size_t i = 0; i < count; ++i) {
    tau::wire::Media media;
    TAU_ASSIGN_OR_RETURN(media.mime, text(blobs[i].mime, "blob.mime"));
    TAU_ASSIGN_OR_RETURN(media.name, text(blobs[i].name, "blob.name"));
    if (blobs[i].data == nullptr && blobs[i].len > 0) return null_argument("blob.data");
    media.data.assign(static_cast<const char*>(blobs[i].data), blobs[i].len);
    out.push_back(std::move(media));
  }
  return out;
}

tau::StatusOr<RunOptions> convert(const tau_run_options& o) {
  if ((o.flags & ~static_cast<tau_run_flags>(TAU_RUN_RESUME | TAU_RUN_QUIET)) != 0)
    return Status(tau::Code::kUnimplemented, "unknown_flag", "unknown flag in options.flags");
  if (o.deadline_ms < 0) return tau::invalid_argument("bad_deadline", "options.deadline_ms is negative");
  RunOptions options;
  options.resume = (o.flags & TAU_RUN_RESUME) != 0;
  options.quiet = (o.flags & TAU_RUN_QUIET) != 0;
  TAU_ASSIGN_OR_RETURN(options.prompt, text(o.prompt, "options.prompt"));
  TAU_ASSIGN_OR_RETURN(options.options_json, text(o.options, "options.options"));
  TAU_ASSIGN_OR_RETURN(options.traceparent, text(o.traceparent, "options.traceparent"));
  TAU_ASSIGN_OR_RETURN(options.blobs, convert_blobs(o.blobs, o.blob_count));
  if (o.queue != nullptr) options.queue = o.queue->object;
  options.userdata = o.userdata;
  options.deadline_ms = o.deadline_ms;
  return options;
}

}  // namespace

void tau_run_options_init(tau_run_options* options, uint32_t struct_size) {
  const tau_run_options defaults = TAU_RUN_OPTIONS_INIT;
  init_options(options, struct_size, defaults);
}

tau_status tau_run_start(tau_session* session, const tau_run_options* options, tau_run** out,
                         tau_error** err) {
  if (out != nullptr) *out = nullptr;
  return guard(err, [&]() -> Status {
    if (session == nullptr) return null_argument("session");
    if (out == nullptr) return null_argument("out");
    tau_run_options o = TAU_RUN_OPTIONS_INIT;
    TAU_RETURN_IF_ERROR(read_options(options, &o, "options"));
    TAU_ASSIGN_OR_RETURN(RunOptions converted, convert(o));
    if (o.queue != nullptr && o.queue->runtime != session->object->agent()->runtime())
      return tau::invalid_argument("foreign_queue", "options.queue is of another runtime");
    // Handles first: once the run is under way nothing may fail any more. The queue is lent as a handle that
    // lives as long as the run.
    auto run = std::make_unique<tau_run>();
    run->queue = o.queue != nullptr ? ref(o.queue) : new tau_queue;
    TAU_ASSIGN_OR_RETURN(run->object, session->object->start(std::move(converted)));
    if (o.queue == nullptr) {
      run->queue->object = run->object->queue();
      run->queue->runtime = run->object->session()->agent()->runtime();
    }
    *out = run.release();
    return tau::ok_status();
  });
}

void tau_run_unref(tau_run* run) { unref(run); }
tau_str tau_run_id(const tau_run* run) {
  return run == nullptr ? tau_str{nullptr, 0} : view(run->object->id());
}
tau_queue* tau_run_queue(const tau_run* run) { return run == nullptr ? nullptr : run->queue; }

tau_status tau_run_submit(tau_run* run, tau_str op, const tau_blob* blobs, size_t blob_count,
                          tau_error** err) {
  return guard(err, [&]() -> Status {
    if (run == nullptr) return null_argument("run");
    TAU_ASSIGN_OR_RETURN(const std::string_view json, text(op, "op"));
    TAU_ASSIGN_OR_RETURN(auto media, convert_blobs(blobs, blob_count));
    return run->object->submit(json, std::move(media));
  });
}

void tau_run_cancel(tau_run* run) {
  if (run != nullptr) run->object->cancel();
}

tau_status tau_run_wait(tau_run* run, int32_t timeout_ms, tau_buf* out, tau_error** err) {
  if (out != nullptr) *out = {nullptr, 0, nullptr};
  return guard(err, [&]() -> Status {
    if (run == nullptr) return null_argument("run");
    if (out == nullptr) return null_argument("out");
    tau::Code code = tau::Code::kOk;
    TAU_ASSIGN_OR_RETURN(std::string outcome, run->object->wait(timeout_ms, &code));
    const Status failure =
        code == tau::Code::kOk ? tau::ok_status() : tau::runtime::outcome_status(outcome, code);
    TAU_RETURN_IF_ERROR(fill(out, std::move(outcome)));
    return failure;
  });
}

tau_status tau_run_replay(tau_runtime* runtime, tau_str run_id, tau_buf* out, tau_error** err) {
  if (out != nullptr) *out = {nullptr, 0, nullptr};
  return guard(err, [&]() -> Status {
    if (runtime == nullptr) return null_argument("runtime");
    if (out == nullptr) return null_argument("out");
    TAU_RETURN_IF_ERROR(runtime->object->check());
    TAU_ASSIGN_OR_RETURN(const std::string_view id, text(run_id, "run_id"));
    bool identical = false;
    TAU_ASSIGN_OR_RETURN(std::string report, runtime->object->replay(id, &identical));
    TAU_RETURN_IF_ERROR(fill(out, std::move(report)));
    if (identical) return tau::ok_status();
    return tau::data_loss("replay_diverged", "the engine answers differently from what was recorded");
  });
}
