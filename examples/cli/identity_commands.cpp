// tau identity …: keys that say who an agent is. Each is one secret of the vault: 32 bytes of the private
// key, then the DID where that is a did:web.
#include <unistd.h>

#include <chrono>

#include "commands.h"
#include "files.h"
#include "terminal.h"
#include "text.h"
#include "vault_access.h"

namespace cli {
namespace {

using IdentityPtr = std::unique_ptr<tau_identity, Release<tau_identity_unref>>;
using AccessPtr = std::unique_ptr<tau_access, Release<tau_access_unref>>;

constexpr std::string_view kPrefix = "identity/";
constexpr std::string_view kReference = "secret://identity/";
constexpr size_t kSeedBytes = 32;
constexpr size_t kMostInput = 4u << 20;
constexpr int64_t kSecondsPerDay = 86'400;

int print(const std::string& text) { return write_out(text) ? kExitOk : kExitFailed; }

int give(const Result<std::string>& text) { return text.ok() ? print(*text + "\n") : report(text.failure()); }

std::string secret_name(const Options& options) { return std::string(kPrefix) + options.id; }

Result<IdentityPtr> make_identity(const void* seed, size_t size, std::string_view did) {
  tau_identity* identity = nullptr;
  tau_error* error = nullptr;
  const tau_status status = tau_identity_new(seed, size, to_tau(did), &identity, &error);
  if (status != TAU_OK) return library_failure(status, error);
  return IdentityPtr(identity);
}

Result<IdentityPtr> load_identity(tau_vault* vault, const std::string& name) {
  tau_secret* secret = nullptr;
  tau_error* error = nullptr;
  const tau_status status = tau_vault_get(vault, to_tau(name), to_tau(""), 0, &secret, &error);
  const SecretPtr owned(secret);
  if (status != TAU_OK) return library_failure(status, error);
  const auto* const bytes = static_cast<const char*>(tau_secret_data(secret));
  const size_t size = tau_secret_len(secret);
  if (size < kSeedBytes) return input_failure("not_an_identity", name + " holds no private key");
  return make_identity(bytes, kSeedBytes, {bytes + kSeedBytes, size - kSeedBytes});
}

Result<IdentityPtr> open_identity(const Options& options) {
  const auto open = open_vault(options, /*read_only=*/true);
  if (!open.ok()) return open.failure();
  return load_identity((*open).vault.get(), secret_name(options));
}

// What the vault keeps of it.
Result<SecretText> record_of(tau_identity* identity, std::string_view did) {
  tau_secret* secret = nullptr;
  tau_error* error = nullptr;
  const tau_status status = tau_identity_seed(identity, &secret, &error);
  const SecretPtr owned(secret);
  if (status != TAU_OK) return library_failure(status, error);
  SecretText out;
  const auto* const bytes = static_cast<const char*>(tau_secret_data(secret));
  for (size_t i = 0; i < tau_secret_len(secret); ++i) out.push(bytes[i]);
  for (const char c : did) out.push(c);
  return out;
}

int tell(const Options& options, tau_identity* identity, const std::string& advice = {}) {
  const auto about = json_of(tau_identity_describe, identity);
  if (!about.ok()) return report(about.failure());
  if (options.json) return print((*about).dump() + "\n");
  std::string text = (*about)["did"].as_string() + "\n";
  if (!(*about)["url"].as_string().empty())
    text += "publish the document of 'tau identity show " + options.id + "' at " +
            (*about)["url"].as_string() + "\n";
  return print(text + advice);
}

// A statement that does not hold is a refusal of ours, not of a provider.
int refuse(Failure failure) {
  if (failure.exit == kExitUnavailable) failure.exit = kExitDenied;
  return report(failure);
}

Result<std::string> read_input(const Options& options) {
  return options.file.empty() ? read_stdin(kMostInput) : read_file(options.file, kMostInput);
}

Result<Json> read_document(const Options& options, std::string_view what) {
  auto text = read_input(options);
  if (!text.ok()) return text.failure();
  auto value = Json::parse(*text);
  if (!value || !value->is_object())
    return input_failure("invalid_json", std::string(what) + " is not a JSON object");
  return *std::move(value);
}

// The files of --document by the DID that each is of.
Result<Json> documents_of(const Options& options) {
  Json documents = Json::object();
  for (const std::string& path : options.documents) {
    const auto text = read_file(path, kMostInput);
    if (!text.ok()) return text.failure();
    auto document = Json::parse(*text);
    if (!document || (*document)["id"].as_string().empty())
      return input_failure("invalid_json", path + " is no DID document");
    const std::string did = (*document)["id"].as_string();
    documents.set(did, *std::move(document));
  }
  return documents;
}

Result<std::string> sign(tau_identity* identity, tau_statement_kind kind, const Json& request) {
  const std::string text = request.dump();
  return text_of(tau_identity_sign, identity, kind, to_tau(text));
}

int64_t now_s() {
  return std::chrono::duration_cast<std::chrono::seconds>(std::chrono::system_clock::now().time_since_epoch())
      .count();
}

Result<std::string> perform(tau_access* access, const Json& request) {
  const std::string text = request.dump();
  return text_of(tau_access_perform, access, to_tau(text));
}

// One line of stdin: whoever asks waits for the answer, not for the end of input.
std::string read_line() {
  std::string line;
  char c = 0;
  while (line.size() < kMostInput && read(STDIN_FILENO, &c, 1) == 1 && c != '\n') line += c;
  return line;
}

}  // namespace

int command_identity_new(const Options& options) {
  auto identity = make_identity(nullptr, 0, options.did);
  if (!identity.ok()) return report(identity.failure());
  const auto open = open_vault(options);
  if (!open.ok()) return report(open.failure());
  tau_vault* const vault = (*open).vault.get();
  if (load_identity(vault, secret_name(options)).ok())
    return report(input_failure("identity_exists", "there is an identity " + options.id,
                                "tau identity rotate gives it a new key"));
  const auto record = record_of((*identity).get(), options.did.starts_with("did:web:") ? options.did : "");
  if (!record.ok()) return report(record.failure());
  if (const auto failure = failure_of(tau_vault_put, vault, to_tau(secret_name(options)), (*record).data(),
                                      (*record).size(), to_tau(""), int64_t{0}))
    return report(*failure);
  return tell(options, (*identity).get());
}

int command_identity_list(const Options& options) {
  const auto open = open_vault(options, /*read_only=*/true);
  if (!open.ok()) return report(open.failure());
  const auto about = json_of(tau_vault_describe, (*open).vault.get());
  if (!about.ok()) return report(about.failure());
  Json list = Json::array();
  std::string text;
  for (const Json& secret : (*about)["secrets"].items()) {
    const std::string& reference = secret["name"].as_string();
    if (!reference.starts_with(kReference) || secret["state"].as_string() != "current") continue;
    const std::string name = reference.substr(kReference.size());
    const auto identity = load_identity((*open).vault.get(), reference);
    if (!identity.ok()) return report(identity.failure());
    const auto what = json_of(tau_identity_describe, (*identity).get());
    if (!what.ok()) return report(what.failure());
    Json entry = Json::object();
    entry.set("name", Json::string(name));
    entry.set("did", (*what)["did"]);
    entry.set("key_id", (*what)["key_id"]);
    list.push_back(entry);
    text += padded(name, 24) + " " + (*what)["did"].as_string() + "\n";
  }
  return print(options.json ? list.dump() + "\n" : text);
}

int command_identity_show(const Options& options) {
  const auto identity = open_identity(options);
  if (!identity.ok()) return report(identity.failure());
  if (options.json) return give(text_of(tau_identity_describe, (*identity).get()));
  const auto about = json_of(tau_identity_describe, (*identity).get());
  return about.ok() ? print((*about)["document"].dump() + "\n") : report(about.failure());
}

int command_identity_rotate(const Options& options) {
  const auto open = open_vault(options);
  if (!open.ok()) return report(open.failure());
  tau_vault* const vault = (*open).vault.get();
  const auto before = load_identity(vault, secret_name(options));
  if (!before.ok()) return report(before.failure());
  const auto about = json_of(tau_identity_describe, (*before).get());
  if (!about.ok()) return report(about.failure());
  // The new key goes by its multikey: verifiers may still hold the document in which the old name is the old
  // key.
  const std::string& did = (*about)["did"].as_string();
  const bool is_web = did.starts_with("did:web:");
  const auto identity = make_identity(nullptr, 0, is_web ? did : std::string());
  if (!identity.ok()) return report(identity.failure());
  const auto record = record_of((*identity).get(), is_web ? did : std::string());
  if (!record.ok()) return report(record.failure());
  if (const auto failure = failure_of(tau_vault_rotate_secret, vault, to_tau(secret_name(options)),
                                      (*record).data(), (*record).size(), int64_t{0}, int64_t{0}))
    return report(*failure);
  return tell(options, (*identity).get(),
              is_web ? "" : "this is another DID than before: tell who trusts it\n");
}

int command_identity_prove(const Options& options) {
  const auto challenge = read_document(options, "the challenge");
  if (!challenge.ok()) return report(challenge.failure());
  const auto identity = open_identity(options);
  if (!identity.ok()) return report(identity.failure());
  Json request = Json::object();
  request.set("challenge", *challenge);
  request.set("audience", Json::string(options.audience));
  request.set("purpose", Json::string(options.purpose));
  return give(sign((*identity).get(), TAU_STATEMENT_PROOF, request));
}

int command_identity_verify(const Options& options) {
  const auto documents = documents_of(options);
  if (!documents.ok()) return report(documents.failure());
  tau_access_options o = TAU_ACCESS_OPTIONS_INIT;
  o.audience = to_tau(options.audience);
  tau_access* opened = nullptr;
  tau_error* error = nullptr;
  const tau_status status = tau_access_open(&o, &opened, &error);
  const AccessPtr access(opened);
  if (status != TAU_OK) return report(library_failure(status, error));
  Json ask = Json::object();
  ask.set("op", Json::string("challenge"));
  ask.set("purpose", Json::string(options.purpose));
  const auto challenge = perform(opened, ask);
  if (!challenge.ok()) return report(challenge.failure());
  if (!write_out(*challenge + "\n")) return kExitFailed;
  Json judge = Json::object();
  judge.set("op", Json::string("verify"));
  judge.set("kind", Json::string("proof"));
  judge.set("proof", Json::string(read_line()));
  judge.set("purpose", Json::string(options.purpose));
  judge.set("documents", *documents);
  if (!options.did.empty()) judge.set("did", Json::string(options.did));
  const auto found = perform(opened, judge);
  if (!found.ok()) return refuse(found.failure());
  const auto value = Json::parse(*found);
  return print((options.json || !value ? *found : (*value)["did"].as_string()) + "\n");
}

int command_identity_sign_card(const Options& options) {
  const auto days = options.expires_in.empty() ? std::optional<int64_t>(90) : parse_days(options.expires_in);
  if (!days)
    return report(usage_failure("--expires-in " + options.expires_in + ": expected days such as 90d"));
  const auto card = read_document(options, "the card");
  if (!card.ok()) return report(card.failure());
  const auto identity = open_identity(options);
  if (!identity.ok()) return report(identity.failure());
  const int64_t issued = now_s();
  Json request = Json::object();
  request.set("card", *card);
  request.set("issued_s", Json::number(issued));
  request.set("expires_s", Json::number(issued + *days * kSecondsPerDay));
  return give(sign((*identity).get(), TAU_STATEMENT_CARD, request));
}

int command_identity_verify_card(const Options& options) {
  const auto card = read_input(options);
  if (!card.ok()) return report(card.failure());
  const auto documents = documents_of(options);
  if (!documents.ok()) return report(documents.failure());
  Json request = Json::object();
  request.set("documents", *documents);
  if (!options.did.empty()) request.set("did", Json::string(options.did));
  const std::string wanted = request.dump();
  const auto found = text_of(tau_identity_verify, static_cast<tau_statement_kind>(TAU_STATEMENT_CARD),
                             to_tau(*card), to_tau(wanted));
  if (!found.ok()) return refuse(found.failure());
  const auto value = Json::parse(*found);
  return print((options.json || !value ? *found : (*value)["did"].as_string()) + "\n");
}

namespace {

Result<Json> resolve_given(const Options& options) {
  const auto document = read_file(options.file, kMostInput);
  if (!document.ok()) return document.failure();
  return json_of(tau_did_resolve, to_tau(options.id), to_tau(*document));
}

// What a did:web says of itself at its own address.
Result<Json> resolve_there(const Options& options) {
  const auto client = Client::open_to_read(options);
  if (!client.ok()) return client.failure();
  Json request = Json::object();
  request.set("op", Json::string("resolve_did"));
  request.set("did", Json::string(options.id));
  const std::string text = request.dump();
  return json_of(tau_runtime_perform, (*client).runtime(), to_tau(text));
}

}  // namespace

int command_identity_resolve(const Options& options) {
  const auto found = !options.file.empty() ? resolve_given(options)
                     : options.id.starts_with("did:web:")
                         ? resolve_there(options)
                         : json_of(tau_did_resolve, to_tau(options.id), to_tau(""));
  if (!found.ok()) return report(found.failure());
  return print((options.json ? *found : (*found)["document"]).dump() + "\n");
}

}  // namespace cli
