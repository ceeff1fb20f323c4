// Sessions: durable conversations.
#ifndef TAU_SESSION_HPP
#define TAU_SESSION_HPP

#include <tau/session.h>

#include <tau/run.hpp>

namespace tau {
inline namespace v0 {

// A conversation; agent.session() opens one. One run at a time writes it.
// Thread: any.
class Session : public detail::Handle<tau_session, tau_session_unref> {
 public:
  using Handle::Handle;

  // Another owner of the same session.
  Session share() const noexcept { return Session(tau_session_ref(c())); }

  // A view that lives as long as the session.
  std::string_view id() const& noexcept { return detail::view(tau_session_id(c())); }
  std::string_view id() const&& = delete;

  // Starts a run and returns at once; the rest comes as events (tau_run_start).
  // Errors: kInvalidArgument that names the member; kUnavailable "session_busy" while another run writes the
  // session; kFailedPrecondition "run_open" when an earlier run was cut off and must be resumed or given up
  // first.
  Result<Run> run(const RunOptions& options) const {
    const auto blobs = detail::c_blobs(options.blobs);
    tau_run_options o;
    tau_run_options_init(&o, sizeof o);
    o.flags = detail::flag(options.resume, TAU_RUN_RESUME) | detail::flag(options.quiet, TAU_RUN_QUIET);
    o.prompt = detail::str(options.prompt);
    o.options = detail::str(options.options);
    o.queue = options.queue == nullptr ? nullptr : options.queue->c();
    o.userdata = options.userdata;
    o.traceparent = detail::str(options.traceparent);
    o.deadline_ms = options.deadline_ms;
    o.blobs = blobs.data();
    o.blob_count = blobs.size();
    return detail::make<Run>(tau_run_start, c(), &o);
  }
  Result<Run> run(std::string_view prompt) const {
    RunOptions options;
    options.prompt = prompt;
    return run(options);
  }

  // Title, head, counts, usage, cost, and `open_run` when one was cut off, as JSON (tau_session_describe).
  Result<Text> describe() const { return detail::text_of(tau_session_describe, c()); }

  // The whole conversation as JSON (tau_session_export).
  // Errors: kDataLoss when records are damaged.
  Result<Text> export_json() const { return detail::text_of(tau_session_export, c()); }

  // A session that begins with this conversation, up to the message `entry` (empty: all of it), under `id`
  // (empty: a new one) (tau_session_fork).
  // Errors: kNotFound "no_such_entry"; kAlreadyExists "session_exists".
  Result<Session> fork(std::string_view entry = {}, std::string_view id = {}) const {
    return detail::make<Session>(tau_session_fork, c(), detail::str(entry), detail::str(id));
  }
};

}  // namespace v0
}  // namespace tau

#endif
