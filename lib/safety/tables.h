// What the build makes of the data files of this folder.
#pragma once

#include <string_view>

namespace tau::safety {

extern const std::string_view kBuiltInRules;  // rules.json
extern const char kBigrams[28][29];           // bigrams.txt; tools/gen/bigrams.py tells what a cell means

}  // namespace tau::safety
