// Checks a configuration document key by key.
#include <algorithm>
#include <cmath>

#include "credential/credential.h"
#include "net/net.h"
#include "provider/provider.h"
#include "runtime/config.h"
#include "runtime/config_keys.h"
#include "runtime/config_state.h"
#include "safety/safety.h"

namespace tau::runtime {
namespace {

constexpr size_t kMaxQuoted = 48;
constexpr std::string_view kOrigins[] = {"user", "project", "environment", "option", "agent"};

std::string quoted(std::string_view text) {
  std::string out;
  json::append_string(out, truncate_utf8(text, kMaxQuoted));
  if (text.size() > kMaxQuoted) out += "…";
  return out;
}

std::string found_text(const json::Value& value, bool secret) {
  switch (value.kind()) {
    case json::Value::Kind::kNull: return "null";
    case json::Value::Kind::kString:
      return secret ? "a string" : format("the string {}", quoted(value.as_string()));
    case json::Value::Kind::kArray: return "a list";
    case json::Value::Kind::kObject: return "a table";
    case json::Value::Kind::kBool: return json::write(value);
    default: return format("the number {}", json::write(value));
  }
}

bool has_type(const Key& key, const json::Value& value) {
  const auto is_string = [](const json::Value& v) { return v.is_string(); };
  switch (key.type) {
    case KeyType::kBool: return value.is_bool();
    case KeyType::kInteger: return value.is_integer();
    case KeyType::kNumber: return value.is_number();
    case KeyType::kString: return value.is_string();
    case KeyType::kObject: return value.is_object();
    case KeyType::kStringList:
      return value.is_array() && std::all_of(value.as_array().begin(), value.as_array().end(), is_string);
    case KeyType::kStringMap:
      return value.is_object() && std::all_of(value.as_object().begin(), value.as_object().end(),
                                              [](const auto& member) { return member.second.is_string(); });
  }
  return false;
}

bool is_header_name(std::string_view name) {
  const auto is_token = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string_view::npos;
  };
  return !name.empty() && name.size() <= 128 && std::all_of(name.begin(), name.end(), is_token);
}

// Headers of the connection itself, and those that usually carry credentials: these go through key_header,
// which binds them to an origin and keeps them out of logs.
bool is_forbidden_header(std::string_view name) {
  static constexpr std::string_view kForbidden[] = {"authorization",
                                                    "proxy-authorization",
                                                    "cookie",
                                                    "x-api-key",
                                                    "api-key",
                                                    "host",
                                                    "accept-encoding",
                                                    "expect",
                                                    "keep-alive",
                                                    "proxy-connection",
                                                    "te",
                                                    "trailer",
                                                    "upgrade",
                                                    "content-length",
                                                    "connection",
                                                    "transfer-encoding",
                                                    "x-goog-api-key"};
  std::string lower(name);
  std::transform(lower.begin(), lower.end(), lower.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
  return std::find(std::begin(kForbidden), std::end(kForbidden), lower) != std::end(kForbidden);
}

bool is_printable_ascii(std::string_view text, char first) {
  return std::all_of(text.begin(), text.end(), [&](char c) { return c >= first && c <= '~'; });
}

bool is_variable_name(std::string_view name) {
  const auto allowed = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
  };
  return !name.empty() && !(name[0] >= '0' && name[0] <= '9') &&
         std::all_of(name.begin(), name.end(), allowed);
}

// Whether `text` is an absolute URL; an origin has no path, and a base URL no query.
bool is_url(std::string_view text, bool origin_only) {
  const auto url = net::parse_url(text);
  if (!url.ok() || text.find('?') != text.npos || text.find('#') != text.npos) return false;
  return !origin_only || url->target == "/";
}

bool is_host_pattern(std::string_view text) {
  safety::EgressRules rules;
  rules.hosts.emplace_back(text);
  return safety::Egress::compile(rules).ok();
}

bool fits_form(const Key& key, std::string_view text) {
  switch (key.form) {
    case KeyForm::kText: return key.path.ends_with("key_prefix") ? is_printable_ascii(text, ' ') : true;
    case KeyForm::kModel: return text.empty() || provider::parse_model_reference(text).ok();
    case KeyForm::kUpstream: return parse_upstream(text).ok();
    case KeyForm::kName: return text.empty() || is_config_name(text);
    case KeyForm::kTool: return is_valid_id(text);
    case KeyForm::kBuiltin: return std::binary_search(builtin_tools().begin(), builtin_tools().end(), text);
    case KeyForm::kBaseUrl: return is_url(text, false);
    case KeyForm::kOrigin: return is_url(text, true);
    case KeyForm::kHost: return is_host_pattern(text);
    case KeyForm::kVariable: return is_variable_name(text);
    case KeyForm::kPath: return text.starts_with('/') && text.find('\0') == text.npos;
    case KeyForm::kHeader: return is_header_name(text);
    case KeyForm::kHeaders: return is_printable_ascii(text, ' ');
    case KeyForm::kId: return is_valid_id(text);
    case KeyForm::kKey:
      if (credential::is_reference(text)) return credential::parse_reference(text).ok();
      return !text.empty() && is_printable_ascii(text, '!');
    case KeyForm::kRule: return safety::parse_argument_rule(text).ok();
    case KeyForm::kFlow: return safety::parse_flow(text).ok();
    case KeyForm::kRequest: return safety::parse_request_scope(text).ok();
    case KeyForm::kSecret: return credential::is_reference(text) && credential::parse_reference(text).ok();
    case KeyForm::kChoice: {
      const auto choices = split(key.choices, '|');
      return std::find(choices.begin(), choices.end(), text) != choices.end();
    }
  }
  return false;
}

std::string_view bad_form_reason(const Key& key) {
  if (key.form == KeyForm::kBuiltin) return "unknown_tool";
  const bool model = key.form == KeyForm::kModel || key.form == KeyForm::kUpstream;
  return model ? "invalid_model_reference" : "bad_value";
}

Status mismatch(const Key& key, std::string_view reason, std::string_view found) {
  return invalid_argument(reason, format("expected {}, found {}", expected_text(key), found));
}

Status check_string(const Key& key, const json::Value& value, size_t max_bytes) {
  const std::string_view text = value.as_string();
  if (!is_valid_utf8(text)) return mismatch(key, "bad_value", "a string that is not UTF-8");
  if (text.size() > max_bytes) return mismatch(key, "bad_value", format("{} bytes", text.size()));
  if (!fits_form(key, text)) {
    const size_t scheme = text.find("://");
    const bool may_hold_password = scheme != text.npos && text.find('@', scheme) != text.npos;
    return mismatch(key, bad_form_reason(key),
                    may_hold_password ? "one with a user or password in it" : found_text(value, key.secret));
  }
  return ok_status();
}

Status check_headers(const Key& key, const json::Value& value) {
  if (value.size() > static_cast<size_t>(key.max))
    return mismatch(key, "bad_value", format("{} headers", value.size()));
  for (const auto& [name, text] : value.as_object()) {
    if (!is_header_name(name)) return mismatch(key, "bad_value", format("the name {}", quoted(name)));
    if (is_forbidden_header(name))
      return invalid_argument("bad_value",
                              format("the header \"{}\" may not be set here; name a credential by "
                                     "api_key, key_env or key_file, its header by key_header",
                                     name));
    TAU_RETURN_IF_ERROR(check_string(key, text, 4096));
  }
  return ok_status();
}

Status check_list(const Key& key, const json::Value& value) {
  if (value.size() > static_cast<size_t>(key.max))
    return mismatch(key, "bad_value", format("{} entries", value.size()));
  for (const json::Value& entry : value.as_array()) TAU_RETURN_IF_ERROR(check_string(key, entry, 4096));
  return ok_status();
}

Status check_number(const Key& key, const json::Value& value) {
  const double number = value.as_double();
  const bool in_range =
      value.kind() == json::Value::Kind::kInt
          ? value.as_int() >= key.min && value.as_int() <= key.max
          : number >= static_cast<double>(key.min) && number <= static_cast<double>(key.max);
  return in_range ? ok_status() : mismatch(key, "bad_value", found_text(value, false));
}

Status project_may_not(const KeyPath& path) {
  return invalid_argument(
      "not_allowed_in_project",
      format("{}: a project's file may not set this key; it may choose a model and params, "
             "lower limits, disable tools and tighten the policy",
             key_text(path)));
}

// What depends on where the document comes from.
Status check_origin(std::string_view origin, const KeyPath& path, const Key& key, const json::Value& value) {
  const bool in_profile = path[0] == "profiles";
  if (origin == "project" && (in_profile || key.project == ProjectRule::kNever)) return project_may_not(path);
  if (origin == "agent" && (in_profile || key.scope == KeyScope::kRuntime))
    return invalid_argument(
        "unknown_key", format("{}: a key of the runtime's configuration, not of an agent's", key_text(path)));
  if (key.form == KeyForm::kKey && origin != "option" && origin != "agent" &&
      !credential::is_reference(value.as_string()))
    return invalid_argument(
        "bad_value", format("{}: a key may not stand in a file; name the file or the variable "
                            "that holds it with key_file or key_env, or one of the vault as secret://NAME",
                            key_text(path)));
  if (path[0] == "providers" && is_reserved_provider(path[1]))
    return invalid_argument("bad_value",
                            format("{}: \"{}\" is a model of the library itself", key_text(path), path[1]));
  return ok_status();
}

}  // namespace

