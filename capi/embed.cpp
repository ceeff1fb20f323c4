#include "tau/embed.h"

#include "handles.h"

using namespace tau::capi;
using tau::Status;

tau_status tau_embed(tau_runtime* runtime, tau_str request, tau_buf* vectors, tau_buf* report,
                     tau_error** err) {
  if (vectors != nullptr) *vectors = {nullptr, 0, nullptr};
  if (report != nullptr) *report = {nullptr, 0, nullptr};
  return guard(err, [&]() -> Status {
    if (runtime == nullptr) return null_argument("runtime");
    if (vectors == nullptr) return null_argument("vectors");
    TAU_RETURN_IF_ERROR(runtime->object->check());
    TAU_ASSIGN_OR_RETURN(const std::string_view asked, text(request, "request"));
    TAU_ASSIGN_OR_RETURN(tau::runtime::Embedded made, tau::runtime::embed(*runtime->object->core(), asked));
    TAU_RETURN_IF_ERROR(fill(vectors, std::move(made.vectors)));
    if (report == nullptr) return tau::ok_status();
    try {
      return fill(report, std::move(made.report));
    } catch (const std::bad_alloc&) {
      tau_buf_free(vectors);
      throw;
    }
  });
}
