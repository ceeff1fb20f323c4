// Columns that every stored body carries, from the first migration on.
#pragma once

#include <cstdint>

#include "base/base.h"

namespace tau::store {

struct Provenance {
  SharedString integrity;             // Labels::integrity()
  SharedString readers = everyone();  // "*" or a sorted comma list
  SharedString principal;             // who acted
  int64_t policy_epoch = 0;           // version of the policy in force
  int64_t scanned_epoch = 0;          // version of the scanner rules that saw the body; 0: none

  static const SharedString& everyone();
};

}  // namespace tau::store
