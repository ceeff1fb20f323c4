// UniqueFunction: a move-only std::function, so that callbacks can own what they need. Targets of up to six
// pointers are kept inside it: posting a task costs no allocation.
#pragma once

#include <cstddef>
#include <functional>
#include <new>
#include <type_traits>
#include <utility>

namespace tau {

template <class Signature>
class UniqueFunction;

template <class R, class... Args>
class UniqueFunction<R(Args...)> {
 public:
  UniqueFunction() = default;
  UniqueFunction(std::nullptr_t) {}  // NOLINT: implicit like std::function

  template <class F>
  requires(!std::is_same_v<std::remove_cvref_t<F>, UniqueFunction> &&
           std::is_invocable_r_v<R, std::remove_cvref_t<F>&, Args...>)
      UniqueFunction(F&& f) {  // NOLINT: implicit like std::function
    using Target = std::remove_cvref_t<F>;
    if constexpr (kFits<Target>) {
      new (storage_) Target(std::forward<F>(f));
    } else {
      new (storage_) Target*(new Target(std::forward<F>(f)));
    }
    ops_ = &kOps<Target>;
  }
  UniqueFunction(UniqueFunction&& other) noexcept { take(other); }
  UniqueFunction& operator=(UniqueFunction&& other) noexcept {
    if (this != &other) {
      reset();
      take(other);
    }
    return *this;
  }
  ~UniqueFunction() { reset(); }

  explicit operator bool() const { return ops_ != nullptr; }
  R operator()(Args... args) { return ops_->call(storage_, std::forward<Args>(args)...); }

 private:
  static constexpr size_t kInlineBytes = 6 * sizeof(void*);
  template <class T>
  static constexpr bool kFits = sizeof(T) <= kInlineBytes && alignof(T) <= alignof(std::max_align_t) &&
                                std::is_nothrow_move_constructible_v<T>;

  struct Ops {
    R (*call)(void* at, Args&&... args);
    void (*move)(void* from, void* to) noexcept;  // leaves nothing at `from`
    void (*destroy)(void* at) noexcept;
  };
  template <class T>
  static T& target(void* at) {
    if constexpr (kFits<T>) {
      return *std::launder(reinterpret_cast<T*>(at));
    } else {
      return **std::launder(reinterpret_cast<T**>(at));
    }
  }
  template <class T>
  static constexpr Ops kOps = {
      [](void* at, Args&&... args) -> R { return std::invoke(target<T>(at), std::forward<Args>(args)...); },
      [](void* from, void* to) noexcept {
        if constexpr (kFits<T>) {
          new (to) T(std::move(target<T>(from)));
          target<T>(from).~T();
        } else {
          new (to) T*(&target<T>(from));
        }
      },
      [](void* at) noexcept {
        if constexpr (kFits<T>) {
          target<T>(at).~T();
        } else {
          delete &target<T>(at);
        }
      },
  };

  void take(UniqueFunction& other) noexcept {
    if (other.ops_ == nullptr) return;
    other.ops_->move(other.storage_, storage_);
    ops_ = std::exchange(other.ops_, nullptr);
  }
  // The target may look at this object while it dies: it is empty by then.
  void reset() noexcept {
    if (const Ops* ops = std::exchange(ops_, nullptr)) ops->destroy(storage_);
  }

  alignas(std::max_align_t) unsigned char storage_[kInlineBytes];
  const Ops* ops_ = nullptr;
};

}  // namespace tau
