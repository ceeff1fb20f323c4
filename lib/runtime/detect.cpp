// Which model answers when none is configured, and who listens on this machine.
#include <algorithm>
#include <charconv>

#include "runtime/config.h"
#include "runtime/config_local.h"
#include "runtime/config_state.h"

namespace tau::runtime {
namespace {

constexpr uint64_t kStateListen = 0x0a;

// Takes the next field of a line; fields are separated by blanks.
std::string_view next_field(std::string_view& line) {
  line.remove_prefix(std::min(line.find_first_not_of(" \t"), line.size()));
  const std::string_view field = line.substr(0, line.find_first_of(" \t"));
  line.remove_prefix(field.size());
  return field;
}

std::optional<uint64_t> number(std::string_view text, int base) {
  uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, base);
  if (text.empty() || error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

// "0100007F:1F90": each 32-bit word of the address as a number of the host, which is little-endian on every
// machine that libtau supports; the port as it is read.
std::optional<net::Address> parse_socket_address(std::string_view text) {
  const size_t colon = text.find(':');
  if (colon != 8 && colon != 32) return std::nullopt;
  net::Address address;
  address.is_v6 = colon == 32;
  for (size_t word = 0; word < colon / 8; ++word) {
    const auto bits = number(text.substr(word * 8, 8), 16);
    if (!bits) return std::nullopt;
    for (size_t i = 0; i < 4; ++i) address.bytes[word * 4 + i] = static_cast<uint8_t>(*bits >> (8 * i));
  }
  const auto port = number(text.substr(colon + 1), 16);
  if (!port || *port > 0xffff) return std::nullopt;
  address.port = static_cast<uint16_t>(*port);
  return address;
}

std::optional<Listener> parse_line(std::string_view line) {
  next_field(line);  // number of the row
  const auto address = parse_socket_address(next_field(line));
  next_field(line);  // remote address
  const auto state = number(next_field(line), 16);
  for (int skipped = 0; skipped < 3; ++skipped) next_field(line);  // queues, timer, retransmits
  const auto uid = number(next_field(line), 10);
  if (!address || state != kStateListen || !uid || *uid > UINT32_MAX) return std::nullopt;
  return Listener{*address, static_cast<uint32_t>(*uid)};
}

// Whether a connection to 127.0.0.1 may end at a socket bound there: exactly, by wildcard, or by a socket of
// IPv6 that takes IPv4 as well.
bool takes_loopback(const net::Address& address) {
  static constexpr uint8_t kLoopback[4] = {127, 0, 0, 1};
  static constexpr uint8_t kAny[16] = {};
  static constexpr uint8_t kMapped[16] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 127, 0, 0, 1};
  const auto equals = [&](const uint8_t* bytes, size_t size) {
    return std::equal(bytes, bytes + size, address.bytes);
  };
  if (!address.is_v6) return equals(kLoopback, 4) || equals(kAny, 4);
  return equals(kAny, 16) || equals(kMapped, 16);
}

// A provider whose default model can be used at once.
std::optional<Detected> detect_key(const Config& config, const Environment& environment) {
  for (const auto& known : provider::known_providers()) {
    if (known.default_model.empty()) continue;
    const KeySource source = find_key_source(config.state(), known.name);
    if (source.kind == KeySource::Kind::kNone) continue;
    std::string model = format("{}/{}", known.name, known.default_model);
    const auto route = config.route(model, environment);
    if (!route.ok() || route->credential_id.empty()) continue;
    if (source.kind == KeySource::Kind::kAuth)
      return Detected{std::move(model), format("providers.{}.auth is set", known.name)};
    const bool stored = source.kind == KeySource::Kind::kStored || source.kind == KeySource::Kind::kVault;
    return Detected{std::move(model), stored ? format("providers.{}.api_key is set", known.name)
                                             : format("{} is set", source.name)};
  }
  return std::nullopt;
}

}  // namespace

std::vector<Listener> parse_listeners(std::string_view text) {
  std::vector<Listener> listeners;
  while (!text.empty()) {
    const size_t end = std::min(text.find('\n'), text.size());
    if (const auto listener = parse_line(text.substr(0, end))) listeners.push_back(*listener);
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return listeners;
}

Trust judge_port(std::span<const Listener> listeners, uint16_t port, uint32_t uid) {
  Trust trust = Trust::kNobody;
  for (const Listener& listener : listeners) {
    if (listener.address.port != port || !takes_loopback(listener.address)) continue;
    if (listener.uid != uid && listener.uid != 0) return Trust::kForeign;
    trust = Trust::kOurs;
  }
  return trust;
}

std::vector<LocalServer> known_local_servers() {
  std::vector<LocalServer> servers;
  for (const auto& known : provider::known_providers()) {
    const auto url = net::parse_url(known.base_url);
    if (known.key_variable.empty() && url.ok() && url->host == "127.0.0.1")
      servers.push_back({std::string(known.name), std::string(known.base_url), url->port});
  }
  return servers;
}

std::string first_model(std::string_view provider, std::string_view body) {
  const auto answer = json::parse(body);
  if (!answer.ok()) return {};
  for (const json::Value& entry : (*answer)["data"].as_array()) {
    std::string model = format("{}/{}", provider, entry["id"].as_string());
    if (provider::parse_model_reference(model).ok()) return model;
  }
  return {};
}

Detected detect_model(const Config& config, const Environment& environment,
                      const std::function<std::optional<Detected>()>& local_server) {
  const std::string_view configured = config.document()["model"].as_string();
  if (!configured.empty()) {
    const auto origin = config.state().origins.find("model");
    const bool known = origin != config.state().origins.end();
    return {std::string(configured),
            known ? format("model is set in {}", layer_name(config.state().layers[origin->second]))
                  : std::string("model is set")};
  }
  if (auto found = detect_key(config, environment)) return *std::move(found);
  if (local_server)
    if (auto found = local_server()) return *std::move(found);
  return {"offline/offline", "no model is configured, no provider key is set and no local server answers"};
}

}  // namespace tau::runtime
