#include "base/regex.h"

#include <re2/re2.h>

#include <string>

namespace tau {

struct Regex::Impl {
  Impl(const re2::StringPiece& pattern, const re2::RE2::Options& options) : re(pattern, options) {}
  re2::RE2 re;
};

Regex::Regex(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Regex::Regex(Regex&&) noexcept = default;
Regex& Regex::operator=(Regex&&) noexcept = default;
Regex::~Regex() = default;

StatusOr<Regex> Regex::compile(std::string_view pattern, Options options) {
  re2::RE2::Options o;
  o.set_log_errors(false);
  o.set_case_sensitive(!options.ignore_case);
  o.set_literal(options.literal);
  if (options.bytes) o.set_encoding(re2::RE2::Options::EncodingLatin1);
  o.set_max_mem(options.max_memory_bytes);
  auto impl = std::make_unique<Impl>(re2::StringPiece(pattern.data(), pattern.size()), o);
  if (!impl->re.ok())
    return invalid_argument("invalid_regex", "invalid regular expression: " + impl->re.error());
  return Regex(std::move(impl));
}

bool Regex::search(std::string_view text) const {
  return re2::RE2::PartialMatch(re2::StringPiece(text.data(), text.size()), impl_->re);
}

bool Regex::search(std::string_view text, size_t* begin, size_t* length) const {
  const re2::StringPiece input(text.data(), text.size());
  re2::StringPiece match;
  if (!impl_->re.Match(input, 0, input.size(), re2::RE2::UNANCHORED, &match, 1)) return false;
  *begin = static_cast<size_t>(match.data() - input.data());
  *length = match.size();
  return true;
}

bool Regex::match_prefix(std::string_view text, size_t* length) const {
  const re2::StringPiece input(text.data(), text.size());
  re2::StringPiece match;
  if (!impl_->re.Match(input, 0, input.size(), re2::RE2::ANCHOR_START, &match, 1)) return false;
  *length = match.size();
  return true;
}

bool Regex::match_whole(std::string_view text) const {
  const re2::StringPiece input(text.data(), text.size());
  return impl_->re.Match(input, 0, input.size(), re2::RE2::ANCHOR_BOTH, nullptr, 0);
}

}  // namespace tau
