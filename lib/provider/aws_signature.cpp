#include "provider/aws_signature.h"

#include <algorithm>
#include <chrono>

#include "crypto/crypto.h"
#include "provider/provider.h"

namespace tau::provider {
namespace {

using Header = std::pair<std::string, std::string>;

constexpr std::string_view kAlgorithm = "AWS4-HMAC-SHA256";
constexpr std::string_view kDate = "x-amz-date";
constexpr std::string_view kToken = "x-amz-security-token";

struct Key {
  std::string_view id;
  std::string_view secret;
  std::string_view token;
};

Key split_key(std::string_view text) {
  Key key;
  for (std::string_view* part : {&key.id, &key.secret}) {
    const size_t end = std::min(text.find(':'), text.size());
    *part = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  key.token = text;
  return key;
}

// "20150830T123600Z"
std::string stamp_of(int64_t time_s) {
  namespace chrono = std::chrono;
  const chrono::sys_seconds time{chrono::seconds(time_s)};
  const auto day = chrono::floor<chrono::days>(time);
  const chrono::year_month_day date(day);
  const chrono::hh_mm_ss clock(time - day);
  return format("{:04}{:02}{:02}T{:02}{:02}{:02}Z", static_cast<int>(date.year()),
                static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()), clock.hours().count(),
                clock.minutes().count(), clock.seconds().count());
}

bool is_unreserved(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' || c == '_' ||
         c == '.' || c == '~';
}

// Without empty and dot segments, and what it says percent-encoded once more.
std::string canonical_path(std::string_view path) {
  std::vector<std::string_view> segments;
  const bool slash_ends = path.ends_with('/') || path.ends_with("/.") || path.ends_with("/..");
  while (!path.empty()) {
    const std::string_view segment = path.substr(0, path.find('/'));
    path.remove_prefix(std::min(segment.size() + 1, path.size()));
    if (segment.empty() || segment == ".") continue;
    if (segment != "..")
      segments.push_back(segment);
    else if (!segments.empty())
      segments.pop_back();
  }
  std::string out;
  for (const std::string_view segment : segments) out.append("/").append(aws_encode(segment, false));
  if (out.empty() || slash_ends) out += '/';
  return out;
}

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

// As it is written but for encodings that are not the canonical ones.
std::string reencoded(std::string_view text) {
  std::string plain;
  for (size_t i = 0; i < text.size(); ++i) {
    const int high = text[i] == '%' && i + 2 < text.size() ? hex_digit(text[i + 1]) : -1;
    const int low = high >= 0 ? hex_digit(text[i + 2]) : -1;
    plain += low < 0 ? text[i] : static_cast<char>(high * 16 + low);
    if (low >= 0) i += 2;
  }
  return aws_encode(plain, false);
}

// Its parameters in order of name, then of value.
std::string canonical_query(std::string_view query) {
  std::vector<Header> parameters;
  while (!query.empty()) {
    const std::string_view one = query.substr(0, query.find('&'));
    query.remove_prefix(std::min(one.size() + 1, query.size()));
    if (one.empty()) continue;
    const size_t equals = std::min(one.find('='), one.size());
    parameters.emplace_back(reencoded(one.substr(0, equals)),
                            reencoded(one.substr(std::min(equals + 1, one.size()))));
  }
  std::sort(parameters.begin(), parameters.end());
  std::string out;
  for (const auto& [name, value] : parameters) {
    if (!out.empty()) out += '&';
    out.append(name).append("=").append(value);
  }
  return out;
}

// Without white space around it, and runs of spaces as one.
std::string canonical_value(std::string_view value) {
  std::string out;
  for (const char c : value) {
    const bool blank = c == ' ' || c == '\t';
    if (blank && (out.empty() || out.back() == ' ')) continue;
    out += blank ? ' ' : c;
  }
  if (out.ends_with(' ')) out.pop_back();
  return out;
}

std::string_view bytes_of(const crypto::Digest& digest) {
  return {reinterpret_cast<const char*>(digest.data()), digest.size()};
}

Secret chained(const Secret& key, std::string_view text) {
  crypto::Digest digest = crypto::hmac_sha256(key, text);
  Secret out(bytes_of(digest));
  secure_wipe(digest.data(), digest.size());
  return out;
}

// The key of one day, region and service.
Secret signing_key(std::string_view secret, std::string_view day, std::string_view region,
                   std::string_view service) {
  constexpr std::string_view kPrefix = "AWS4";
  const Secret start = Secret::generate(kPrefix.size() + secret.size(), [&](std::span<char> out) {
    std::copy(secret.begin(), secret.end(), std::copy(kPrefix.begin(), kPrefix.end(), out.begin()));
  });
  return chained(chained(chained(chained(start, day), region), service), "aws4_request");
}

std::vector<std::pair<std::string, Secret>> signed_with(const AwsRequest& request, const Key& key) {
  const std::string stamp = stamp_of(request.time_s);
  const std::string_view day = std::string_view(stamp).substr(0, stamp.find('T'));
  std::vector<Header> headers = request.headers;
  headers.emplace_back("host", request.host);
  headers.emplace_back(kDate, stamp);
  if (!key.token.empty()) headers.emplace_back(kToken, key.token);
  std::string names;
  const std::string canonical = aws_canonical_request(request, std::move(headers), names);
  const std::string scope = format("{}/{}/{}/aws4_request", day, request.region, request.service);
  const std::string to_sign =
      format("{}\n{}\n{}\n{}", kAlgorithm, stamp, scope, crypto::hex(crypto::sha256(canonical)));
  const Secret day_key = signing_key(key.secret, day, request.region, request.service);
  const std::string signature = crypto::hex(crypto::hmac_sha256(day_key, to_sign));
  std::vector<std::pair<std::string, Secret>> out;
  out.emplace_back(kDate, Secret(stamp));
  if (!key.token.empty()) out.emplace_back(kToken, Secret(key.token));
  out.emplace_back("authorization", Secret(format("{} Credential={}/{}, SignedHeaders={}, Signature={}",
                                                  kAlgorithm, key.id, scope, names, signature)));
  return out;
}

}  // namespace

bool is_aws_key(std::string_view key) {
  const Key parts = split_key(key);
  return !parts.id.empty() && !parts.secret.empty() && parts.id.find('/') == parts.id.npos &&
         parts.token.find(':') == parts.token.npos;
}

std::string aws_encode(std::string_view text, bool slash) {
  std::string out;
  for (const char c : text) {
    if (is_unreserved(c) || (slash && c == '/'))
      out += c;
    else
      out += format("%{:02X}", static_cast<unsigned>(static_cast<unsigned char>(c)));
  }
  return out;
}

std::string aws_canonical_request(const AwsRequest& request, std::vector<Header> headers,
                                  std::string& signed_headers) {
  std::stable_sort(headers.begin(), headers.end(),
                   [](const Header& a, const Header& b) { return a.first < b.first; });
  std::string lines;
  signed_headers.clear();
  for (size_t i = 0; i < headers.size(); ++i) {
    // Headers of one name are one header.
    const bool again = i > 0 && headers[i - 1].first == headers[i].first;
    if (again) {
      lines.back() = ',';
      lines.append(canonical_value(headers[i].second)).append("\n");
      continue;
    }
    if (!signed_headers.empty()) signed_headers += ';';
    signed_headers += headers[i].first;
    lines.append(headers[i].first).append(":").append(canonical_value(headers[i].second)).append("\n");
  }
  return format("{}\n{}\n{}\n{}\n{}\n{}", request.method, canonical_path(request.path),
                canonical_query(request.query), lines, signed_headers,
                crypto::hex(crypto::sha256(request.body)));
}

StatusOr<std::vector<std::pair<std::string, Secret>>> sign_aws(const AwsRequest& request, const Secret& key) {
  return key.reveal([&](std::string_view text) -> StatusOr<std::vector<std::pair<std::string, Secret>>> {
    if (!is_aws_key(text))
      return invalid_argument("bad_aws_key",
                              "a key to sign with has the form ID:SECRET, or ID:SECRET:SESSION_TOKEN");
    return signed_with(request, split_key(text));
  });
}

std::string_view aws_region_of(std::string_view host) {
  constexpr std::string_view kDomain = ".amazonaws.com";
  const size_t domain = host.rfind(kDomain);
  if (domain == host.npos) return {};
  std::string_view before = host.substr(0, domain);
  constexpr std::string_view kPrivate = ".vpce";  // of an endpoint in a network of one's own
  if (before.ends_with(kPrivate)) before.remove_suffix(kPrivate.size());
  const size_t dot = before.rfind('.');
  return dot == before.npos ? std::string_view() : before.substr(dot + 1);
}

}  // namespace tau::provider
