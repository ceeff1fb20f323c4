// FormTable: which rules of forms may begin at a byte, so that no other is tried there.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace tau::safety {

// Whether `c` is what `sign` of a form stands for: '9' a digit, 'A' and 'a' a letter of that case.
bool fits_sign(char c, char sign);

class FormTable {
 public:
  struct Form {
    std::string begins;
    uint16_t rule = 0;
  };

  // In the order of the rules.
  void add(std::string_view begins, uint16_t rule);
  void add_around_at(uint16_t rule) { around_at_.push_back(rule); }

  bool empty() const { return forms_.empty() && around_at_.empty(); }
  bool begins_form(char c) const { return first_[static_cast<uint8_t>(c)] != 0; }
  const std::vector<Form>& forms() const { return forms_; }
  const std::vector<uint16_t>& around_at() const { return around_at_; }
  // Whether text that begins like `text` has the form; a text that is too short may still.
  static bool fits(const Form& form, std::string_view text);
  size_t longest() const { return longest_; }

 private:
  std::vector<Form> forms_;
  std::vector<uint16_t> around_at_;
  std::array<uint8_t, 256> first_{};  // 1: a form begins with this byte
  size_t longest_ = 0;
};

}  // namespace tau::safety
