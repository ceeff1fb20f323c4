// The public face of memory: what an application remembers, typed, scoped, linked and searchable.
#pragma once

#include "memory/chunk.h"             // IWYU pragma: export
#include "memory/consolidate_rows.h"  // IWYU pragma: export
#include "memory/embedder.h"          // IWYU pragma: export
#include "memory/engine.h"            // IWYU pragma: export
#include "memory/export_json.h"       // IWYU pragma: export
#include "memory/external_text.h"     // IWYU pragma: export
#include "memory/extract_known.h"     // IWYU pragma: export
#include "memory/graph_layout.h"      // IWYU pragma: export
#include "memory/hash_embedder.h"     // IWYU pragma: export
#include "memory/import_json.h"       // IWYU pragma: export
#include "memory/ingest.h"            // IWYU pragma: export
#include "memory/ingest_folder.h"     // IWYU pragma: export
#include "memory/ingest_watch.h"      // IWYU pragma: export
#include "memory/maintain.h"          // IWYU pragma: export
#include "memory/memory_check.h"      // IWYU pragma: export
#include "memory/model_folder.h"      // IWYU pragma: export
#include "memory/model_package.h"     // IWYU pragma: export
#include "memory/note.h"              // IWYU pragma: export
#include "memory/reach_edges.h"       // IWYU pragma: export
#include "memory/recall.h"            // IWYU pragma: export
#include "memory/records.h"           // IWYU pragma: export
#include "memory/tau_record.h"        // IWYU pragma: export
#include "memory/types.h"             // IWYU pragma: export
