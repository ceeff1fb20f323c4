// The public face of base: what every module may use. Layer 0; depends on nothing of libtau.
#pragma once

#include "base/clock.h"
#include "base/format.h"
#include "base/function.h"
#include "base/id.h"
#include "base/label.h"
#include "base/regex.h"
#include "base/secret.h"
#include "base/shared_string.h"
#include "base/stable_queue.h"
#include "base/status.h"
#include "base/utc.h"
#include "base/utf8.h"
