// Secrets from outside: files, descriptors, stdin, a prompt without echo. They never come as arguments, which
// every process of the machine can read.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "result.h"

namespace cli {

// Bytes in one place of memory that is wiped at the end.
class SecretText {
 public:
  static constexpr size_t kMostBytes = 64 << 10;

  SecretText() : bytes_(kMostBytes + 1) {}
  ~SecretText();
  SecretText(SecretText&&) = default;
  SecretText& operator=(SecretText&& other) noexcept {
    bytes_.swap(other.bytes_);
    std::swap(size_, other.size_);
    return *this;
  }
  SecretText(const SecretText&) = delete;

  const void* data() const { return bytes_.data(); }
  size_t size() const { return size_; }
  std::string_view view() const { return {bytes_.data(), size_}; }

  bool push(char c);
  void pop();
  void clear() { size_ = 0; }
  // Without one line break at the end.
  void drop_line_break();

 private:
  friend Result<SecretText> read_secret(int fd, const std::string& name);
  std::vector<char> bytes_;
  size_t size_ = 0;
};

// To its end, at most 64 KiB; one line break at the end is no part of the secret.
Result<SecretText> read_secret(int fd, const std::string& name);
// The file; "-" is stdin.
Result<SecretText> read_secret_file(const std::string& path);
// A line of the terminal, without echo.
Result<SecretText> prompt_secret(std::string_view question);
// The same, asked twice.
Result<SecretText> prompt_new_secret(std::string_view question);

}  // namespace cli
