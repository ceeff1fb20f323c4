// Memory: what an application remembers, found again by words, by meaning, by time and by relations.
#ifndef TAU_MEMORY_HPP
#define TAU_MEMORY_HPP

#include <tau/memory.h>

#include <limits>
#include <memory>
#include <string>
#include <tau/runtime.hpp>
#include <type_traits>
#include <utility>
#include <vector>

namespace tau {
inline namespace v0 {

namespace detail {

// `text` as a string of JSON. Ill-formed UTF-8 stays as it is: the library refuses it.
inline std::string json_string(std::string_view text) {
  static constexpr char kHex[] = "0123456789abcdef";
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (static_cast<unsigned char>(c) < 0x20) {
      out += "\\u00";
      out += kHex[static_cast<unsigned char>(c) >> 4];
      out += kHex[static_cast<unsigned char>(c) & 15];
    } else {
      out += c;
    }
  }
  return out += '"';
}

// A request with one op and members that are texts.
class MemoryRequest {
 public:
  explicit MemoryRequest(std::string_view op) : json_("{\"op\":" + json_string(op)) {}
  MemoryRequest& text(std::string_view key, std::string_view value) { return raw(key, json_string(value)); }
  MemoryRequest& raw(std::string_view key, std::string_view value) {
    json_.append(",\"").append(key).append("\":").append(value);
    return *this;
  }
  std::string done() const { return json_ + "}"; }

 private:
  std::string json_;
};

}  // namespace detail

// Numbers that go along: the vectors of memories or of a query, row by row, in the space of the memory's model.
struct Vectors {
  const float* data = nullptr;
  size_t count = 0;  // of numbers in all

  Vectors() noexcept = default;
  Vectors(const float* numbers, size_t how_many) noexcept : data(numbers), count(how_many) {}
  Vectors(const std::vector<float>& numbers) noexcept : data(numbers.data()), count(numbers.size()) {}
};

// The memories of a scope. Requests and answers are JSON; tau/memory.h lists them, docs/memory.md tells the story.
// Thread: any; waits for the disk.
class Memory : public detail::Handle<tau_memory, tau_memory_unref> {
 public:
  using Handle::Handle;

  // scope: JSON, {"workspace":"…","channel":"…","actor":"…","principal":"…"}; empty: all of the workspace "default"
  // (tau_memory_open).
  // Errors: kInvalidArgument "invalid_scope"; kPermissionDenied "access_denied"; kUnimplemented "no_memories".
  static Result<Memory> open(const Runtime& runtime, std::string_view scope = {}) {
    return detail::make<Memory>(tau_memory_open, runtime.c(), detail::str(scope));
  }

  // Another owner of the same handle.
  Memory share() const noexcept { return Memory(tau_memory_ref(c())); }

  // Remembers a text.
  Result<Text> remember(std::string_view text) const {
    return perform(detail::MemoryRequest("add").text("text", text).done());
  }

  // Writes memories, all or nothing. memories: JSON, an array of objects (docs/schema/memory.json).
  // Errors: kInvalidArgument "invalid_memory", "unknown_memory_type", …; kAborted "revision_changed";
  // kPermissionDenied "outside_scope".
  Result<Text> add(std::string_view memories, Vectors vectors = {}) const {
    return perform(detail::MemoryRequest("add").raw("memories", memories).done(), vectors);
  }

  // Finds memories by a text, the best first.
  Result<Text> find(std::string_view query, uint32_t k = 10, Vectors vector = {}) const {
    const std::string request =
        "{\"query\":" + detail::json_string(query) + ",\"k\":" + std::to_string(k) + "}";
    return search(request, vector);
  }

  // Finds memories. request: JSON, {"query":"…","k":10,…} with filters (tau_memory_search).
  // Errors: kInvalidArgument "invalid_search", "invalid_vector", "unknown_key".
  Result<Text> search(std::string_view request, Vectors vector = {}) const {
    return detail::text_of(tau_memory_search, c(), detail::str(request), vector.data, vector.count);
  }

  // Errors of these: kNotFound "no_such_memory".
  Result<Text> get(std::string_view id) const { return on_one("get", id); }
  Result<Text> forget(std::string_view id) const { return on_one("forget", id); }
  Result<Text> restore(std::string_view id) const { return on_one("restore", id); }

