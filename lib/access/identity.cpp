#include "access/identity.h"

#include <algorithm>
#include <utility>

#include "access/card.h"
#include "access/envelope.h"
#include "access/fields.h"
#include "access/proof.h"
#include "access/request.h"
#include "access/roots.h"

namespace tau::access {
namespace {

constexpr std::string_view kRelationshipNames[kRelationships] = {
    "authentication", "assertionMethod", "keyAgreement", "capabilityInvocation", "capabilityDelegation"};

// The document that makes the key speak for a did:web, in the form of did_key_document().
json::Value web_document(const std::string& did, const std::string& key_id, const std::string& multikey) {
  const auto list = [](json::Value item) {
    json::Value out = json::Value::array();
    out.push_back(std::move(item));
    return out;
  };
  json::Value context = list("https://www.w3.org/ns/did/v1");
  context.push_back("https://w3id.org/security/multikey/v1");
  json::Value method = json::Value::object();
  method.set("id", key_id).set("type", "Multikey").set("controller", did);
  method.set("publicKeyMultibase", multikey);
  json::Value out = json::Value::object();
  out.set("@context", std::move(context)).set("id", did);
  out.set("verificationMethod", list(std::move(method)));
  out.set("authentication", list(key_id)).set("assertionMethod", list(key_id));
  return out;
}

Status no_document(std::string_view did, const std::string& url) {
  json::Value details = json::Value::object();
  details.set("url", url);
  return Status(ErrorInfo{.code = Code::kFailedPrecondition,
                          .reason = "no_document",
                          .message = format("the document of {} is needed: it stands at {}", did, url),
                          .details_json = json::write(details)});
}

StatusOr<DidDocument> document_of(std::string_view did, std::string_view text, const WebOptions& web = {}) {
  return resolve_did(did, {.fetch = [&](const std::string& url) -> StatusOr<std::string> {
                             if (text.empty()) return no_document(did, url);
                             return std::string(text);
                           },
                           .web = web});
}

json::Value keys_of(const DidDocument& document) {
  json::Value out = json::Value::array();
  for (size_t i = 0; i < document.methods.size(); ++i) {
    const VerificationMethod& method = document.methods[i];
    if (method.key_type == KeyType::kOther) continue;
    json::Value names = json::Value::array();
    for (size_t r = 0; r < kRelationships; ++r) {
      const auto& of = document.relationships[r];
      if (std::find(of.begin(), of.end(), i) != of.end()) names.push_back(kRelationshipNames[r]);
    }
    json::Value key = json::Value::object();
    key.set("id", method.id).set("multikey", encode_multikey(method.key_type, method.key));
    key.set("relationships", std::move(names));
    out.push_back(std::move(key));
  }
  return out;
}

std::string summary_of(const TrustRoots& roots) {
  json::Value out = json::Value::object();
  out.set("digest", crypto::hex(roots.digest())).set("expires_ms", roots.expires_ms());
  out.set("version", roots.version());
  return json::write(out);
}

StatusOr<std::string> verify_agent_card(std::string_view text, const json::Value& request, int64_t now_ms) {
  Request fields(request);
  const std::string did = fields.text_or("did", {}, kMaxDidBytes);
  const json::Value& documents = fields.object_or_none("documents");
  now_ms = fields.time_or("now_ms", now_ms);
  TAU_RETURN_IF_ERROR(fields.finish({"did", "documents", "now_ms"}));
  TAU_ASSIGN_OR_RETURN(const CardSignature found, verify_card(text, did, resolve_from(documents), now_ms));
  json::Value out = json::Value::object();
  out.set("did", found.did).set("expires_s", found.expires_s).set("issued_s", found.issued_s);
  out.set("key_id", found.key_id);
  return json::write(out);
}

}  // namespace

StatusOr<TrustRoots> accept_roots(std::string_view list, const TrustRoots* before, std::string_view digest,
                                  int64_t now_ms) {
  if (before != nullptr) return before->rotate(list, now_ms);
  // Any list is signed by its own roots.
  if (digest.empty())
    return invalid_argument("invalid_request",
                            "a first list is known by its \"digest\", a later one follows \"previous\"");
  TAU_ASSIGN_OR_RETURN(TrustRoots roots, TrustRoots::open(list, 0));
  if (crypto::hex(roots.digest()) != digest)
    return refuse("unknown_roots", "the list is not the one of that digest");
  return roots;
}

namespace {

StatusOr<std::string> verify_roots(std::string_view text, const json::Value& request, int64_t now_ms) {
  Request fields(request);
  const std::string digest = fields.text_or("digest", {}, 2 * sizeof(crypto::Digest));
  const json::Value& previous = fields.object_or_none("previous");
  now_ms = fields.time_or("now_ms", now_ms);
  TAU_RETURN_IF_ERROR(fields.finish({"digest", "now_ms", "previous"}));
  if (previous.size() == 0) {
    TAU_ASSIGN_OR_RETURN(const TrustRoots roots, accept_roots(text, nullptr, digest, now_ms));
    return summary_of(roots);
  }
  TAU_ASSIGN_OR_RETURN(const TrustRoots before, TrustRoots::open(json::write(previous), 0));
  TAU_ASSIGN_OR_RETURN(const TrustRoots roots, accept_roots(text, &before, digest, now_ms));
  return summary_of(roots);
}

}  // namespace

StatusOr<Identity> Identity::make(Secret seed, std::string_view did) {
  TAU_ASSIGN_OR_RETURN(SigningKey key, SigningKey::from_seed(std::move(seed)));
  const std::string own = key.did(), own_id = key.key_id();
  if (did.empty()) return Identity(std::move(key), own, own_id);
  TAU_ASSIGN_OR_RETURN(const DidUrl url, parse_did_url(did));
  if (url.method == "key") {
    if (did != own && did != own_id)
      return invalid_argument("wrong_did", format("the key is that of {}, not of {}", own, did));
    return Identity(std::move(key), own, own_id);
  }
  if (url.method != "web") return unimplemented(format("identities of the method \"{}\"", url.method));
  TAU_RETURN_IF_ERROR(did_web_url(url.did).status());
  const std::string id = url.did + "#" + (url.fragment.empty() ? key.multikey() : url.fragment);
  return Identity(std::move(key), url.did, id);
}

Status Identity::check() const {
  if (getpid() == process_) return ok_status();
  return failed_precondition("forked", "this identity belongs to the parent process; its key is gone here");
}

StatusOr<Secret> Identity::seed() const {
  TAU_RETURN_IF_ERROR(check());
  return key_.seed();
}

std::string Identity::describe() const {
  json::Value out = json::Value::object();
  out.set("did", did_).set("key_id", key_id_).set("multikey", key_.multikey());
  if (did_.starts_with("did:web:")) {
    out.set("url", *did_web_url(did_)).set("document", web_document(did_, key_id_, key_.multikey()));
  } else {
    out.set("document", *did_key_document(did_));
  }
  return json::write(out);
}

StatusOr<std::string> Identity::sign_proof(const json::Value& request) const {
  Request fields(request);
  const json::Value& challenge = fields.object("challenge");
  const std::string audience = fields.text("audience", kMaxNameBytes);
  const std::string purpose = fields.text("purpose", kMaxNameBytes);
  TAU_RETURN_IF_ERROR(fields.finish({"audience", "challenge", "purpose"}));
  TAU_ASSIGN_OR_RETURN(const Challenge asked, parse_challenge(json::write(challenge)));
  return prove(key_, {did_, key_id_}, asked, audience, purpose);
}

StatusOr<std::string> Identity::seal(const json::Value& request, Random& random, int64_t now_ms) const {
  constexpr int64_t kValidMs = 300'000;
  Request fields(request);
  Envelope draft;
  draft.id = fields.text("id", kMaxDidBytes);
  draft.audience = fields.text("audience", kMaxDidBytes);
  draft.issuer = fields.text_or("issuer", did_, kMaxDidBytes);
  draft.key_id = fields.text_or("key_id", key_id_, kMaxDidBytes);
  draft.issued_ms = fields.time_or("issued_ms", now_ms);
  draft.expires_ms = fields.time_or("expires_ms", draft.issued_ms + kValidMs);
  const std::string payload(request["payload"].as_string());
  fields.require(request["payload"].is_string(), "has no \"payload\" that is a string");
  TAU_RETURN_IF_ERROR(
      fields.finish({"audience", "expires_ms", "id", "issued_ms", "issuer", "key_id", "payload"}));
  return seal_envelope(std::move(draft), payload, key_, &random);
}

StatusOr<std::string> Identity::sign_agent_card(const json::Value& request, int64_t now_ms) const {
  constexpr int64_t kValidSeconds = 90 * 86'400;
  Request fields(request);
  const json::Value& card = fields.object("card");
  const int64_t issued = fields.time_or("issued_s", now_ms / 1000);
  const int64_t expires = fields.time_or("expires_s", issued + kValidSeconds);
  TAU_RETURN_IF_ERROR(fields.finish({"card", "expires_s", "issued_s"}));
  TAU_ASSIGN_OR_RETURN(const json::Value signed_card,
                       sign_card(card, key_, {did_, key_id_}, issued, expires));
  return json::write(signed_card);
}

StatusOr<std::string> Identity::sign(StatementKind kind, std::string_view text, Random& random,
                                     int64_t now_ms) const {
  TAU_RETURN_IF_ERROR(check());
  TAU_ASSIGN_OR_RETURN(const json::Value request, parse_request(text));
  switch (kind) {
    case StatementKind::kProof: return sign_proof(request);
    case StatementKind::kEnvelope: return seal(request, random, now_ms);
    case StatementKind::kCard: return sign_agent_card(request, now_ms);
    case StatementKind::kRoots: break;
  }
  Request fields(request);
  const json::Value& list = fields.object("list");
  TAU_RETURN_IF_ERROR(fields.finish({"list"}));
  return sign_trust_roots(json::write(list), key_);
}

StatusOr<std::string> describe_did(std::string_view did, std::string_view document, const WebOptions& web) {
  TAU_ASSIGN_OR_RETURN(const DidDocument found, document_of(did, document, web));
  json::Value out = json::Value::object();
  out.set("did", found.id);
  if (found.id.starts_with("did:web:")) {
    out.set("url", *did_web_url(did, web)).set("document", *json::parse(document));
  } else {
    out.set("document", *did_key_document(did));
  }
  out.set("keys", keys_of(found));
  return json::write(out);
}

Resolve resolve_from(const json::Value& documents) {
  return [&documents](const std::string& did) {
    const json::Value* const given = documents.find(did);
    return document_of(did, given == nullptr ? std::string() : json::write(*given));
  };
}

StatusOr<std::string> verify_statement(StatementKind kind, std::string_view text, std::string_view request,
                                       int64_t now_ms) {
  if (kind == StatementKind::kProof || kind == StatementKind::kEnvelope)
    return failed_precondition("needs_memory",
                               "it is accepted once: only who remembers what was accepted can judge it");
  TAU_ASSIGN_OR_RETURN(const json::Value wanted, parse_request(request.empty() ? "{}" : request));
  return kind == StatementKind::kCard ? verify_agent_card(text, wanted, now_ms)
                                      : verify_roots(text, wanted, now_ms);
}

}  // namespace tau::access
