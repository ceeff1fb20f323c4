"""The lints find what they are there to find."""

import re
import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tools" / "lint"))
import check_env  # noqa: E402
import check_includes  # noqa: E402
import check_text  # noqa: E402
import cpp_shape  # noqa: E402
from layers import LAYER_OF, may_include  # noqa: E402

SAMPLE = '''
namespace a {
class X final : public Y<int> {
 public:
  X(int a)
      : a_{a},
        b_{3} {
    foo();
  }
  int get() const { return a_; }
  int arr_[2] = {1, 2};
};
enum class E : int { kA, kB };
template <class T>
struct Z {
  void m() {
    if (x) { y(); }
  }
};
static auto parse(std::string_view s) -> StatusOr<int> {
  auto c = '{';
  auto r = R"x( } )x";  // }
  return 1'000;
}
extern "C" {
int tau_f(void) {
  return 0;
}
}
TEST(A, B) {
  foo();
}
}
'''


class CppShapeTest(unittest.TestCase):
    def test_functions_have_their_lines(self):
        found = [(name, lines) for name, _, lines in cpp_shape.functions(SAMPLE)]
        self.assertEqual(found, [("X", 5), ("get", 1), ("m", 3), ("parse", 5), ("tau_f", 3), ("TEST", 3)])

    def test_first_line_is_where_the_head_starts(self):
        lines = SAMPLE.split("\n")
        for name, line, _ in cpp_shape.functions(SAMPLE):
            self.assertIn(name, lines[line - 1])


class IncludesTest(unittest.TestCase):
    def faults(self, path, header):
        path = Path(path)
        checks = (check_includes._third_party_fault, check_includes._module_fault)
        return [fault for fault in (check(path, header) for check in checks) if fault]

    def test_lower_layers_are_open_and_others_closed(self):
        self.assertTrue(may_include("tool", "net"))
        self.assertFalse(may_include("net", "tool"))
        self.assertFalse(may_include("net", "json"))
        self.assertTrue(may_include("store", "crypto"))
        self.assertFalse(may_include("crypto", "store"))
        self.assertTrue(all(may_include(module, "base") for module in LAYER_OF))

    def test_faults_are_named(self):
        for path, header in (("lib/net/a.cpp", "json/json.h"), ("lib/tool/a.cpp", "net/sse.h"),
                             ("lib/wire/a.cpp", "simdjson.h"), ("lib/json/json.h", "simdjson.h"),
                             ("lib/json/a.cpp", "fmt/format.h"), ("tests/json/a.cpp", "curl/curl.h"),
                             ("lib/json/a.cpp", "gtest/gtest.h"),
                             ("capi/run.cpp", "agent/agent.h"), ("examples/cli/main.cpp", "base/base.h"),
                             ("include/tau/run.h", "base/status.h"), ("lib/unheard/a.cpp", "base/base.h")):
            self.assertEqual(len(self.faults(path, header)), 1, f"{path} {header}")

    def test_what_is_allowed_passes(self):
        for path, header in (("lib/json/a.cpp", "simdjson.h"), ("lib/tool/a.cpp", "net/net.h"),
                             ("lib/net/sse.cpp", "net/sse.h"), ("lib/net/a.cpp", "base/status.h"),
                             ("capi/run.cpp", "runtime/runtime.h"), ("tests/net/sse_test.cpp", "net/sse.h"),
                             ("bench/json/a.cpp", "simdjson.h"), ("tests/net/a.cpp", "curl/curl.h"),
                             ("examples/cli/main.cpp", "CLI/CLI.hpp")):
            self.assertEqual(self.faults(path, header), [], f"{path} {header}")


class TextTest(unittest.TestCase):
    def faults(self, line, path="a.cpp"):
        return list(check_text._line_faults(Path(path), line))

    def test_faults(self):
        secret = "sk-" + "a1" * 15
        for line in ("// /" + "root/x", "x  ", "a\tb", "// TO" + "DO later", "zero\u200bwidth", f'"{secret}"',
                     "<" * 7 + " HEAD", "-----BEGIN " + "RSA PRIVATE KEY-----"):
            self.assertEqual(len(self.faults(line)), 1, line)

    def test_clean_lines(self):
        for line in ("// TO" + "DO(#12) later", "path /workspace/a", 'key "sk-short"', "grüße", "=" * 8):
            self.assertEqual(self.faults(line), [], line)
        self.assertEqual(self.faults("\tall:", "Makefile"), [])


class EnvTest(unittest.TestCase):
    def test_names_are_read_from_both_sides(self):
        self.assertEqual(check_env._NAME.findall('{"TAU_HOME", "x"}, {"not_this", "OK"}'), ["TAU_HOME"])
        self.assertEqual(check_env._EXAMPLE.findall("# text\n# TAU_HOME=/x\nTAU_LOG=1\n"), ["TAU_HOME", "TAU_LOG"])
        self.assertTrue(re.search(check_env._GETENV, "x = secure_getenv(\"A\")"))


if __name__ == "__main__":
    unittest.main()
