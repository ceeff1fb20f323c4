// An authorization server and a model server that are strict: single-use refresh tokens whose second use
// takes the whole login back, PKCE, one access token that is valid. With faults.
#pragma once

#include <deque>
#include <map>
#include <mutex>
#include <set>
#include <string>

#include "crypto/crypto.h"
#include "json/json.h"
#include "support/scripted_server.h"

namespace tau::runtime {

using test::Reply;

inline std::map<std::string, std::string> read_form(std::string_view text) {
  std::map<std::string, std::string> out;
  const auto decode = [](std::string_view in) {
    std::string text;
    for (size_t i = 0; i < in.size(); ++i) {
      if (in[i] != '%') {
        text += in[i];
        continue;
      }
      text += static_cast<char>(std::stoi(std::string(in.substr(i + 1, 2)), nullptr, 16));
      i += 2;
    }
    return text;
  };
  while (!text.empty()) {
    const std::string_view pair = text.substr(0, text.find('&'));
    text.remove_prefix(std::min(pair.size() + 1, text.size()));
    const size_t equals = pair.find('=');
    out[decode(pair.substr(0, equals))] = decode(pair.substr(equals + 1));
  }
  return out;
}

class AuthServer {
 public:
  AuthServer() {
    server_.set_handler([this](const test::RecordedRequest& r) { return handle(r); });
  }
  std::string url(std::string_view path) const { return server_.url(path); }
  test::ScriptedServer& server() { return server_; }

  // The next answer of the token endpoint. `accepts`: it does what is asked and answers otherwise.
  void fail_next(Reply reply, bool accepts = false) {
    const std::lock_guard lock(mutex_);
    faults_.push_back({std::move(reply), accepts});
  }
  void expect_challenge(std::string challenge) {
    const std::lock_guard lock(mutex_);
    challenge_ = std::move(challenge);
  }
  void lifetime(int64_t seconds) {
    const std::lock_guard lock(mutex_);
    lifetime_s_ = seconds;
  }
  // The access token is not accepted any more, before its time.
  void forget_access() {
    const std::lock_guard lock(mutex_);
    access_.clear();
  }
  void end_family() {
    const std::lock_guard lock(mutex_);
    refresh_.clear();
  }
  void pending(int polls, std::string error = "authorization_pending") {
    const std::lock_guard lock(mutex_);
    pending_ = polls;
    pending_error_ = std::move(error);
  }
  int refreshes() const { return locked(refreshes_); }
  int reuses() const { return locked(reuses_); }
  int grants() const { return locked(grants_); }
  int answered() const { return locked(answered_); }
  std::string access() const { return locked(access_); }
  std::string refresh() const { return locked(refresh_); }
  std::map<std::string, std::string> last_form() const { return locked(form_); }
  std::string revoked() const { return locked(revoked_); }
  // Every token that was ever given out.
  std::set<std::string> all() const { return locked(all_); }

 private:
  struct Fault {
    Reply reply;
    bool accepts;
  };
  template <class T>
  T locked(const T& value) const {
    const std::lock_guard lock(mutex_);
    return value;
  }

  static Reply error(const char* name, int status = 400) {
    return Reply::json(std::string("{\"error\":\"") + name + "\"}", status);
  }

  std::string made(const char* kind) {
    const crypto::Digest digest = crypto::sha256(std::string(kind) + std::to_string(++serial_) + url("/"));
    std::string text = std::string(kind) + "-" + crypto::hex(digest).substr(0, 40);
    all_.insert(text);
    return text;
  }

  Reply issue(bool refreshable) {
    ++grants_;
    access_ = made("access");
    if (refreshable) refresh_ = made("refresh");
    std::string body = "{\"access_token\":\"" + access_ +
                       "\",\"token_type\":\"Bearer\",\"expires_in\":" + std::to_string(lifetime_s_);
    if (refreshable) body += ",\"refresh_token\":\"" + refresh_ + "\"";
    return Reply::json(body + "}");
  }

  Reply use_refresh(const std::string& token) {
    if (used_.contains(token)) {
      ++reuses_;
      refresh_.clear();
      access_.clear();
      return error("invalid_grant");
    }
    if (token.empty() || token != refresh_) return error("invalid_grant");
    ++refreshes_;
    used_.insert(token);
    return issue(true);
  }

  Reply grant(const std::map<std::string, std::string>& form) {
    const auto field = [&](const char* name) {
      const auto at = form.find(name);
      return at == form.end() ? std::string() : at->second;
    };
    const std::string kind = field("grant_type");
    if (kind == "refresh_token") return use_refresh(field("refresh_token"));
    if (kind == "authorization_code") {
      const crypto::Digest digest = crypto::sha256(field("code_verifier"));
      const std::string_view bytes(reinterpret_cast<const char*>(digest.data()), digest.size());
      const bool good = field("code") == "good" && crypto::base64url_encode(bytes) == challenge_;
      return good ? issue(true) : error("invalid_grant");
    }
    if (kind.ends_with(":device_code")) return pending_-- > 0 ? error(pending_error_.c_str()) : issue(true);
    if (kind == "client_credentials")
      return field("client_secret").empty() && form_auth_.empty() ? error("invalid_client", 401)
                                                                  : issue(false);
    if (kind.ends_with(":jwt-bearer")) return issue(false);
    return error("unsupported_grant_type");
  }

  Reply token(const test::RecordedRequest& request) {
    form_ = read_form(request.body);
    form_auth_ = request.header("authorization");
    if (faults_.empty()) return grant(form_);
    Fault fault = std::move(faults_.front());
    faults_.pop_front();
    if (fault.accepts) (void)grant(form_);
    return std::move(fault.reply);
  }

  Reply handle(const test::RecordedRequest& request) {
    const std::lock_guard lock(mutex_);
    if (request.target == "/token") return token(request);
    if (request.target == "/device")
      return Reply::json("{\"device_code\":\"" + made("device") +
                         "\",\"user_code\":\"ABCD-EFGH\",\"interval\":1," + "\"verification_uri\":\"" +
                         url("/go") + "\",\"expires_in\":60}");
    if (request.target == "/revoke") {
      revoked_ = read_form(request.body)["token"];
      return Reply(200);
    }
    if (request.header("authorization") != "Bearer " + access_ || access_.empty())
      return Reply::json("{\"error\":{\"message\":\"no\",\"type\":\"authentication_error\"}}", 401);
    ++answered_;
    return Reply::json(
        "{\"id\":\"x\",\"object\":\"chat.completion\",\"created\":1,\"model\":\"m\",\"choices\":[{\"index\":"
        "0,"
        "\"message\":{\"role\":\"assistant\",\"content\":\"hello\"},\"finish_reason\":\"stop\"}]}");
  }

  mutable std::mutex mutex_;
  std::deque<Fault> faults_;
  std::string challenge_;
  int64_t lifetime_s_ = 3600;
  int serial_ = 0, refreshes_ = 0, reuses_ = 0, grants_ = 0, answered_ = 0, pending_ = 0;
  std::string pending_error_;
  std::string access_, refresh_, revoked_, form_auth_;
  std::set<std::string> used_, all_;
  std::map<std::string, std::string> form_;
  test::ScriptedServer server_;
};

}  // namespace tau::runtime
