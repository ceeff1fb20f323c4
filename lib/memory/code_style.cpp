#include "memory/code_style.h"

#include <algorithm>
#include <string>

#include "base/base.h"
#include "memory/chunk_line.h"

namespace tau::memory {
namespace {

using Blocks = CodeStyle::Blocks;
constexpr CodeStyle kC{Blocks::kBraces, "//", true, false, false, false, false};
constexpr CodeStyle kScript{Blocks::kBraces, "//", true, true, true, false, false};
constexpr CodeStyle kShell{Blocks::kBraces, "#", false, true, false, false, false};
constexpr CodeStyle kPython{Blocks::kIndent, "#", false, true, false, true, false};
constexpr CodeStyle kHash{Blocks::kIndent, "#", false, true, false, false, false};
constexpr CodeStyle kDash{Blocks::kIndent, "--", true, true, false, false, false};
constexpr CodeStyle kLisp{Blocks::kIndent, ";", false, false, false, false, false};
constexpr CodeStyle kYaml{Blocks::kIndent, "#", false, true, false, false, true};
constexpr CodeStyle kToml{Blocks::kSections, "#", false, true, false, false, false};
constexpr CodeStyle kIni{Blocks::kSections, ";", false, true, false, false, false};
constexpr CodeStyle kPlain{Blocks::kIndent, "", false, false, false, false, false};

struct Row {
  std::string_view extensions;  // with a blank on either side
  const CodeStyle* style;
};
constexpr Row kRows[] = {
    {" c h cc cpp cxx c++ hpp hh hxx h++ inl m mm java kt kts scala cs go rs swift dart groovy gradle zig "
     "proto "
     "cu cl hlsl glsl v sv sol css scss less ",
     &kC},
    {" js mjs cjs jsx ts mts cts tsx php vue svelte ", &kScript},
    {" sh bash zsh ksh ps1 psm1 r pl pm tcl awk tf hcl nix ", &kShell},
    {" py pyi pyx gd ", &kPython},
    {" rb ex exs jl nim cr coffee cmake mk bzl dockerfile makefile ", &kHash},
    {" sql lua hs elm adb ads vhd vhdl ", &kDash},
    {" lisp cl el clj cljs scm rkt asm s vb bas pas f f90 ml mli fs fsx erl ", &kLisp},
    {" yaml yml ", &kYaml},
    {" toml cfg conf properties env desktop service ", &kToml},
    {" ini ", &kIni},
    {" xml xsd xsl xslt rss atom kml plist log ", &kPlain},
};

constexpr std::string_view kDefining =
    " class concept def defmodule enum extension fn fun func function impl interface macro_rules message "
    "module "
    "namespace object package procedure protocol record rpc service struct sub table trait trigger type "
    "union "
    "view ";
// A parenthesis behind one of these begins no list of parameters.
constexpr std::string_view kControl =
    " assert await case catch delete do elif else except for foreach if new not print raise return switch "
    "sizeof "
    "throw typeof unless until using when while with yield ";

bool is_among(std::string_view words, std::string_view word) {
  if (word.empty() || word.find(' ') != word.npos) return false;
  const std::string padded = " " + std::string(word) + " ";
  return words.find(padded) != words.npos;
}

bool is_word_char(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '$' ||
         c == '~' || c == '.' || c == '!' || static_cast<unsigned char>(c) >= 0x80;
}

// The word at `at`, "a::b" being one; `at` moves past it.
std::string_view take_word(std::string_view line, size_t& at) {
  const size_t begin = at;
  while (at < line.size()) {
    if (is_word_char(line[at])) {
      ++at;
    } else if (at > begin && line.substr(at, 2) == "::" && at + 2 < line.size() &&
               is_word_char(line[at + 2])) {
      at += 2;
    } else {
      break;
    }
  }
  return line.substr(begin, at - begin);
}

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return out;
}

// "const f = (" and "f = function": the name before the sign, when a function follows it.
std::string_view assigned_function(std::string_view rest, std::string_view word) {
  return rest.find("=>") != rest.npos || rest.find("function") != rest.npos ? word : std::string_view();
}

}  // namespace

const CodeStyle* code_style(std::string_view name) {
  const std::string_view file = name.substr(name.find_last_of("/\\") + 1);
  const std::string extension = lower(file.substr(file.rfind('.') + 1));
  for (const Row& row : kRows)
    if (is_among(row.extensions, extension)) return row.style;
  return nullptr;
}

std::string_view defined_symbol(std::string_view line) {
  constexpr size_t kLookedAt = 400;
  line = truncate_utf8(trim(line), kLookedAt);
  std::string_view last;
  bool defines = false;
  size_t words = 0;
  for (size_t at = 0; at < line.size();) {
    const std::string_view word = take_word(line, at);
    if (!word.empty()) {
      if (defines) return word;
      if (words == 0 && is_among(kControl, word)) return {};
      defines = is_among(kDefining, lower(word));
      last = word;
      ++words;
      continue;
    }
    const char c = line[at];
    if (c == '=' || c == ';') return c == '=' ? assigned_function(line.substr(at), last) : std::string_view();
    if (c == '(' && !defines) return words >= 2 || line.ends_with('{') ? last : std::string_view();
    if (c == '(') {  // the receiver of a method in Go
      at = std::min(line.find(')', at), line.size() - 1);
    } else if (c == '"' || c == '\'' || c == '{') {
      return {};
    }
    ++at;
  }
  return {};
}

}  // namespace tau::memory
