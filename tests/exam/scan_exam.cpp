// The native half of tools/exam leaks: reads texts, answers each with its findings.
//
// In: "<bytes>\n" and the text, again and again. Out: one line of JSON for each, the findings of the built-in
// rules; a text is also scanned in two pieces, and what differs ends the program. With files as arguments
// they are scanned instead, and each finding is a line "<file>:<offset> <rule>"; after "--personal" it is
// personal data that is looked for in them.
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <iterator>
#include <string>
#include <vector>

#include "safety/safety.h"

namespace {

using tau::safety::Finding;

std::vector<Finding> scan_in_pieces(const tau::safety::Screen& screen, std::string_view text, size_t cut) {
  std::vector<Finding> found;
  tau::safety::Scanner scanner(screen);
  scanner.feed(text.substr(0, cut), found);
  scanner.feed(text.substr(cut), found);
  scanner.finish(found);
  return found;
}

int answer_texts(const tau::safety::Screen& screen) {
  size_t size = 0;
  size_t number = 0;
  while (std::cin >> size) {
    std::string text(size, '\0');
    if (std::cin.get() != '\n' || !std::cin.read(text.data(), static_cast<std::streamsize>(size))) return 1;
    const std::string found = tau::safety::findings_json(tau::safety::scan(screen, text));
    const size_t cut = size == 0 ? 0 : ++number * 7 % size;
    if (tau::safety::findings_json(scan_in_pieces(screen, text, cut)) != found) {
      std::fprintf(stderr, "scan_exam: text %zu differs when it is cut at %zu\n", number, cut);
      return 1;
    }
    std::cout << found << std::endl;
  }
  return 0;
}

void scan_file(const tau::safety::Screen& screen, const char* name) {
  std::ifstream file(name, std::ios::binary);
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  for (const Finding& finding : tau::safety::scan(screen, text))
    std::printf("%s:%llu %s\n", name, static_cast<unsigned long long>(finding.offset), finding.rule.c_str());
}

}  // namespace

int main(int argc, char** argv) {
  const bool personal = argc > 1 && std::string_view(argv[1]) == "--personal";
  tau::safety::RuleChoice choice;
  if (personal) choice = {.credentials = false, .personal = tau::safety::personal_classes()};
  const tau::safety::Screen screen{.secrets = nullptr,
                                   .rules = tau::safety::built_in_rules(tau::system_random(), choice)};
  if (argc < 2) return answer_texts(screen);
  for (int i = personal ? 2 : 1; i < argc; ++i) scan_file(screen, argv[i]);
  return 0;
}
