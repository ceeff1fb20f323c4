// What was learned of servers that refused a request, for as long as the process lives: the next call is made
// the way the server wants it at once. Bounded: what was learned first is forgotten first. Any thread.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "provider/quirk_table.h"

namespace tau::provider {

class Adaptations {
 public:
  static constexpr size_t kMost = 256;  // servers, models and sessions

  // Of this process.
  static Adaptations& process();

  Adaptations();
  ~Adaptations();
  Adaptations(const Adaptations&) = delete;
  Adaptations& operator=(const Adaptations&) = delete;

  // `place`: the server and the model; `session` may be empty.
  void learn(std::string_view place, std::string_view session, std::shared_ptr<const AdaptRule> rule);
  void apply(std::string_view place, std::string_view session, wire::Quirks& quirks) const;
  // For tests.
  size_t size() const;
  void forget();

 private:
  struct Impl;
  const std::unique_ptr<Impl> impl_;
};

}  // namespace tau::provider
