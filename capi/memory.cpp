#include "tau/memory.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "handles.h"
#include "host_userdata.h"

using namespace tau::capi;
using tau::Status;
using tau::StatusOr;
using tau::runtime::HostEmbedder;
using tau::runtime::Memory;

namespace {

StatusOr<std::span<const float>> numbers(const float* data, size_t count, std::string_view name) {
  constexpr size_t kMost = size_t{1} << 24;  // 1,000 memories of 8,192 numbers
  if (data == nullptr && count != 0) return null_argument(name);
  if (count > kMost)
    return tau::invalid_argument(
        "invalid_vector", tau::format("{} has {} numbers; at most {} are taken at once", name, count, kMost));
  if (!std::all_of(data, data + count, [](float each) { return std::isfinite(each); }))
    return tau::invalid_argument("invalid_vector", tau::format("{} has a number that is not finite", name));
  return std::span<const float>(data, count);
}

StatusOr<HostEmbedder> convert(const tau_embedder& e, const std::shared_ptr<HostUserdata>& userdata) {
  if (e.embed == nullptr) return null_argument("embedder.embed");
  HostEmbedder host;
  TAU_ASSIGN_OR_RETURN(host.name, text(e.name, "embedder.name"));
  host.dimensions = e.dimensions;
  host.embed = [embed = e.embed, dimensions = e.dimensions, userdata](
                   const std::vector<std::string_view>& texts, tau::memory::Purpose purpose, float* out) {
    std::vector<tau_str> shown;
    shown.reserve(texts.size());
    for (const std::string_view each : texts) shown.push_back(view(each));
    const bool query = purpose == tau::memory::Purpose::kQuery;
    float* const end = out + texts.size() * dimensions;
    std::fill(out, end, std::numeric_limits<float>::quiet_NaN());
    return guard_value(false, [&] {
      embed(userdata->data, shown.data(), shown.size(), query ? TAU_EMBED_QUERY : TAU_EMBED_DOCUMENT, out);
      return std::none_of(out, end, [](float each) { return std::isnan(each); });
    });
  };
  return host;
}

Status set_embedder(tau_runtime& runtime, const tau_embedder* given) {
  tau::runtime::Runtime& object = *runtime.object;
  TAU_RETURN_IF_ERROR(object.check());
  if (given == nullptr) return object.set_embedder(nullptr);
  tau_embedder e = TAU_EMBEDDER_INIT;
  TAU_RETURN_IF_ERROR(read_options(given, &e, "embedder"));
  const auto userdata = std::make_shared<HostUserdata>(e.userdata, e.finalize);
  TAU_ASSIGN_OR_RETURN(HostEmbedder host, convert(e, userdata));
  TAU_ASSIGN_OR_RETURN(auto embedder, tau::runtime::make_host_embedder(std::move(host)));
  userdata->owned = true;
  const Status set = object.set_embedder(std::move(embedder));
  if (!set.ok()) userdata->owned = false;
  return set;
}

}  // namespace

tau_status tau_memory_open(tau_runtime* runtime, tau_str scope, tau_memory** out, tau_error** err) {
  if (out != nullptr) *out = nullptr;
  return guard(err, [&]() -> Status {
    if (runtime == nullptr) return null_argument("runtime");
    if (out == nullptr) return null_argument("out");
    TAU_RETURN_IF_ERROR(runtime->object->check());
    TAU_ASSIGN_OR_RETURN(const std::string_view document, text(scope, "scope"));
    return hand_out(Memory::open(runtime->object, document), out);
  });
}

tau_memory* tau_memory_ref(tau_memory* memory) { return ref(memory); }

void tau_memory_unref(tau_memory* memory) { unref(memory); }

tau_status tau_memory_search(tau_memory* memory, tau_str request, const float* vector, size_t dimensions,
                             tau_buf* out, tau_error** err) {
  return give_json(memory, "memory", out, err, [&]() -> StatusOr<std::string> {
    TAU_ASSIGN_OR_RETURN(const std::string_view document, text(request, "request"));
    TAU_ASSIGN_OR_RETURN(const auto given, numbers(vector, dimensions, "vector"));
    return memory->object->search(document, given);
  });
}

tau_status tau_memory_perform(tau_memory* memory, tau_str request, const float* vectors, size_t count,
                              tau_buf* out, tau_error** err) {
  return give_json(memory, "memory", out, err, [&]() -> StatusOr<std::string> {
    TAU_ASSIGN_OR_RETURN(const std::string_view document, text(request, "request"));
    TAU_ASSIGN_OR_RETURN(const auto given, numbers(vectors, count, "vectors"));
    return memory->object->perform(document, given);
  });
}

void tau_embedder_init(tau_embedder* embedder, uint32_t struct_size) {
  const tau_embedder defaults = TAU_EMBEDDER_INIT;
  init_options(embedder, struct_size, defaults);
}

tau_status tau_runtime_set_embedder(tau_runtime* runtime, const tau_embedder* embedder, tau_error** err) {
  return guard(err, [&]() -> Status {
    if (runtime == nullptr) return null_argument("runtime");
    return set_embedder(*runtime, embedder);
  });
}
