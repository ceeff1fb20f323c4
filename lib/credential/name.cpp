#include "credential/name.h"

namespace tau::credential {
namespace {

constexpr std::string_view kScheme = "secret://";

bool is_word(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '_' ||
         c == '-';
}

// Words with single slashes between them, where those are allowed.
bool is_path(std::string_view text, bool slashes) {
  if (text.empty() || text.size() > kMaxNameBytes || text.front() == '/' || text.back() == '/') return false;
  for (size_t i = 0; i < text.size(); ++i) {
    if (is_word(text[i])) continue;
    if (!slashes || text[i] != '/' || text[i - 1] == '/') return false;
  }
  return true;
}

}  // namespace

Status check_name(const SecretName& name) {
  if (is_path(name.id, true) && is_path(name.field, false)) return ok_status();
  return invalid_argument("invalid_secret_name",
                          "the name of a secret is made of letters, digits and \".\", \"_\", \"-\", with "
                          "\"/\" between parts of the id, each of id and field at most 200 bytes");
}

bool is_reference(std::string_view text) { return text.substr(0, kScheme.size()) == kScheme; }

StatusOr<SecretName> parse_reference(std::string_view text) {
  // What is no reference may be a secret: it is not repeated in the message.
  if (!is_reference(text))
    return invalid_argument("invalid_secret_name", "expected a reference such as secret://provider/openai");
  text.remove_prefix(kScheme.size());
  SecretName name;
  const size_t hash = text.find('#');
  name.id = text.substr(0, hash);
  if (hash != text.npos) name.field = text.substr(hash + 1);
  TAU_RETURN_IF_ERROR(check_name(name));
  return name;
}

std::string to_reference(const SecretName& name) {
  std::string out = format("{}{}", kScheme, name.id);
  if (name.field != "value") out += "#" + name.field;
  return out;
}

}  // namespace tau::credential
