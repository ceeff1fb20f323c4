// Replay: feeds a run's recorded inputs to the engine again and compares what it answers. Also the JSON form
// of session records, shared by listing and describing.
#pragma once

#include <string>
#include <string_view>

#include "base/base.h"
#include "json/json.h"
#include "store/store.h"

namespace tau::runtime {

StatusOr<std::string> replay_run(store::Store& store, std::string_view run_id, bool* identical);

void write_session(json::Writer& w, const store::SessionRecord& session);

}  // namespace tau::runtime
