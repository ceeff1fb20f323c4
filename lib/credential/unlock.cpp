#include "credential/unlock.h"

#include <algorithm>

#include "os/os.h"

namespace tau::credential {
namespace {

constexpr uint64_t kMaxKeyFileBytes = 4096;

int digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

// 64 hexadecimal digits and line breaks behind them; decoded without a copy in ordinary memory.
StatusOr<Secret> decode_key(std::string_view text, std::string_view where) {
  while (!text.empty() && (text.back() == '\n' || text.back() == '\r')) text.remove_suffix(1);
  if (text.size() != 2 * kKeyBytes ||
      !std::all_of(text.begin(), text.end(), [](char c) { return digit(c) >= 0; }))
    return invalid_argument("invalid_key",
                            format("{} must hold a key of {} hexadecimal digits", where, 2 * kKeyBytes));
  return Secret::generate(kKeyBytes, [&](std::span<char> to) {
    for (size_t i = 0; i < to.size(); ++i)
      to[i] = static_cast<char>(digit(text[2 * i]) << 4 | digit(text[2 * i + 1]));
  });
}

Secret encode_key(const Secret& key) {
  return Secret::generate(2 * key.size() + 1, [&](std::span<char> to) {
    key.reveal([&](std::string_view bytes) {
      for (size_t i = 0; i < bytes.size(); ++i) {
        const auto byte = static_cast<uint8_t>(bytes[i]);
        to[2 * i] = "0123456789abcdef"[byte >> 4];
        to[2 * i + 1] = "0123456789abcdef"[byte & 15];
      }
    });
    to.back() = '\n';
  });
}

StatusOr<Unlock> key_unlock(SlotKind kind, std::string label, StatusOr<Secret> key) {
  if (!key.ok()) return std::move(key).status();
  return Unlock{kind, std::move(label), *std::move(key)};
}

// The least of two runs: neighbours only ever make it slower.
StatusOr<int64_t> time_password(Clock& clock, crypto::PasswordCost cost) {
  int64_t least = INT64_MAX;
  for (int run = 0; run < 2; ++run) {
    const int64_t begin = clock.monotonic_ns();
    TAU_RETURN_IF_ERROR(
        crypto::argon2id(Secret("calibration"), std::string(crypto::kPasswordSaltBytes, 's'), cost, kKeyBytes)
            .status());
    least = std::min(least, clock.monotonic_ns() - begin);
  }
  return std::max<int64_t>(least, 1);
}

}  // namespace

StatusOr<Unlock> passphrase_unlock(Secret passphrase, std::string label) {
  if (passphrase.size() < kLeastPassphraseBytes)
    return invalid_argument("weak_passphrase",
                            format("the passphrase of a vault has at least {} bytes", kLeastPassphraseBytes));
  return Unlock{SlotKind::kPassphrase, std::move(label), std::move(passphrase)};
}

StatusOr<Unlock> key_file_unlock(std::string_view path, std::string label) {
  TAU_ASSIGN_OR_RETURN(const Secret text, os::read_secret_file(path, kMaxKeyFileBytes));
  return key_unlock(SlotKind::kKeyFile, std::move(label), text.reveal([&](std::string_view bytes) {
    return decode_key(bytes, format("the key file \"{}\"", path));
  }));
}

Status make_key_file(std::string_view path, Random& random) {
  if (os::path_exists(path))
    return Status(Code::kAlreadyExists, "file_exists", format("\"{}\" exists", path));
  const Secret key =
      Secret::generate(kKeyBytes, [&](std::span<char> to) { random.fill(std::as_writable_bytes(to)); });
  return encode_key(key).reveal([&](std::string_view text) { return os::write_private_file(path, text); });
}

StatusOr<Unlock> environment_unlock(std::string_view variable, const EnvironmentLookup& lookup,
                                    std::string label) {
  std::optional<std::string> value = lookup(variable);
  if (!value) return not_found("variable_not_set", format("the variable {} is not set", variable));
  auto key = decode_key(*value, format("the variable {}", variable));
  secure_wipe(value->data(), value->size());
  return key_unlock(SlotKind::kEnvironment, std::move(label), std::move(key));
}

StatusOr<Unlock> callback_unlock(const std::function<StatusOr<Secret>()>& supply, std::string label) {
  auto key = supply();
  if (key.ok() && key->size() != kKeyBytes)
    return invalid_argument("invalid_key", format("the host must supply a key of {} bytes", kKeyBytes));
  return key_unlock(SlotKind::kCallback, std::move(label), std::move(key));
}

StatusOr<crypto::PasswordCost> calibrate_password_cost(int64_t target_ms, Clock& clock) {
  // Memory first: it is what makes guessing on other hardware expensive (RFC 9106, section 4).
  crypto::PasswordCost cost = {64 * 1024, crypto::kLeastPasswordCost.passes};
  for (;;) {
    TAU_ASSIGN_OR_RETURN(const int64_t taken_ns, time_password(clock, cost));
    const int64_t target_ns = target_ms * kNanosPerMilli;
    if (taken_ns <= target_ns || cost.memory_kib == crypto::kLeastPasswordCost.memory_kib) {
      const int64_t passes = target_ns * cost.passes / taken_ns;
      cost.passes = static_cast<uint32_t>(
          std::clamp<int64_t>(passes, crypto::kLeastPasswordCost.passes, crypto::kMostPasswordCost.passes));
      return cost;
    }
    cost.memory_kib = std::max(cost.memory_kib / 2, crypto::kLeastPasswordCost.memory_kib);
  }
}

}  // namespace tau::credential
