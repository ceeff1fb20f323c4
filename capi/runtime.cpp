#include "tau/runtime.h"

#include "handles.h"

using namespace tau::capi;
using tau::Status;
using tau::runtime::Runtime;
using tau::runtime::RuntimeOptions;

namespace {

tau::runtime::LogFn log_function(const tau_runtime_options& o) {
  if (o.log == nullptr) return nullptr;
  return [log = o.log, userdata = o.log_userdata](tau::runtime::LogLevel level, std::string_view module,
                                                  std::string_view message) {
    const tau_log_record record = {sizeof record, static_cast<tau_log_level>(level), view(module),
                                   view(message)};
    log(userdata, &record);
  };
}

tau::StatusOr<RuntimeOptions> convert(const tau_runtime_options& o) {
  constexpr tau_runtime_flags kKnown = TAU_RUNTIME_MANUAL | TAU_RUNTIME_USE_ENVIRONMENT |
                                       TAU_RUNTIME_USE_CONFIG_FILES | TAU_RUNTIME_NO_STORE |
                                       TAU_RUNTIME_READ_ONLY;
  if ((o.flags & ~kKnown) != 0)
    return Status(tau::Code::kUnimplemented, "unknown_flag", "unknown flag in options.flags");
  RuntimeOptions options;
  options.manual = (o.flags & TAU_RUNTIME_MANUAL) != 0;
  options.use_environment = (o.flags & TAU_RUNTIME_USE_ENVIRONMENT) != 0;
  options.use_config_files = (o.flags & TAU_RUNTIME_USE_CONFIG_FILES) != 0;
  options.no_store = (o.flags & TAU_RUNTIME_NO_STORE) != 0;
  options.read_only = (o.flags & TAU_RUNTIME_READ_ONLY) != 0;
  if (options.no_store && options.read_only)
    return tau::invalid_argument("invalid_flags",
                                 "TAU_RUNTIME_READ_ONLY needs a store: not with TAU_RUNTIME_NO_STORE");
  TAU_ASSIGN_OR_RETURN(options.home, text(o.home, "options.home"));
  TAU_ASSIGN_OR_RETURN(options.workspace, text(o.workspace, "options.workspace"));
  TAU_ASSIGN_OR_RETURN(options.config_json, text(o.config, "options.config"));
  TAU_ASSIGN_OR_RETURN(options.exec_helper, text(o.exec_helper, "options.exec_helper"));
  if (o.vault != nullptr) options.vault = o.vault->object;
  options.loops = o.loops == 0 ? 1 : o.loops;
  options.workers = o.workers == 0 ? 2 : o.workers == TAU_NO_WORKERS ? 0 : o.workers;
  options.log = log_function(o);
  options.log_level =
      o.log_level == 0 ? tau::runtime::LogLevel::kWarn : static_cast<tau::runtime::LogLevel>(o.log_level);
  return options;
}

}  // namespace

void tau_runtime_options_init(tau_runtime_options* options, uint32_t struct_size) {
  const tau_runtime_options defaults = TAU_RUNTIME_OPTIONS_INIT;
  init_options(options, struct_size, defaults);
}

tau_status tau_runtime_new(const tau_runtime_options* options, tau_runtime** out, tau_error** err) {
  if (out != nullptr) *out = nullptr;
  return guard(err, [&]() -> Status {
    if (out == nullptr) return null_argument("out");
    tau_runtime_options o = TAU_RUNTIME_OPTIONS_INIT;
    if (options == nullptr) o.flags = TAU_RUNTIME_NO_STORE;
    TAU_RETURN_IF_ERROR(read_options(options, &o, "options"));
    TAU_ASSIGN_OR_RETURN(RuntimeOptions converted, convert(o));
    return hand_out(Runtime::open(std::move(converted)), out);
  });
}

tau_runtime* tau_runtime_ref(tau_runtime* runtime) { return ref(runtime); }
void tau_runtime_unref(tau_runtime* runtime) { unref(runtime); }

tau_status tau_runtime_stop(tau_runtime* runtime, int32_t timeout_ms, tau_error** err) {
  return guard(err, [&]() -> Status {
    if (runtime == nullptr) return null_argument("runtime");
    TAU_RETURN_IF_ERROR(runtime->object->check());
    return runtime->object->stop(timeout_ms);
  });
}

uint32_t tau_runtime_loops(const tau_runtime* runtime) {
  return runtime == nullptr ? 0 : runtime->object->loops();
}

int32_t tau_runtime_fd(const tau_runtime* runtime, uint32_t loop) {
  return runtime == nullptr ? -1 : runtime->object->fd(loop);
}

tau_status tau_runtime_process(tau_runtime* runtime, uint32_t loop, int32_t timeout_ms, tau_error** err) {
  return guard(err, [&]() -> tau_status {
    if (runtime == nullptr) return fail(null_argument("runtime"), err);
    if (const Status forked = runtime->object->check(); !forked.ok()) return fail(forked, err);
    const auto ran = runtime->object->process(loop, timeout_ms);
    if (!ran.ok()) return fail(ran.status(), err);
    return *ran ? TAU_OK : TAU_AGAIN;
  });
}

tau_status tau_runtime_borrow_loop(tau_runtime* runtime, uint32_t loop, tau_error** err) {
  return guard(err, [&]() -> Status {
    if (runtime == nullptr) return null_argument("runtime");
    TAU_RETURN_IF_ERROR(runtime->object->check());
    return runtime->object->borrow_loop(loop);
  });
}

tau_status tau_runtime_return_loop(tau_runtime* runtime, uint32_t loop, tau_error** err) {
  return guard(err, [&]() -> Status {
    if (runtime == nullptr) return null_argument("runtime");
    TAU_RETURN_IF_ERROR(runtime->object->check());
    return runtime->object->return_loop(loop);
  });
}

tau_status tau_runtime_perform(tau_runtime* runtime, tau_str request, tau_buf* out, tau_error** err) {
  return give_json(runtime, "runtime", out, err, [&]() -> tau::StatusOr<std::string> {
    TAU_RETURN_IF_ERROR(runtime->object->check());
    TAU_ASSIGN_OR_RETURN(const std::string_view asked, text(request, "request"));
    return runtime->object->perform(asked);
  });
}

tau_status tau_runtime_describe(tau_runtime* runtime, tau_buf* out, tau_error** err) {
  if (out != nullptr) *out = {nullptr, 0, nullptr};
  return guard(err, [&]() -> Status {
    if (runtime == nullptr) return null_argument("runtime");
    if (out == nullptr) return null_argument("out");
    TAU_RETURN_IF_ERROR(runtime->object->check());
    return fill(out, runtime->object->describe());
  });
}
