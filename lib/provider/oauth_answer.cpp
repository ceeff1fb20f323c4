// What an authorization server answers, strictly: bounded, JSON, every member of its type and given once. Its
// texts are hostile until shown otherwise, and tokens go from the answer into secrets and nowhere else.
#include <algorithm>
#include <span>

#include "json/json.h"
#include "net/net.h"
#include "provider/oauth.h"

namespace tau::provider {
namespace {

constexpr size_t kMaxShownBytes = 200;
constexpr size_t kMaxWordBytes = 20;  // longer words of a server's text could be a token that it repeats
constexpr size_t kMaxScopeBytes = 2048;
constexpr size_t kMaxUserCodeBytes = 64;
constexpr int64_t kMaxLifetimeS = int64_t{10} * 366 * 86'400;
constexpr int64_t kMaxIntervalS = 300;
constexpr int64_t kMaxDeviceS = 3600;
constexpr int64_t kSlowDownMs = 5'000;
constexpr int64_t kMaxBackOffMs = 60'000;

Status invalid(std::string_view what) {
  return data_loss("invalid_token_answer", format("the authorization server's answer {}", what));
}

bool is_token_text(std::string_view text) {
  return !text.empty() && text.size() <= kMaxTokenBytes &&
         std::ranges::all_of(text, [](char c) { return c > ' ' && c <= '~'; });
}

bool is_printable(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return c >= ' ' && c <= '~'; });
}

// For people: one line of plain characters, without any word that could be a token.
std::string shown(std::string_view text) {
  std::string out;
  std::string word;
  const auto end_word = [&] {
    out += word.size() > kMaxWordBytes ? std::string("[…]") : word;
    word.clear();
  };
  for (const char c : text.substr(0, std::min(text.size(), kMaxTokenAnswerBytes))) {
    if (out.size() > kMaxShownBytes) break;
    const bool plain = c > ' ' && c <= '~';
    if (plain && c != ',' && c != ';' && c != ':' && c != '"' && c != '\'' && c != '(' && c != ')') {
      word += c;
      continue;
    }
    end_word();
    out += plain ? c : ' ';
  }
  end_word();
  return std::string(truncate_utf8(out, kMaxShownBytes));
}

// The members of one object, each of the known ones at most once.
class Answer {
 public:
  explicit Answer(std::string_view body) : body_(body) {}

  // take(name, reader) reads the value, or leaves it and is false: it is skipped.
  template <class Take>
  Status read(Take take) {
    if (body_.size() > kMaxTokenAnswerBytes) return invalid("is larger than 64 KiB");
    json::Reader r;
    if (!r.load(body_) || !r.enter_object()) return invalid("is no JSON object");
    std::string_view name;
    while (r.next_key(name)) {
      if (std::ranges::find(seen_, name) != seen_.end()) return invalid("has a member twice");
      if (seen_.size() == kMaxMembers) return invalid("has too many members");
      seen_.emplace_back(name);
      Status bad;
      if (!take(seen_.back(), r, bad)) r.skip();
      TAU_RETURN_IF_ERROR(bad);
    }
    return r.status().ok() ? ok_status() : invalid("is no JSON object");
  }

 private:
  static constexpr size_t kMaxMembers = 128;
  std::string_view body_;
  std::vector<std::string> seen_;
};

// Of four hexadecimal digits that stand for a printable character; -1 for others.
int printable_of(std::string_view digits) {
  int value = 0;
  for (const char c : digits) {
    const char lower = static_cast<char>(c | 0x20);
    const int digit = c >= '0' && c <= '9' ? c - '0' : lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
    if (digit < 0) return -1;
    value = value * 16 + digit;
  }
  return digits.size() == 4 && value > ' ' && value <= '~' ? value : -1;
}

// The escapes that a token can have, which is of printable characters alone.
size_t unescape_token(std::string_view text, std::span<char> to) {
  size_t size = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    int c = text[i];
    if (c == '\\') {
      c = ++i < text.size() ? text[i] : -1;
      if (c == 'u') {
        c = printable_of(text.substr(i + 1, 4));
        i += 4;
      } else if (c != '/' && c != '\\' && c != '"') {
        return 0;
      }
    }
    if (c < 0) return 0;
    to[size++] = static_cast<char>(c);
  }
  return size;
}