  // Erases a memory for good, from the database, its log and every index.
  Result<Text> purge(std::string_view id) const {
    return perform(detail::MemoryRequest("purge").raw("ids", "[" + detail::json_string(id) + "]").done());
  }

  Result<Text> relate(std::string_view from, std::string_view to,
                      std::string_view relation = "related_to") const {
    return perform(edge("relate", from, to, relation));
  }
  Result<Text> unrelate(std::string_view from, std::string_view to,
                        std::string_view relation = "related_to") const {
    return perform(edge("unrelate", from, to, relation));
  }

  Result<Text> stats() const { return perform(R"({"op":"stats"})"); }

  // Does what a request asks for (tau_memory_perform, whose header lists the ops).
  Result<Text> perform(std::string_view request, Vectors vectors = {}) const {
    return detail::text_of(tau_memory_perform, c(), detail::str(request), vectors.data, vectors.count);
  }

 private:
  Result<Text> on_one(std::string_view op, std::string_view id) const {
    return perform(detail::MemoryRequest(op).text("id", id).done());
  }
  static std::string edge(std::string_view op, std::string_view from, std::string_view to,
                          std::string_view relation) {
    return detail::MemoryRequest(op).text("from", from).text("to", to).text("relation", relation).done();
  }
};

enum class EmbedPurpose : uint32_t { kDocument = TAU_EMBED_DOCUMENT, kQuery = TAU_EMBED_QUERY };

namespace detail {

template <typename Function>
void embed_texts(Function& function, const tau_str* texts, size_t count, tau_embed_purpose purpose, float* out) {
  std::vector<std::string_view> shown(count);
  for (size_t i = 0; i < count; ++i) shown[i] = view(texts[i]);
  function(static_cast<const std::vector<std::string_view>&>(shown), static_cast<EmbedPurpose>(purpose), out);
}

// Nothing thrown passes into the library: the vectors that were not written say that there are none.
template <typename Function>
void invoke_embedder(void* function, const tau_str* texts, size_t count, tau_embed_purpose purpose,
                     float* out) noexcept {
#if defined(__cpp_exceptions)
  try {
    embed_texts(*static_cast<Function*>(function), texts, count, purpose, out);
  } catch (...) {
    if (count != 0) *out = std::numeric_limits<float>::quiet_NaN();
  }
#else
  embed_texts(*static_cast<Function*>(function), texts, count, purpose, out);
#endif
}

template <typename Function>
void finalize_embedder(void* function) noexcept {
  delete static_cast<Function*>(function);
}

}  // namespace detail

// Lets `function` make the vectors of memories from now on: void(const std::vector<std::string_view>& texts,
// tau::EmbedPurpose, float* out) writes texts.size() * dimensions numbers, row by row. When it throws, or leaves some
// unwritten, there are no vectors now: words alone are searched. name: of the space of its vectors; another model, another
// name. `function` is moved or copied into the library's keeping and destroyed once (tau_runtime_set_embedder).
// Errors: kInvalidArgument "invalid_embedder".
// Thread: `function` runs on several threads at once.
template <typename Function>
Result<void> set_embedder(const Runtime& runtime, std::string_view name, uint32_t dimensions,
                          Function&& function) {
  using Kept = std::decay_t<Function>;
  static_assert(std::is_invocable_v<Kept&, const std::vector<std::string_view>&, EmbedPurpose, float*>,
                "an embedder is void(const std::vector<std::string_view>&, tau::EmbedPurpose, float*)");
  auto kept = std::make_unique<Kept>(std::forward<Function>(function));
  tau_embedder embedder;
  tau_embedder_init(&embedder, sizeof embedder);
  embedder.name = detail::str(name);
  embedder.dimensions = dimensions;
  embedder.embed = detail::invoke_embedder<Kept>;
  embedder.userdata = kept.get();
  embedder.finalize = detail::finalize_embedder<Kept>;
  auto set =
      detail::done(tau_runtime_set_embedder, runtime.c(), static_cast<const tau_embedder*>(&embedder));
  if (set) static_cast<void>(kept.release());  // the library's now
  return set;
}

// Back to the model that the configuration names.
inline Result<void> reset_embedder(const Runtime& runtime) {
  return detail::done(tau_runtime_set_embedder, runtime.c(), static_cast<const tau_embedder*>(nullptr));
}

}  // namespace v0
}  // namespace tau

#endif
