#include "json/uri.h"

#include <cctype>

namespace tau::json {
namespace {

struct Parts {
  std::string_view scheme;
  std::string_view authority;
  std::string_view path;
  std::string_view query;
  std::string_view fragment;
  bool has_scheme = false;
  bool has_authority = false;
  bool has_query = false;
  bool has_fragment = false;
};

bool is_scheme(std::string_view s) {
  if (s.empty() || std::isalpha(static_cast<unsigned char>(s[0])) == 0) return false;
  for (const char c : s)
    if (std::isalnum(static_cast<unsigned char>(c)) == 0 && c != '+' && c != '-' && c != '.') return false;
  return true;
}

Parts split(std::string_view uri) {
  Parts p;
  if (const size_t hash = uri.find('#'); hash != std::string_view::npos) {
    p.has_fragment = true;
    p.fragment = uri.substr(hash + 1);
    uri = uri.substr(0, hash);
  }
  if (const size_t mark = uri.find('?'); mark != std::string_view::npos) {
    p.has_query = true;
    p.query = uri.substr(mark + 1);
    uri = uri.substr(0, mark);
  }
  if (const size_t colon = uri.find(':');
      colon != std::string_view::npos && is_scheme(uri.substr(0, colon))) {
    p.has_scheme = true;
    p.scheme = uri.substr(0, colon);
    uri = uri.substr(colon + 1);
  }
  if (uri.starts_with("//")) {
    p.has_authority = true;
    const size_t slash = uri.find('/', 2);
    p.authority = uri.substr(2, slash == std::string_view::npos ? slash : slash - 2);
    uri = slash == std::string_view::npos ? std::string_view() : uri.substr(slash);
  }
  p.path = uri;
  return p;
}

// Section 5.2.4.
std::string remove_dot_segments(std::string_view path) {
  std::string out;
  while (!path.empty()) {
    if (path.starts_with("../")) {
      path.remove_prefix(3);
    } else if (path.starts_with("./") || path.starts_with("/./")) {
      path.remove_prefix(2);
    } else if (path == "/.") {
      path = "/";
    } else if (path.starts_with("/../") || path == "/..") {
      path = path == "/.." ? std::string_view("/") : path.substr(3);
      const size_t slash = out.rfind('/');
      out.resize(slash == std::string::npos ? 0 : slash);
    } else if (path == "." || path == "..") {
      path = {};
    } else {
      const size_t next = path.find('/', 1);
      out += path.substr(0, next);
      path = next == std::string_view::npos ? std::string_view() : path.substr(next);
    }
  }
  return out;
}

std::string merge(const Parts& base, std::string_view path) {
  std::string merged;
  if (base.has_authority && base.path.empty()) {
    merged += '/';
  } else if (const size_t slash = base.path.rfind('/'); slash != std::string_view::npos) {
    merged = base.path.substr(0, slash + 1);
  }
  merged += path;
  return merged;
}

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

}  // namespace

std::string resolve_uri(std::string_view base, std::string_view reference) {
  const Parts b = split(base);
  const Parts r = split(reference);
  if (r.has_scheme) return std::string(reference);
  const bool same_document = !r.has_authority && r.path.empty();
  std::string out;
  if (b.has_scheme) out.append(b.scheme).append(":");
  if (r.has_authority || b.has_authority)
    out.append("//").append(r.has_authority ? r.authority : b.authority);
  if (r.has_authority || r.path.starts_with("/")) {
    out += remove_dot_segments(r.path);
  } else if (same_document) {
    out += b.path;
  } else {
    out += remove_dot_segments(merge(b, r.path));
  }
  const Parts& query = r.has_query || !same_document ? r : b;
  if (query.has_query) out.append("?").append(query.query);
  if (r.has_fragment) out.append("#").append(r.fragment);
  return out;
}

std::pair<std::string, std::string> split_fragment(std::string_view uri) {
  const size_t hash = uri.find('#');
  if (hash == std::string_view::npos) return {std::string(uri), ""};
  const std::string_view encoded = uri.substr(hash + 1);
  std::string fragment;
  for (size_t i = 0; i < encoded.size(); ++i) {
    const bool triple = encoded[i] == '%' && i + 2 < encoded.size();
    const int high = triple ? hex_digit(encoded[i + 1]) : -1;
    const int low = triple ? hex_digit(encoded[i + 2]) : -1;
    if (high >= 0 && low >= 0) {
      fragment += static_cast<char>(high * 16 + low);
      i += 2;
    } else {
      fragment += encoded[i];
    }
  }
  return {std::string(uri.substr(0, hash)), fragment};
}

}  // namespace tau::json
