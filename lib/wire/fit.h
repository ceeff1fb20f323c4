// What a provider's habits change in a request before it is encoded: members that it refuses, ids that it
// does not take, reasoning that it wants or does not want, breakpoints of its prompt cache.
#pragma once

#include "wire/wire.h"

namespace tau::wire {

// The request as it is when nothing is to be changed, else `scratch`, which then holds the changed copy.
//
// Breakpoints go, for dialects that have them (anthropic_messages, bedrock_converse), to the last tool, the
// end of the system prompt, the last message of the request before this one, and the last message: each where
// the prefix up to there has at least quirks.cache_min_tokens by estimate. A request in which anybody set one
// itself is left alone. `model` is the one that is asked, where it is not the request's.
const Request& fit(const Request& request, const Dialect& dialect, const Quirks& quirks, Request& scratch,
                   std::string_view model = {});

// An id of a tool call in a form that the server takes; one that is in it already stays. Another's place is
// taken by a digest: the same id gives the same, and calls and results go on belonging together.
std::string fitted_call_id(std::string_view id, CallIds form);

// The text that a breakpoint is in an encoded body, which says nothing to the model; empty: the dialect has
// none. What caches compare is the body without it.
std::string_view breakpoint_text(const Dialect& dialect, PromptCache cache);

}  // namespace tau::wire
