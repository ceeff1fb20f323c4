// SharedString: an immutable string whose copies share its bytes. For ids and names that many records repeat:
// a copy is a reference count, and one that was never set costs nothing. Any thread.
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
  SharedString() noexcept = default;
  SharedString(std::string_view text) : rep_(text.empty() ? nullptr : make(text)) {}  // NOLINT: implicit
  SharedString(const std::string& text) : SharedString(std::string_view(text)) {}     // NOLINT: implicit
  SharedString(const char* text) : SharedString(std::string_view(text)) {}            // NOLINT: implicit
  // The parts one after the other, put together in place.
  static SharedString concat(std::initializer_list<std::string_view> parts) {
    size_t size = 0;
    for (const std::string_view part : parts) size += part.size();
    SharedString text;
    if (size == 0) return text;
    text.rep_ = make(size);
    char* at = text.rep_->bytes();
    for (const std::string_view part : parts) at += part.copy(at, part.size());
    return text;
  }
  SharedString(const SharedString& other) noexcept : rep_(other.rep_) {
    if (rep_ != nullptr) rep_->references.fetch_add(1, std::memory_order_relaxed);
  }
  SharedString(SharedString&& other) noexcept : rep_(std::exchange(other.rep_, nullptr)) {}
  SharedString& operator=(SharedString other) noexcept {
    std::swap(rep_, other.rep_);
    return *this;
  }
  ~SharedString() {
    if (rep_ == nullptr) return;
    // The only owner needs no atomic write to know it.
    if (rep_->references.load(std::memory_order_acquire) == 1 ||
        rep_->references.fetch_sub(1, std::memory_order_acq_rel) == 1) {
      rep_->~Rep();
      ::operator delete(rep_);
    }
  }

  std::string_view view() const noexcept {
    return rep_ == nullptr ? std::string_view() : std::string_view(rep_->bytes(), rep_->size);
  }
  operator std::string_view() const noexcept { return view(); }  // NOLINT: implicit, as of std::string
  std::string str() const { return std::string(view()); }
  bool empty() const noexcept { return rep_ == nullptr; }
  size_t size() const noexcept { return view().size(); }
  void clear() noexcept { *this = SharedString(); }

  friend bool operator==(const SharedString& a, const SharedString& b) noexcept {
    return a.rep_ == b.rep_ || a.view() == b.view();
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
  };
  static Rep* make(size_t size) {
    Rep* rep = new (::operator new(sizeof(Rep) + size)) Rep;
    rep->size = size;
    return rep;
  }
  static Rep* make(std::string_view text) {
    Rep* rep = make(text.size());
    std::memcpy(rep->bytes(), text.data(), text.size());
    return rep;
  }

  Rep* rep_ = nullptr;
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
