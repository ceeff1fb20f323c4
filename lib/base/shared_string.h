// SharedString: an immutable string whose copies share its bytes. For ids and names that many records repeat:
// a copy is a reference count, and a short text costs not even that: it lives in the object, and views of it
// live as long. Any thread.
#pragma once

#include <algorithm>
#include <atomic>
#include <compare>
#include <cstdint>
#include <cstring>
#include <initializer_list>
#include <new>
#include <ostream>
#include <string>
#include <string_view>
#include <utility>

#include "base/format.h"

namespace tau {

class SharedString {
 public:
  static constexpr size_t kInline = 15;  // bytes of a text that is kept in the object: copies share nothing

  SharedString() noexcept = default;
  SharedString(std::string_view text) { text.copy(make(text.size()), text.size()); }  // NOLINT: implicit
  SharedString(const std::string& text) : SharedString(std::string_view(text)) {}     // NOLINT: implicit
  SharedString(const char* text) : SharedString(std::string_view(text)) {}            // NOLINT: implicit
  // The parts one after the other, put together in place.
  static SharedString concat(std::initializer_list<std::string_view> parts) {
    size_t size = 0;
    for (const std::string_view part : parts) size += part.size();
    SharedString text;
    char* at = text.make(size);
    for (const std::string_view part : parts) at += part.copy(at, part.size());
    return text;
  }
  SharedString(const SharedString& other) noexcept {
    copy_bytes(other);
    if (is_shared()) rep()->references.fetch_add(1, std::memory_order_relaxed);
  }
  SharedString(SharedString&& other) noexcept {
    copy_bytes(other);
    other.set_empty();
  }
  SharedString& operator=(const SharedString& other) noexcept {
    SharedString copy(other);
    swap(copy);
    return *this;
  }
  SharedString& operator=(SharedString&& other) noexcept {
    SharedString taken(std::move(other));
    swap(taken);
    return *this;
  }
  ~SharedString() {
    if (is_shared()) release();
  }

  std::string_view view() const noexcept {
    if (!is_shared()) return {bytes_, static_cast<uint8_t>(bytes_[kInline])};
    const Rep* const shared = rep();
    return {shared->bytes(), shared->size};
  }
  operator std::string_view() const noexcept { return view(); }  // NOLINT: implicit, as of std::string
  std::string str() const { return std::string(view()); }
  bool empty() const noexcept { return bytes_[kInline] == 0; }
  size_t size() const noexcept { return view().size(); }
  void clear() noexcept { *this = SharedString(); }

  friend bool operator==(const SharedString& a, const SharedString& b) noexcept {
    if (std::memcmp(a.bytes_, b.bytes_, sizeof a.bytes_) == 0) return true;
    return a.is_shared() && b.is_shared() && a.view() == b.view();
  }
  friend bool operator==(const SharedString& a, std::string_view b) noexcept { return a.view() == b; }
  friend bool operator==(const SharedString& a, const std::string& b) noexcept { return a.view() == b; }
  friend bool operator==(const SharedString& a, const char* b) noexcept { return a.view() == b; }
  friend std::strong_ordering operator<=>(const SharedString& a, const SharedString& b) noexcept {
    return a.view() <=> b.view();
  }
  friend std::ostream& operator<<(std::ostream& out, const SharedString& text) { return out << text.view(); }

 private:
  struct Rep {
    std::atomic<uint32_t> references{1};
    size_t size = 0;
    char* bytes() noexcept { return reinterpret_cast<char*>(this + 1); }
    const char* bytes() const noexcept { return reinterpret_cast<const char*>(this + 1); }
  };
  static constexpr auto kShared = static_cast<char>(0xff);

  bool is_shared() const noexcept { return bytes_[kInline] == kShared; }
  Rep* rep() const noexcept {
    Rep* shared = nullptr;
    std::memcpy(&shared, bytes_, sizeof shared);
    return shared;
  }
  void copy_bytes(const SharedString& other) noexcept { std::memcpy(bytes_, other.bytes_, sizeof bytes_); }
  void set_empty() noexcept { std::memset(bytes_, 0, sizeof bytes_); }
  void swap(SharedString& other) noexcept {
    char mine[sizeof bytes_];
    std::memcpy(mine, bytes_, sizeof bytes_);
    copy_bytes(other);
    std::memcpy(other.bytes_, mine, sizeof bytes_);
  }
  // Of an empty object: room for a text of this size.
  char* make(size_t size) {
    if (size <= kInline) {
      bytes_[kInline] = static_cast<char>(size);
      return bytes_;
    }
    Rep* const shared = new (::operator new(sizeof(Rep) + size)) Rep;
    shared->size = size;
    std::memcpy(bytes_, &shared, sizeof shared);
    bytes_[kInline] = kShared;
    return shared->bytes();
  }
  void release() noexcept {
    Rep* const shared = rep();
    // The only owner needs no atomic write to know it.
    if (shared->references.load(std::memory_order_acquire) != 1 &&
        shared->references.fetch_sub(1, std::memory_order_acq_rel) != 1)
      return;
    shared->~Rep();
    ::operator delete(shared);
  }

  // A short text, or the address of a shared one; zeros behind it, so that equal bytes are equal texts. The
  // last byte is the size of a short text, or kShared.
  alignas(Rep*) char bytes_[kInline + 1] = {};
};

}  // namespace tau

// "{}" alone: no width, no alignment.
template <>
struct fmt::formatter<tau::SharedString> {
  constexpr auto parse(fmt::format_parse_context& context) { return context.begin(); }
  template <class Context>
  auto format(const tau::SharedString& text, Context& context) const {
    return std::copy(text.view().begin(), text.view().end(), context.out());
  }
};
