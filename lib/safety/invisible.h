// Characters that a person does not see and a model reads: the way in for orders that nobody can notice.
//
// Taken out are format characters (Unicode 15, general category Cf, and fillers that show nothing) but where
// writing needs them:
//   kept                                            where
//   joiner and non-joiner, U+200C U+200D            between two characters that are not ASCII
//   a variation selector, U+FE00 to U+FE0F          one, behind a visible character that is not ASCII, or # *
//   0-9 an ideographic one, U+E0100 to U+E01EF          one, behind an ideograph tags, U+E0020 to U+E007F 2
//   to 6 letters and digits and the end, behind U+1F3F4 (flags)
// Order and joining of what remains is as before: text in scripts that run from right to left stays readable,
// since its order in memory is the order of reading. Line ends, tabs and other control characters are left.
#pragma once

#include <cstddef>
#include <string>

namespace tau::safety {

// Takes them out of `text`, which must be valid UTF-8, in place. The number of characters that went. Text
// without any costs one pass and no allocation. What remains holds none: a second call gives 0.
size_t remove_invisible(std::string& text);

}  // namespace tau::safety
