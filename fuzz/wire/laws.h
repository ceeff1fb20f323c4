// The laws of a dialect on arbitrary bytes: what is decoded encodes to the same meaning, neutral JSON carries
// it, and a stream decodes the same in any split.
#pragma once

#include <cstddef>
#include <cstdint>

#include "wire/wire.h"

namespace tau::wire {

// Aborts when a law is broken.
void check_laws(const Dialect& dialect, const uint8_t* data, size_t size);

}  // namespace tau::wire
