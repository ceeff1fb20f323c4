// The ollama_chat dialect on arbitrary bytes: as a request, a response, a stream and an error.
#include "laws.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  tau::wire::check_laws(tau::wire::ollama_chat(), data, size);
  return 0;
}