const std::vector<std::string>& builtin_tools() {
  static const auto* const tools =
      new std::vector<std::string>{"bash", "edit", "glob", "grep", "http", "ls", "read", "write"};
  return *tools;
}

const std::vector<std::string>& default_tools() {
  static const auto* const tools =
      new std::vector<std::string>{"bash", "edit", "glob", "grep", "ls", "read", "write"};
  return *tools;
}

std::string expected_text(const Key& key) {
  switch (key.type) {
    case KeyType::kBool: return "true or false";
    case KeyType::kInteger: return format("an integer from {} to {}", key.min, key.max);
    case KeyType::kNumber: return format("a number from {} to {}", key.min, key.max);
    case KeyType::kObject: return "a table";
    case KeyType::kStringMap:
      return format("a table of at most {} header names with printable values", key.max);
    default: break;
  }
  const bool list = key.type == KeyType::kStringList;
  const auto some = [&](std::string_view one, std::string_view many) {
    return list ? format("a list of at most {} {}", key.max, many) : std::string(one);
  };
  switch (key.form) {
    case KeyForm::kModel: return "a model as provider/model";
    case KeyForm::kUpstream: return "a model as provider/model or provider/model=WEIGHT";
    case KeyForm::kName: return "a name of at most 64 letters, digits, '-' and '_'";
    case KeyForm::kTool: return some("a tool's name", "names of tools");
    case KeyForm::kBuiltin:
      return some("a built-in tool", "of bash, edit, glob, grep, http, ls, read, write");
    case KeyForm::kBaseUrl: return "an absolute http or https URL without a user, a query or a fragment";
    case KeyForm::kHost:
      return some("a host as example.com or *.example.com", "hosts as example.com or *.example.com");
    case KeyForm::kOrigin: return some("an origin as http://host:port", "origins as http://host:port");
    case KeyForm::kVariable: return "the name of an environment variable";
    case KeyForm::kPath: return "an absolute path";
    case KeyForm::kHeader: return "the name of a header";
    case KeyForm::kId: return "an id of 1 to 128 characters of [A-Za-z0-9_.:-]";
    case KeyForm::kKey:
      return format("a key of printable ASCII, at most {} bytes, or a reference secret://NAME", key.max);
    case KeyForm::kChoice:
      return some("one of " + std::string(key.choices), "strings out of " + std::string(key.choices));
    case KeyForm::kRule: return some("a rule", "rules as \"allow|ask|deny TOOL [ARGUMENT PATTERN]\"");
    case KeyForm::kFlow: return some("a flow", "flows as \"DESTINATION=READER\"");
    case KeyForm::kRequest:
      return some("a method and an origin", "methods and origins as \"POST https://api.example.com\"");
    case KeyForm::kSecret: return "a secret of the vault as secret://NAME";
    default: return format("a string of at most {} bytes", key.max);
  }
}

