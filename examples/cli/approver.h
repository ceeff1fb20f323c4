// Decides approvals: asks on the terminal, or denies at once where nobody can be asked.
#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <utility>

#include "json.h"

namespace cli {

struct Decision {
  bool allow = false;
  bool elsewhere = false;  // somebody else decides: nothing is answered here
  std::string reason;      // of a denial, told to the model
};

class Approver {
 public:
  enum class Whom : uint8_t {
    kNobody,
    kTerminal,  // if there is one
    kOthers,    // who see with 'tau approvals' what waits
  };
  explicit Approver(Whom whom);
  ~Approver();
  Approver(const Approver&) = delete;
  Approver& operator=(const Approver&) = delete;

  // `approval` is the body of an approval event.
  Decision decide(const Json& approval);
  // Whether a call was denied because nobody could be asked.
  bool was_missing() const { return missing_; }

 private:
  // What is allowed for good: a tool, or of one that has scopes (the method and origin of a request) that.
  using Subject = std::pair<std::string, std::string>;
  Decision ask(const Json& approval, const Subject& subject);
  static Decision await(const Json& approval);
  Decision deny_unasked(const Subject& subject);

  const Whom whom_;
  int terminal_ = -1;  // what answers are read from
  bool owned_ = false;
  bool missing_ = false;
  std::set<Subject> always_;
};

}  // namespace cli
