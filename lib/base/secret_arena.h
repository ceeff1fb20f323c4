// The memory that secrets live in: kept out of swap where the limits allow, out of core dumps, and emptied in
// a forked child. Private to secret.cpp.
#pragma once

#include <cstddef>

namespace tau {

// Throws std::bad_alloc. `size` is not 0; secret_free must be told the same one.
char* secret_allocate(size_t size);
// Wipes and gives back.
void secret_free(char* data, size_t size) noexcept;

}  // namespace tau