Status check_value(const Key& key, const json::Value& value) {
  if (!has_type(key, value)) return mismatch(key, "wrong_type", found_text(value, key.secret));
  switch (key.type) {
    case KeyType::kInteger:
    case KeyType::kNumber: return check_number(key, value);
    case KeyType::kString: return check_string(key, value, static_cast<size_t>(key.max));
    case KeyType::kStringList: return check_list(key, value);
    case KeyType::kStringMap: return check_headers(key, value);
    default: return ok_status();
  }
}

namespace {

Status unknown_key(const KeyPath& path) {
  const bool named = path.size() >= 2 && (path[0] == "providers" || path[0] == "profiles");
  const std::string nearest = nearest_key(path);
  std::string hint;
  if (named && !is_config_name(path[1])) {
    hint = "; a name is 1 to 64 of [A-Za-z0-9_-]";
  } else if (!nearest.empty()) {
    hint = format("; did you mean {}?", nearest);
  }
  return invalid_argument("unknown_key", format("{}: unknown key{}", key_text(path), hint));
}

// Recursion ends with the table's longest path.
Status walk(const json::Value& table, KeyPath& path, const KeyVisitor& visit) {
  for (const auto& [name, value] : table.as_object()) {
    path.push_back(name);
    const KeyMatch match = find_key(path);
    if (match.key != nullptr) {
      TAU_RETURN_IF_ERROR(visit(path, *match.key, value));
    } else if (!match.table) {
      return unknown_key(path);
    } else if (!value.is_object()) {
      return invalid_argument(
          "wrong_type", format("{}: expected a table, found {}", key_text(path), found_text(value, true)));
    } else {
      TAU_RETURN_IF_ERROR(walk(value, path, visit));
    }
    path.pop_back();
  }
  return ok_status();
}

}  // namespace

Status walk_document(const json::Value& document, const KeyVisitor& visit) {
  KeyPath path;
  return walk(document, path, visit);
}

std::string_view layer_name(const Layer& layer) { return layer.source.empty() ? layer.origin : layer.source; }

Status check_document(const Layer& layer) {
  if (std::find(std::begin(kOrigins), std::end(kOrigins), layer.origin) == std::end(kOrigins))
    return internal_error("unknown_origin", format("no layer has the origin \"{}\"", layer.origin));
  if (!layer.document.is_object())
    return invalid_argument("wrong_type", format("{}: expected a table, found {}", layer_name(layer),
                                                 found_text(layer.document, true)));
  const auto visit = [&](const KeyPath& path, const Key& key, const json::Value& value) {
    TAU_RETURN_IF_ERROR(check_origin(layer.origin, path, key, value));
    const Status status = check_value(key, value);
    return status.ok() ? status : status.annotate(key_text(path));
  };
  const Status status = walk_document(layer.document, visit);
  return status.ok() ? status : status.annotate(layer_name(layer));
}

}  // namespace tau::runtime
