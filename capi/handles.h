// The opaque structs of the C API.
#pragma once

#include "guard.h"
#include "runtime/runtime.h"

struct tau_runtime : tau::capi::Handle<tau::runtime::Runtime> {};
struct tau_vault : tau::capi::Handle<tau::runtime::Vault> {};
struct tau_secret {
  tau::Secret value;
};
struct tau_memory : tau::capi::Handle<tau::runtime::Memory> {};
struct tau_agent : tau::capi::Handle<tau::runtime::Agent> {};
struct tau_session : tau::capi::Handle<tau::runtime::Session> {};
struct tau_run : tau::capi::Handle<tau::runtime::Run> {
  // Lent to the host; holds a reference.
  struct tau_queue* queue = nullptr;
  ~tau_run();
};
struct tau_queue : tau::capi::Handle<tau::runtime::EventQueue> {
  std::shared_ptr<tau::runtime::Runtime> runtime;
  ~tau_queue() {
    // The lock of a queue may be held for ever in a forked child.
    if (object != nullptr && (runtime == nullptr || !runtime->forked())) object->abandon();
  }
};

inline tau_run::~tau_run() { tau::capi::unref(queue); }