// A string's value, which ordinary memory does not see.
StatusOr<Secret> take_secret(json::Reader& r) {
  std::string_view text;
  if (r.kind() != json::Value::Kind::kString || !r.raw(text)) return invalid("has a token that is no string");
  text = text.substr(1, text.size() - 2);
  if (text.size() > kMaxTokenBytes) return invalid("has a token of more than 16 KiB");
  if (text.empty()) return invalid("has an empty token");
  size_t length = 0;
  const Secret whole =
      Secret::generate(text.size(), [&](std::span<char> to) { length = unescape_token(text, to); });
  return whole.reveal([&](std::string_view bytes) -> StatusOr<Secret> {
    const std::string_view token = bytes.substr(0, length);
    if (!is_token_text(token)) return invalid("has a token with characters that no header carries");
    return Secret(token);
  });
}

bool take_text(json::Reader& r, std::string& out, size_t max, Status& bad) {
  std::string_view text;
  if (r.kind() != json::Value::Kind::kString || !r.string(text)) {
    bad = invalid("has a member of the wrong type");
  } else if (text.size() > max || !is_printable(text)) {
    bad = invalid("has a text that is too long or not printable");
  } else {
    out = text;
  }
  return true;
}

// A number of seconds; some servers write it as a string.
bool take_seconds(json::Reader& r, int64_t& out, Status& bad) {
  double number = 0;
  std::string_view text;
  bool good = false;
  if (r.kind() == json::Value::Kind::kString) {
    good = r.string(text) && !text.empty() && text.size() <= 10 &&
           std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; });
    for (const char c : good ? text : std::string_view()) number = number * 10 + (c - '0');
  } else if (r.kind() == json::Value::Kind::kInt || r.kind() == json::Value::Kind::kDouble) {
    good = r.number(number) && number >= 0 && number <= static_cast<double>(INT32_MAX) * 1000;
  }
  if (!good) bad = invalid("has a time that is no number of seconds");
  out = good ? static_cast<int64_t>(std::min(number, static_cast<double>(kMaxLifetimeS))) : 0;
  return true;
}

struct Refusal {
  std::string error;
  std::string description;
};

// The error of an answer that has one; what is no JSON has none.
Refusal read_refusal(std::string_view body) {
  Refusal refusal;
  const Status whole = Answer(body).read([&](const std::string& name, json::Reader& r, Status&) {
    std::string* const to = name == "error"               ? &refusal.error
                            : name == "error_description" ? &refusal.description
                                                          : nullptr;
    std::string_view text;
    if (to == nullptr || r.kind() != json::Value::Kind::kString) return false;
    if (r.string(text)) *to = to == &refusal.error ? std::string(text.substr(0, 64)) : shown(text);
    return true;
  });
  if (!whole.ok()) return {};
  return refusal;
}

struct KnownError {
  std::string_view error;
  Code code;
  std::string_view says;
};
constexpr KnownError kErrors[] = {
    {"invalid_grant", Code::kUnauthenticated, "the login is over: it was used up, taken back or has expired"},
    {"invalid_client", Code::kUnauthenticated, "the client's id or secret is not accepted"},
    {"unauthorized_client", Code::kFailedPrecondition, "this client may not use this kind of login"},
    {"unsupported_grant_type", Code::kFailedPrecondition, "this kind of login is not offered"},
    {"invalid_scope", Code::kFailedPrecondition, "the scopes are not accepted"},
    {"access_denied", Code::kPermissionDenied, "the login was denied"},
    {"expired_token", Code::kDeadlineExceeded, "the code has expired before the login"},
    {"authorization_pending", Code::kUnavailable, "nobody has logged in yet"},
    {"slow_down", Code::kUnavailable, "it is asked too often"},
};

Status refused(int http_status, std::string_view body) {
  const Refusal refusal = read_refusal(body);
  const std::string more = refusal.description.empty() ? "" : ": " + refusal.description;
  // A busy server may say anything, also that a grant is invalid.
  const bool busy = http_status >= 500 || http_status == 429 || http_status == 408 ||
                    refusal.error == "temporarily_unavailable" || refusal.error == "server_error";
  if (busy) {
    return unavailable("token_endpoint_unavailable",
                       format("the authorization server answers with status {}{}", http_status, more));
  }
  if (http_status >= 300 && http_status < 400)
    return failed_precondition("redirect_refused",
                               "the authorization server redirects the request, which is not followed");
  for (const KnownError& known : kErrors) {
    if (refusal.error != known.error) continue;
    const bool again = known.code == Code::kUnavailable;
    return Status(
        ErrorInfo{.code = known.code,
                  .reason = std::string(known.error),
                  .message = format("the authorization server says {}: {}{}", known.error, known.says, more),
                  .retryable = again,
                  .details_json = {}});
  }
  if (http_status == 401)
    return Status(Code::kUnauthenticated, "invalid_client",
                  "the authorization server does not accept the client's id or secret");
  return failed_precondition("token_refused",
                             format("the authorization server refuses with status {}{}{}{}", http_status,
                                    refusal.error.empty() ? "" : ", ", shown(refusal.error), more));
}

}  // namespace

