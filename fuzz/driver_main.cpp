// Replays inputs through a fuzz target without a fuzzer: every file given, or found below a folder given,
// whole and cut short. Ordinary test runs link it so that a crash once found stays found.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <system_error>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace {

namespace files = std::filesystem;

// Cuts per input: every prefix of a short one, evenly spread prefixes of a long one.
constexpr std::size_t kMaxCuts = 512;

// A copy of exactly `size` bytes on the heap: a read past the end is then visible to the address sanitizer.
void run_one(const std::vector<char>& bytes, std::size_t size) {
  const auto exact = std::make_unique<std::uint8_t[]>(size);
  std::copy_n(bytes.data(), size, exact.get());
  LLVMFuzzerTestOneInput(exact.get(), size);
}

std::size_t replay(const std::vector<char>& bytes) {
  const std::size_t step = bytes.size() / kMaxCuts + 1;
  std::size_t runs = 1;
  for (std::size_t cut = 0; cut < bytes.size(); cut += step) {
    run_one(bytes, cut);
    ++runs;
  }
  run_one(bytes, bytes.size());
  return runs;
}

std::vector<files::path> inputs_below(const files::path& place) {
  std::vector<files::path> found;
  if (files::is_directory(place)) {
    for (const auto& entry : files::recursive_directory_iterator(place)) {
      if (entry.is_regular_file()) found.push_back(entry.path());
    }
  } else {
    found.push_back(place);
  }
  std::sort(found.begin(), found.end());  // the order of a folder is not defined; failures must repeat
  return found;
}

}  // namespace

int main(int argc, char** argv) {
  std::size_t inputs = 0;
  std::size_t runs = 0;
  for (int i = 1; i < argc; ++i) {
    for (const files::path& path : inputs_below(argv[i])) {
      std::ifstream stream(path, std::ios::binary);
      if (!stream) {
        std::fprintf(stderr, "%s: cannot be read\n", path.c_str());
        return 1;
      }
      const std::vector<char> bytes{std::istreambuf_iterator<char>(stream), {}};
      std::fprintf(stderr, "%s\n", path.c_str());  // the last name printed is the one that crashed
      runs += replay(bytes);
      ++inputs;
    }
  }
  std::printf("%zu inputs, %zu runs\n", inputs, runs);
  return inputs == 0 ? 1 : 0;
}
