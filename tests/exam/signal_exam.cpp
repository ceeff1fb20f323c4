// The native half of tools/exam injection: reads texts, answers each with the families of its signals.
//
// In: "user|tool <bytes>\n" and the text, again and again. Out: one line of JSON for each, a list of names.
#include <iostream>
#include <string>

#include "safety/safety.h"

int main() {
  std::string channel;
  size_t size = 0;
  while (std::cin >> channel >> size) {
    std::string text(size, '\0');
    if (std::cin.get() != '\n' || !std::cin.read(text.data(), static_cast<std::streamsize>(size))) return 1;
    const bool tool = channel == "tool";
    std::string out;
    tau::json::Writer w(out);
    w.begin_array();
    for (const auto& signal : tau::safety::injection_signals(
             text, tool ? tau::safety::TextChannel::kTool : tau::safety::TextChannel::kUser))
      w.string(signal.family);
    w.end_array();
    std::cout << out << std::endl;
  }
  return 0;
}
