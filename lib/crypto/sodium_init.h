// Must run before any other call of libsodium.
#pragma once

namespace tau::crypto {

// Picks the fastest implementations for this processor, once. Aborts without any entropy source: nothing
// could be safe after that.
void init_sodium();

}  // namespace tau::crypto
