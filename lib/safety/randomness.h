// Does a value look drawn at random? What people write in place of a secret does not.
#pragma once

#include <string_view>

namespace tau::safety {

// Shannon entropy over single bytes, in bits per byte.
double entropy(std::string_view value);

// Whether the value's entropy reaches `percent` of what a random value of its length over its kind of
// characters can have, and it is no placeholder: no character six times in a row, no stretch of the alphabet
// or of the digits, none of the words that stand for a value to be filled in. 0 percent accepts everything.
bool looks_random(std::string_view value, int percent);

// Whether its pairs of characters are as rare in words and names as those of random text. Numbers and
// hexadecimal digits have no such pairs and pass.
bool pairs_are_rare(std::string_view value);

}  // namespace tau::safety
