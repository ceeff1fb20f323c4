// What an authorization server answers, and what the vault keeps of a login. The first line is the status of
// the answer. Tokens are what a header carries; what is kept is read as it is written.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "law.h"
#include "provider/oauth.h"

namespace {

using tau::fuzz::require;

void check_token(const tau::Secret& token) {
  require(token.size() <= tau::provider::kMaxTokenBytes);
  token.reveal([](std::string_view text) {
    for (const char c : text) require(c > ' ' && c <= '~');
  });
}

void check_failure(const tau::Status& status) {
  require(!status.ok() && !status.reason().empty() && status.message().size() < 800);
  for (const char c : status.message()) require(static_cast<unsigned char>(c) >= ' ');
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::string_view body(reinterpret_cast<const char*>(data), size);
  const int status = std::atoi(std::string(tau::fuzz::take_line(body).substr(0, 3)).c_str());
  if (const auto tokens = tau::provider::read_tokens(status, body); tokens.ok()) {
    require(status == 200 && !tokens->access.empty() && tokens->lifetime_s >= 0);
    check_token(tokens->access);
    check_token(tokens->refresh);
  } else {
    check_failure(tokens.status());
  }
  if (const auto code = tau::provider::read_device_code(status, body); code.ok()) {
    check_token(code->code);
    require(!code->user_code.empty() && code->interval_s > 0 && code->lifetime_s > 0);
  } else {
    check_failure(code.status());
  }
  if (const auto state = tau::provider::LoginState::read(body); state.ok()) {
    const auto again = tau::provider::LoginState::read(state->write());
    require(again.ok() && again->write() == state->write());
  }
  (void)tau::provider::read_service_key(tau::Secret(body));
  return 0;
}
