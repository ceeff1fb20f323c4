#include "tau/model.h"

#include "handles.h"
#include "host_userdata.h"

using namespace tau::capi;
using tau::Status;
namespace provider = tau::provider;

namespace {

tau_model_call names_of(const provider::HostCall& call) {
  tau_model_call shown = {};
  shown.struct_size = sizeof shown;
  shown.run_id = view(call.run_id);
  shown.session_id = view(call.session_id);
  shown.call_id = view(call.call_id);
  shown.request_id = view(call.request_id);
  shown.model = view(call.model);
  shown.timeout_ms = call.timeout_ms;
  return shown;
}

}  // namespace

// The host's end of a call. Two hold it: the host until it ends the reply, and the worker while it is in
// `invoke`.
struct tau_model_reply {
  tau_model_reply(std::shared_ptr<const provider::HostCall> c, std::shared_ptr<provider::HostReply> r,
                  std::shared_ptr<HostUserdata> u)
      : call(std::move(c)), reply(std::move(r)), userdata(std::move(u)) {
    blobs.reserve(call->blobs.size());
    for (const auto& media : call->blobs)
      blobs.push_back({view(media.mime), view(media.name), media.data.data(), media.data.size()});
    shown = names_of(*call);
    shown.request = view(call->request);
    shown.path = view(call->path);
    shown.blobs = blobs.empty() ? nullptr : blobs.data();
    shown.blob_count = blobs.size();
  }

  const std::shared_ptr<const provider::HostCall> call;
  const std::shared_ptr<provider::HostReply> reply;
  std::shared_ptr<HostUserdata> userdata;
  std::vector<tau_blob> blobs;
  tau_model_call shown = {};
  std::atomic<int> holders{2};
};

namespace {

struct LetGo {
  void operator()(tau_model_reply* reply) const noexcept {
    if (reply->holders.fetch_sub(1, std::memory_order_acq_rel) == 1) delete reply;
  }
};
using Held = std::unique_ptr<tau_model_reply, LetGo>;

// Whoever throws may have kept the reply, or forgotten it: the handle stays the host's, and the rest is free.
void run(tau_model_invoke_fn invoke, const Held& held) noexcept {
  try {
    invoke(held->userdata->data, &held->shown, held.get());
    return;
  } catch (...) {}
  held->userdata.reset();
  try {
    held->reply->end(tau::unavailable("model_threw", held->call->model + " let an exception escape"));
  } catch (const std::bad_alloc&) { held->reply->end(Status::out_of_memory()); }
}

tau::runtime::HostModelHooks make_hooks(const tau_model& m, const std::shared_ptr<HostUserdata>& userdata) {
  tau::runtime::HostModelHooks hooks;
  hooks.keep_alive = userdata;
  if (m.invoke == nullptr) return hooks;
  hooks.invoke = [invoke = m.invoke, userdata](std::shared_ptr<const provider::HostCall> call,
                                               std::shared_ptr<provider::HostReply> reply) {
    provider::HostReply& way_back = *reply;
    try {
      run(invoke, Held(new tau_model_reply(std::move(call), std::move(reply), userdata)));
    } catch (const std::bad_alloc&) { way_back.end(Status::out_of_memory()); }
  };
  if (m.cancel != nullptr)
    hooks.cancel = [cancel = m.cancel, userdata](const provider::HostCall& call) {
      const tau_model_call shown = names_of(call);
      cancel(userdata->data, &shown);
    };
  return hooks;
}

Status add(tau_runtime& runtime, const tau_model& given) {
  tau_model m = TAU_MODEL_INIT;
  TAU_RETURN_IF_ERROR(read_options(&given, &m, "model"));
  if (m.reserved != 0) return Status(tau::Code::kUnimplemented, "unknown_flag", "model.reserved is not 0");
  TAU_ASSIGN_OR_RETURN(const std::string_view document, text(m.document, "model.document"));
  const auto userdata = std::make_shared<HostUserdata>(m.userdata, m.finalize);
  // Before anybody can call it: what calls may end at once.
  userdata->owned = true;
  const Status added = runtime.object->add_model(document, make_hooks(m, userdata));
  if (!added.ok()) userdata->owned = false;
  return added;
}

}  // namespace

void tau_model_init(tau_model* model, uint32_t struct_size) {
  const tau_model defaults = TAU_MODEL_INIT;
  init_options(model, struct_size, defaults);
}

tau_status tau_runtime_add_model(tau_runtime* runtime, const tau_model* model, tau_error** err) {
  return guard(err, [&]() -> Status {
    if (runtime == nullptr) return null_argument("runtime");
    if (model == nullptr) return null_argument("model");
    TAU_RETURN_IF_ERROR(runtime->object->check());
    return add(*runtime, *model);
  });
}

tau_status tau_model_reply_feed(tau_model_reply* reply, tau_str bytes, int32_t timeout_ms, tau_error** err) {
  return guard(err, [&]() -> tau_status {
    if (reply == nullptr) return fail(null_argument("reply"), err);
    if (bytes.data == nullptr && bytes.len != 0 && bytes.len != TAU_STRLEN)
      return fail(tau::invalid_argument("null_argument", "bytes has a length but no data"), err);
    const auto fed = reply->reply->feed(raw_view(bytes), timeout_ms);
    if (fed == provider::HostReply::Fed::kFull) return TAU_AGAIN;
    if (fed != provider::HostReply::Fed::kOver) return give(tau::runtime::fed_status(fed), err);
    return fail(Status(tau::Code::kCancelled, "model_call_over",
                       "this call was answered, or its answer is not wanted any more"),
                err);
  });
}

tau_status tau_model_reply_fail(tau_model_reply* reply, tau_str error, tau_error** err) {
  return guard(err, [&]() -> Status {
    if (reply == nullptr) return null_argument("reply");
    const Held consumed(reply);
    Status why;
    try {
      const auto json = text(error, "error");
      const Status read = json.ok() ? tau::runtime::read_model_error(*json, why) : json.status();
      reply->reply->end(std::move(why));
      return read;
    } catch (const std::bad_alloc&) { reply->reply->end(Status()); }
    return Status::out_of_memory();
  });
}

void tau_model_reply_drop(tau_model_reply* reply) {
  if (reply == nullptr) return;
  const Held consumed(reply);
  reply->reply->end(Status());
}
