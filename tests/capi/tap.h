/* What the C test programs share: numbered checks in TAP, and text from literals. */
#ifndef TAU_TESTS_CAPI_TAP_H
#define TAU_TESTS_CAPI_TAP_H

#include <stdio.h>
#include <tau/tau.h>

static int count;
static int failures;

static void check(int good, const char* what) {
  printf("%s %d - %s\n", good ? "ok" : "not ok", ++count, what);
  if (!good) ++failures;
}

static tau_str str(const char* text) {
  tau_str s;
  s.data = text;
  s.len = TAU_STRLEN;
  return s;
}

#endif
