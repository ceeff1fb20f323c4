#include "access/jws.h"

#include <utility>

namespace tau::access {
namespace {

Status invalid(std::string_view complaint) {
  return invalid_argument("invalid_jws", format("the signature (JWS) {}", complaint));
}

std::string signing_input(std::string_view encoded_header, std::string_view payload) {
  return std::string(encoded_header).append(".").append(crypto::base64url_encode(payload));
}

StatusOr<json::Value> parse_header(std::string_view encoded) {
  const auto text = crypto::base64url_decode(encoded);
  if (!text.ok()) return invalid("has a header that is not base64url");
  auto header = json::parse(*text);
  if (!header.ok() || !header->is_object()) return invalid("has a header that is not a JSON object");
  if (header->contains("crit") || header->contains("b64"))
    return invalid("needs an extension, and none is understood");
  const std::string_view algorithm = (*header)["alg"].as_string();
  if (algorithm != "EdDSA" && algorithm != "Ed25519")
    return invalid_argument("unsupported_algorithm", "the signature (JWS) is not of EdDSA with Ed25519");
  return header;
}

}  // namespace

std::string sign_jws(const SigningKey& key, const json::Value& header, std::string_view payload) {
  json::Value whole = header;
  whole.set("alg", "EdDSA");
  const std::string input = signing_input(crypto::base64url_encode(json::canonical(whole)), payload);
  return input + "." + crypto::base64url_encode(key.sign(input));
}

StatusOr<Jws> parse_jws_parts(std::string_view header, std::string payload, std::string_view signature) {
  if (header.size() > kMaxJwsBytes)
    return invalid(format("has a header of more than {} bytes", kMaxJwsBytes));
  Jws out;
  TAU_ASSIGN_OR_RETURN(out.header, parse_header(header));
  auto decoded = crypto::base64url_decode(signature);
  if (!decoded.ok() || decoded->size() != sizeof(crypto::Signature))
    return invalid("has no 64 bytes of signature in base64url");
  out.signing_input = signing_input(header, payload);
  out.payload = std::move(payload);
  out.signature = *std::move(decoded);
  return out;
}

StatusOr<Jws> parse_jws(std::string_view compact) {
  if (compact.size() > kMaxJwsBytes) return invalid(format("has more than {} bytes", kMaxJwsBytes));
  const size_t first = compact.find('.');
  const size_t last = compact.rfind('.');
  if (first == last) return invalid("is not three parts between dots");
  auto payload = crypto::base64url_decode(compact.substr(first + 1, last - first - 1));
  if (!payload.ok()) return invalid("has a payload that is not base64url");
  return parse_jws_parts(compact.substr(0, first), *std::move(payload), compact.substr(last + 1));
}

}  // namespace tau::access
