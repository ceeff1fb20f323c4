// The public face of memory: what an application remembers, typed, scoped, linked and searchable.
#pragma once

#include "memory/embedder.h"  // IWYU pragma: export
#include "memory/types.h"     // IWYU pragma: export