StatusOr<Tokens> read_tokens(int http_status, std::string_view body) {
  if (http_status != 200) return refused(http_status, body);
  Tokens tokens;
  std::string type;
  bool refused_here = false;
  const Status whole = Answer(body).read([&](const std::string& name, json::Reader& r, Status& bad) {
    if (name == "access_token" || name == "refresh_token") {
      if (name == "refresh_token" && r.null()) return true;
      auto token = take_secret(r);
      if (!token.ok()) bad = token.status();
      if (token.ok()) (name == "access_token" ? tokens.access : tokens.refresh) = *std::move(token);
      return true;
    }
    if (name == "token_type") return take_text(r, type, 64, bad);
    if (name == "expires_in") return r.null() || take_seconds(r, tokens.lifetime_s, bad);
    if (name == "scope") return r.null() || take_text(r, tokens.scope, kMaxScopeBytes, bad);
    refused_here = refused_here || name == "error";
    return false;
  });
  TAU_RETURN_IF_ERROR(whole);
  // Some servers refuse with status 200.
  if (refused_here && tokens.access.empty()) return refused(400, body);
  if (tokens.access.empty()) return invalid("has no access token");
  const bool bearer =
      type.empty() ||
      (type.size() == 6 && std::ranges::equal(type, std::string_view("bearer"), {},
                                              [](char c) { return static_cast<char>(c | 0x20); }));
  if (!bearer) return invalid(format("has a token of another type than Bearer: {}", shown(type)));
  return tokens;
}

StatusOr<DeviceCode> read_device_code(int http_status, std::string_view body) {
  if (http_status != 200) return refused(http_status, body);
  DeviceCode out;
  bool refused_here = false;
  const Status whole = Answer(body).read([&](const std::string& name, json::Reader& r, Status& bad) {
    if (name == "device_code") {
      auto code = take_secret(r);
      if (!code.ok()) bad = code.status();
      if (code.ok()) out.code = *std::move(code);
      return true;
    }
    if (name == "user_code") return take_text(r, out.user_code, kMaxUserCodeBytes, bad);
    // "verification_url" is what one large provider calls it.
    if (name == "verification_uri" || name == "verification_url")
      return take_text(r, out.verify_url, 2048, bad);
    if (name == "verification_uri_complete") return take_text(r, out.complete_url, 2048, bad);
    if (name == "expires_in") return take_seconds(r, out.lifetime_s, bad);
    if (name == "interval") return take_seconds(r, out.interval_s, bad);
    refused_here = refused_here || name == "error";
    return false;
  });
  TAU_RETURN_IF_ERROR(whole);
  if (refused_here && out.code.empty()) return refused(400, body);
  if (out.code.empty() || out.user_code.empty() || out.verify_url.empty())
    return invalid("has no device_code, user_code or verification_uri");
  // Both are opened by a person: nothing but a web page.
  const auto is_page = [](const std::string& url) { return net::parse_url(url).ok(); };
  if (!is_page(out.verify_url) || (!out.complete_url.empty() && !is_page(out.complete_url)))
    return invalid("names a page that is no http or https URL");
  if (out.lifetime_s <= 0 || out.lifetime_s > kMaxDeviceS) out.lifetime_s = kMaxDeviceS;
  out.interval_s = std::clamp<int64_t>(out.interval_s, 1, kMaxIntervalS);
  return out;
}

DevicePolls::DevicePolls(int64_t now_ms, const DeviceCode& code)
    : interval_ms_(code.interval_s * 1000),
      next_ms_(now_ms + interval_ms_),
      end_ms_(now_ms + code.lifetime_s * 1000) {}

Status DevicePolls::after(int64_t now_ms, const Status& answer) {
  if (answer.reason() == "slow_down") {
    interval_ms_ += kSlowDownMs;
  } else if (answer.reason() != "authorization_pending") {
    if (!answer.retryable()) return answer;
    // No answer: less and less often (RFC 8628 section 3.5).
    interval_ms_ = std::max(interval_ms_, std::min(interval_ms_ * 2, kMaxBackOffMs));
  }
  next_ms_ = now_ms + std::max(interval_ms_, answer.retry_after_ms());
  if (next_ms_ < end_ms_) return ok_status();
  return deadline_exceeded("expired_token", "the code has expired before the login");
}

}  // namespace tau::provider
