// What a vault tells of itself, and what an import tells of a file.
#include <map>

#include "crypto/crypto.h"
#include "json/json.h"
#include "provider/provider.h"
#include "runtime/host_document.h"
#include "runtime/vault.h"

namespace tau::runtime {
namespace {

using credential::RecordState;

std::string_view state_name(const credential::SecretInfo& info, int64_t now_ms) {
  if (info.state == RecordState::kRevoked) return "revoked";
  if (info.expires_ms != 0 && info.expires_ms <= now_ms) return "expired";
  return info.state == RecordState::kPrevious ? "previous" : "current";
}

void write_secrets(json::Writer& w, const credential::Vault& vault, int64_t now_ms) {
  w.key("secrets").begin_array();
  for (const credential::SecretInfo& info : vault.list()) {
    w.begin_object().field("name", credential::to_reference(info.name)).field("origin", info.origin);
    w.field("state", state_name(info, now_ms)).field("version", int64_t{info.version});
    w.field("created_ms", info.created_ms).field("expires_ms", info.expires_ms).end_object();
  }
  w.end_array();
}

void write_keys(json::Writer& w, const credential::Vault& vault) {
  w.key("keys").begin_array();
  for (const credential::SlotInfo& slot : vault.slots()) {
    w.begin_object().field("label", slot.label).field("kind", credential::slot_kind_name(slot.kind));
    w.field("memory_kib", int64_t{slot.cost.memory_kib}).field("passes", int64_t{slot.cost.passes});
    w.end_object();
  }
  w.end_array();
}

void write_damaged(json::Writer& w, const credential::Vault& vault) {
  w.key("damaged").begin_array();
  for (const credential::DamagedRecord& record : vault.damaged()) {
    w.begin_object().field("position", static_cast<int64_t>(record.position));
    w.field("claimed_name", record.claimed_name).end_object();
  }
  w.end_array();
}

using Origins = std::map<std::string, std::string, std::less<>>;

StatusOr<Origins> read_origins(std::string_view text) {
  Origins origins;
  if (text.empty()) return origins;
  TAU_ASSIGN_OR_RETURN(const json::Value document, json::parse(text));
  if (!document.is_object()) return invalid_argument("wrong_type", "origins: expected an object");
  for (const auto& [id, url] : document.as_object()) {
    TAU_RETURN_IF_ERROR(check_type(url.is_string(), "origins", id, "a string"));
    auto origin = origin_of_url(url.as_string());
    if (!origin.ok()) return std::move(origin).status().annotate("origins." + id);
    origins[id] = *std::move(origin);
  }
  return origins;
}

// The base URL that this library knows of a provider.
std::string known_origin(std::string_view id) {
  constexpr std::string_view kPrefix = "provider/";
  if (!id.starts_with(kPrefix)) return {};
  const auto* known = provider::find_provider(id.substr(kPrefix.size()));
  if (known == nullptr) return {};
  auto origin = origin_of_url(known->base_url);
  return origin.ok() ? *std::move(origin) : std::string();
}

std::string report_text(const credential::ImportReport& report) {
  std::string out;
  json::Writer w(out);
  w.begin_object().key("imported").begin_array();
  for (const std::string& name : report.imported) w.string(name);
  w.end_array().key("skipped").begin_array();
  for (const auto& skipped : report.skipped) {
    w.begin_object().field("name", skipped.name).field("reason", skipped.reason);
    w.field("message", skipped.message).end_object();
  }
  w.end_array().end_object();
  return out;
}

}  // namespace

StatusOr<std::string> Vault::describe() {
  TAU_RETURN_IF_ERROR(check());
  TAU_ASSIGN_OR_RETURN(const auto vault, current());
  std::string out;
  json::Writer w(out);
  w.begin_object().field("path", options_.path).field("store_id", crypto::hex(vault->store_id()));
  w.field("epoch", static_cast<int64_t>(vault->epoch())).field("rotating", vault->is_rotating());
  w.field("anchor", options_.anchor.empty() ? options_.path + ".epochs" : options_.anchor);
  write_secrets(w, *vault, system_clock().wall_ms());
  write_keys(w, *vault);
  write_damaged(w, *vault);
  w.end_object();
  return out;
}

StatusOr<std::string> Vault::import_file(std::string_view path, const Secret& passphrase,
                                         std::string_view origins_json) {
  TAU_ASSIGN_OR_RETURN(const Origins origins, read_origins(origins_json));
  TAU_ASSIGN_OR_RETURN(const auto vault, writable());
  const auto origin_of = [&](std::string_view id) {
    const auto given = origins.find(id);
    return given != origins.end() ? given->second : known_origin(id);
  };
  TAU_ASSIGN_OR_RETURN(const auto report,
                       credential::import_credentials(*vault, path, passphrase, origin_of));
  tell(*vault);
  TAU_RETURN_IF_ERROR(changed(ok_status(), "import", {}));
  return report_text(report);
}

}  // namespace tau::runtime
