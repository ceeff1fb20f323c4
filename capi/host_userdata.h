// What a program gives with its callbacks, finalized when the last of its users is gone.
#pragma once

#include "tau/tool.h"

namespace tau::capi {

struct HostUserdata {
  HostUserdata(void* d, tau_finalize_fn f) : data(d), finalize(f) {}
  HostUserdata(const HostUserdata&) = delete;
  HostUserdata& operator=(const HostUserdata&) = delete;
  ~HostUserdata() {
    if (owned && finalize != nullptr) finalize(data);
  }
  void* const data;
  const tau_finalize_fn finalize;
  bool owned = false;  // by the library: what was refused is not finalized
};

}  // namespace tau::capi
