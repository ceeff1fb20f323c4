// UniqueFunction: a move-only std::function, so that callbacks can own what they need. Targets of up to six
// pointers are kept inside it: posting a task costs no allocation.
#pragma once

#include <cstddef>
#include <functional>
#include <new>
#include <type_traits>
#include <utility>

namespace tau {

// How a target is kept: in the storage when it fits, else behind a pointer in it.
template <class T>
struct FunctionTarget {
  static constexpr size_t kInlineBytes = 6 * sizeof(void*);
  static constexpr bool kFits = sizeof(T) <= kInlineBytes && alignof(T) <= alignof(std::max_align_t) &&
                                std::is_nothrow_move_constructible_v<T>;

  static T& at(void* storage) {
    if constexpr (kFits) {
      return *std::launder(reinterpret_cast<T*>(storage));
    } else {
      return **std::launder(reinterpret_cast<T**>(storage));
    }
  }
  template <class F>
  static void make(void* storage, F&& f) {
    if constexpr (kFits) {
      new (storage) T(std::forward<F>(f));
    } else {
      new (storage) T*(new T(std::forward<F>(f)));
    }
  }
  static void move(void* from, void* to) noexcept {  // leaves nothing at `from`
    if constexpr (kFits) {
      new (to) T(std::move(at(from)));
      at(from).~T();
    } else {
      new (to) T*(&at(from));
    }
  }
  static void destroy(void* storage) noexcept {
    if constexpr (kFits) {
      at(storage).~T();
    } else {
      delete &at(storage);
    }
  }
};

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
    FunctionTarget<std::remove_cvref_t<F>>::make(storage_, std::forward<F>(f));
    ops_ = &kOps<std::remove_cvref_t<F>>;
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
  struct Ops {
    R (*call)(void* storage, Args&&... args);
    void (*move)(void* from, void* to) noexcept;
    void (*destroy)(void* storage) noexcept;
  };
  template <class T>
  static constexpr Ops kOps = {
      [](void* storage, Args&&... args) -> R {
        return std::invoke(FunctionTarget<T>::at(storage), std::forward<Args>(args)...);
      },
      FunctionTarget<T>::move,
      FunctionTarget<T>::destroy,
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

  alignas(std::max_align_t) unsigned char storage_[FunctionTarget<int>::kInlineBytes];
  const Ops* ops_ = nullptr;
};

}  // namespace tau
