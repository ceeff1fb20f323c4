"""The dialect checks of bindgen: each forbidden shape is refused, at its line, and a good header passes."""

import json
import re
import shutil
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
sys.path.insert(0, str(ROOT / "tools" / "bindgen"))
import api  # noqa: E402
import dialect  # noqa: E402
import docs  # noqa: E402
import emit_c  # noqa: E402
import emit_ctypes  # noqa: E402
import emit_napi  # noqa: E402
import events  # noqa: E402
import parse  # noqa: E402

sys.path.insert(0, str(ROOT / "tests" / "capi" / "abi"))
import check_exports  # noqa: E402

CLANG = parse.find_clang()

GOOD = """/* A header. */
#ifndef TAU_TAU_H
#define TAU_TAU_H
#include <stddef.h>
#include <stdint.h>
#define TAU_API __attribute__((visibility("default")))
#define TAU_ABI_MAJOR 0
#define TAU_ABI_MINOR 1
#define TAU_VERSION_STRING "0.1.0"
typedef int32_t tau_status;
enum { TAU_OK = 0, TAU_LATE = -4 };
typedef struct tau_error tau_error;
typedef struct tau_box tau_box;
typedef struct tau_str { const char *data; size_t len; } tau_str;
typedef struct tau_box_options {
  uint32_t struct_size;
  uint32_t flags; /* of the box */
} tau_box_options;
#define TAU_BOX_OPTIONS_INIT { sizeof(tau_box_options), 0 }
/* Set defaults.
 * Thread: any
 * Since: 0.1 */
TAU_API void tau_box_options_init(tau_box_options *options, uint32_t struct_size);
/* Make a box. It is empty.
 * options: may be NULL. out: receives the box.
 * Returns: OK; LATE.
 * Thread: any
 * Ownership: the caller; tau_box_free.
 * Since: 0.1 */
TAU_API tau_status tau_box_new(const tau_box_options *options, tau_box **out, tau_error **err);
/* Free a box.
 * Thread: any
 * Since: 0.1 */
TAU_API void tau_box_free(tau_box *box);
/* Free an error.
 * Thread: any
 * Since: 0.1 */
TAU_API void tau_error_free(tau_error *error);
%s
#endif
"""
ADDED_AT = GOOD[:GOOD.index("%s")].count("\n") + 1
DOC = "/* Do it.\n * Thread: any\n * Since: 0.1 */\n"
DOC_RETURNS = "/* Do it.\n * Returns: it.\n * Thread: any\n * Since: 0.1 */\n"

# name: (added to the header, what the complaint says, its line counted from the addition)
BAD = {
    "bit-field": ("typedef struct tau_bits { uint32_t a : 3; } tau_bits;", "bit-field a", 0),
    "union": ("union tau_u { int32_t a; };", "union tau_u", 0),
    "variable arguments": (DOC + "TAU_API void tau_box_log(const char *format, ...);", "variable arguments", 3),
    "long": (DOC + "TAU_API void tau_box_put(long n);", "parameter n has type long", 3),
    "int": (DOC_RETURNS + "TAU_API int tau_box_get(tau_box *box);", "returns int", 4),
    "tagged enum": ("enum tau_color { TAU_RED = 1 };", "enum tau_color has a tag", 0),
    "enum without typedef": ("enum { TAU_STRAY = 1 };", "without the fixed-width typedef", 0),
    "implicit enumerator": ("typedef uint32_t tau_kind;\nenum { TAU_A };", "TAU_A needs an explicit value", 1),
    "array parameter": (DOC + "TAU_API void tau_box_fill(uint32_t values[4]);", "values is an array", 3),
    "array field": ("typedef struct tau_ids { uint32_t ids[4]; } tau_ids;", "tau_ids.ids has type", 0),
    "padding": ("typedef struct tau_gap {\n  uint32_t a;\n  uint64_t b;\n} tau_gap;", "4 bytes of padding", 2),
    "nameless parameter": (DOC + "TAU_API void tau_box_touch(tau_box *);", "a parameter has no name", 3),
    "struct by value": (DOC + "TAU_API void tau_box_set(tau_box_options options);", "options has type", 3),
    "error not last": (DOC_RETURNS + "TAU_API tau_status tau_box_do(tau_error **err, tau_box *box);",
                       "must be last", 4),
    "status without error": (DOC_RETURNS + "TAU_API tau_status tau_box_do(tau_box *box);", "without `tau_error", 4),
    "out before input": ("/* Do it.\n * Returns: OK.\n * Thread: any\n * Ownership: x.\n * Since: 0.1 */\n"
                         "TAU_API tau_status tau_box_do(tau_box **out, uint32_t n, tau_error **err);",
                         "out parameters come after", 5),
    "not exported": (DOC + "void tau_box_hide(tau_box *box);", "TAU_API is missing", 3),
    "no comment": ("TAU_API void tau_box_touch(tau_box *box);", "has no summary", 0),
    "no thread": ("/* Do it.\n * Since: 0.1 */\nTAU_API void tau_box_touch(tau_box *box);", "`Thread:` must be", 2),
    "reflowed comment": ("/* Do it. Thread: any\n * Since: 0.1 */\nTAU_API void tau_box_touch(tau_box *box);",
                         "`Thread:` must begin its line", 2),
    "no since": ("/* Do it.\n * Thread: any */\nTAU_API void tau_box_touch(tau_box *box);", "`Since:` must be", 2),
    "no returns": (DOC + "TAU_API int32_t tau_box_size(tau_box *box);", "`Returns:` belongs", 3),
    "no ownership": (DOC_RETURNS + "TAU_API tau_status tau_box_copy(tau_box **out, tau_error **err);",
                     "`Ownership:` is missing", 4),
    "function macro": ("#define TAU_MAX(a, b) ((a) > (b) ? (a) : (b))", "function-like macro", 0),
    "macro expression": ("#define TAU_SUM (1 + 2)", "neither a literal", 0),
    "half an initialiser": ("typedef struct tau_x_options { uint32_t struct_size; } tau_x_options;\n"
                            "#define TAU_X_OPTIONS_INIT { 4 }", "needs both", 0),
    "handle without release": ("typedef struct tau_leak tau_leak;", "nothing gives a tau_leak back", 0),
    "callback without userdata": ("typedef void (*tau_cb)(uint32_t n);", "must take `void *userdata`", 0),
    "callback that answers": ("typedef int32_t (*tau_cb)(void *userdata);", "callbacks return nothing", 0),
}


@unittest.skipIf(CLANG is None, "clang is not installed")
class Dialect(unittest.TestCase):
    def model(self, added=""):
        with tempfile.TemporaryDirectory() as folder:
            header = Path(folder, "include", "tau", "tau.h")
            header.parent.mkdir(parents=True)
            header.write_text(GOOD % added, encoding="utf-8")
            model, problems = parse.read_model(folder, CLANG)
            return model, problems + dialect.check(model)

    def test_good_header_passes(self):
        model, problems = self.model()
        self.assertEqual(problems, [])
        self.assertEqual(sorted(model["functions"]),
                         ["tau_box_free", "tau_box_new", "tau_box_options_init", "tau_error_free"])

    def test_each_forbidden_shape_is_refused_at_its_line(self):
        for name, (added, complaint, line) in BAD.items():
            with self.subTest(name):
                _, problems = self.model(added)
                found = [p for p in problems if complaint in p]
                self.assertTrue(found, f"{name}: {problems}")
                self.assertTrue(found[0].startswith(f"include/tau/tau.h:{ADDED_AT + line}:"), found[0])

    def test_broken_header_is_an_error(self):
        with self.assertRaises(parse.ParseError):
            self.model("this is not C;")

    def test_model_has_values_layout_and_comments(self):
        doc = api.document(self.model()[0])
        self.assertEqual([v["value"] for v in doc["scalars"]["tau_status"]["values"]], [0, -4])
        self.assertEqual(doc["structs"]["tau_str"]["size"], 16)
        self.assertEqual([(f["offset"], f["doc"]) for f in doc["structs"]["tau_box_options"]["fields"]],
                         [(0, ""), (4, "of the box")])
        new = doc["functions"]["tau_box_new"]["doc"]
        self.assertEqual((new["summary"], new["text"], new["returns"]), ("Make a box.", "It is empty.", "OK; LATE."))
        self.assertEqual(new["params"], {"options": "may be NULL.", "out": "receives the box."})

    def test_document_is_the_same_every_time(self):
        self.assertEqual(api.dump(api.document(self.model()[0])), api.dump(api.document(self.model()[0])))

    def test_generated_ctypes_module_has_the_layout_of_the_model(self):
        import ctypes
        doc = api.document(self.model()[0])
        space = {}
        exec(emit_ctypes.module(doc), space)  # pylint: disable=exec-used
        for name, struct in doc["structs"].items():
            self.assertEqual(ctypes.sizeof(space[name]), struct["size"])
        compile(emit_ctypes.stub(doc), "_abi.pyi", "exec")


class Pieces(unittest.TestCase):
    def test_committed_ctypes_module_has_the_committed_layout(self):
        import ctypes
        doc = api.load(ROOT / "capi/api.json")
        space = {}
        exec((ROOT / "bindings/python/tau/_abi.py").read_text(encoding="utf-8"), space)  # pylint: disable=exec-used
        for name, struct in doc["structs"].items():
            self.assertEqual(ctypes.sizeof(space[name]), struct["size"], name)
            for field in struct["fields"]:
                self.assertEqual(getattr(space[name], field["name"]).offset, field["offset"], f"{name}.{field['name']}")

    def test_node_has_every_function_but_those_that_have_no_place_there(self):
        doc = api.load(ROOT / "capi/api.json")
        script, types, table = emit_napi.script(doc), emit_napi.declarations(doc), emit_napi.table(doc)
        absent = {name for name in doc["functions"] if f"exports.{name} = " not in script}
        families = ("tau_error_", "tau_model_reply_", "tau_tool_reply_")
        rest = {name for name in absent if not name.startswith(families) and not name.endswith(("_init", "_ref"))}
        self.assertEqual(rest, {"tau_buf_free", "tau_event_json", "tau_queue_fd", "tau_queue_next", "tau_run_queue",
                                "tau_run_wait", "tau_runtime_borrow_loop", "tau_runtime_fd", "tau_runtime_process",
                                "tau_runtime_return_loop", "tau_secret_data", "tau_secret_len"})
        for name in set(doc["functions"]) - absent:
            self.assertIn(f"export function {name}(", types)
            by_hand = name in ("tau_embed", "tau_memory_perform", "tau_memory_search", "tau_queue_drain", "tau_queue_new",
                               "tau_runtime_set_embedder")
            self.assertTrue(f"  X({name})" in table or by_hand, name)

    def test_members_of_options_reach_node_in_the_order_of_the_table(self):
        doc = api.load(ROOT / "capi/api.json")
        call = re.search(r"addon\.tau_run_start\((.*?)\);", emit_napi.script(doc), re.DOTALL).group(1)
        body = re.search(r"js_tau_run_start\(.*?\n}", emit_napi.table(doc), re.DOTALL).group(0)
        passed = [name.strip().removeprefix("options.") for name in call.split(",")]
        read = {int(index): name for name, index in re.findall(r"options\.(\w+) = read_\w+\(&call, (\d+)", body)}
        read |= {int(index): name for index, name in re.findall(r"\(&call, (\d+), &options\.(\w+)\)", body) if int(index) not in read}
        self.assertEqual(passed[0], "session")
        self.assertEqual([read[i] for i in range(1, len(passed))], passed[1:])

    def test_map_gives_back_its_names_and_chains_releases(self):
        doc = {"functions": {"tau_b": {"doc": {"since": "0.10"}}, "tau_a": {"doc": {"since": "0.9"}}}}
        text = emit_c.symbol_map(doc)
        self.assertEqual(emit_c.names_in_map(text), ["tau_a", "tau_b"])
        self.assertIn("} TAU_0.9;", text)
        self.assertEqual(text.count("local:"), 1)

    def test_comment_parts_survive_line_breaks(self):
        doc = docs.parse("Do a thing.\nMore\nwords.\nReturns: OK;\nNOT_FOUND.\nThread: any\nSince: 0.1", [])
        self.assertEqual((doc["text"], doc["returns"], doc["thread"]), ("More words.", "OK; NOT_FOUND.", "any"))

    def test_parameter_inside_a_sentence_is_not_a_description(self):
        doc = docs.parse("Wait for the queue: it is quick. queue: not NULL.", ["queue"])
        self.assertEqual(doc["params"], {"queue": "not NULL."})

    def test_prototype_breaks_at_a_comma(self):
        params = [{"name": f"parameter_number_{i}", "type": "tau_str"} for i in range(5)]
        lines = api.declaration("tau_x", "void", params).split("\n")
        self.assertEqual(len(lines), 2)
        self.assertTrue(all(len(line) <= 100 for line in lines))


class Gates(unittest.TestCase):
    """The gates themselves can fail."""

    @unittest.skipIf(CLANG is None, "clang is not installed")
    def test_stale_output_is_named(self):
        with tempfile.TemporaryDirectory() as folder:
            for part in ("include/tau", "docs/schema"):
                shutil.copytree(ROOT / part, Path(folder, part))
            command = [sys.executable, str(ROOT / "tools/bindgen/bindgen.py"), "generate", "--root", folder]
            subprocess.run(command, capture_output=True, check=True)
            command[2] = "check"
            self.assertEqual(subprocess.run(command, capture_output=True, check=False).returncode, 0)
            symbols = Path(folder, "capi/libtau.map")
            symbols.write_text(symbols.read_text(encoding="utf-8").replace("    tau_version;\n", ""), encoding="utf-8")
            Path(folder, "docs/c-api/old.md").write_text("gone\n", encoding="utf-8")
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            self.assertEqual(done.returncode, 1)
            self.assertIn("capi/libtau.map:1: stale", done.stdout)
            self.assertIn("docs/c-api/old.md:1: belongs to no header", done.stdout)

    def test_missing_and_foreign_exports_are_named(self):
        with tempfile.TemporaryDirectory() as folder:
            library = Path(folder, "libtau.so")
            code = "int stray; void tau_extra(void) {} void helper(void) {} const char *tau_version(void) { return 0; }"
            subprocess.run(["cc", "-shared", "-fPIC", "-x", "c", "-o", str(library), "-"], input=code, text=True,
                           check=True)
            faults, count = check_exports.compare(str(library), ROOT)
        self.assertEqual(count, 2)
        for fault in ("exported but not public: B stray", "exported but not public: T helper",
                      "exports: tau_extra@@ is not in api.json", "exports: tau_run_start@@TAU_0.1 is missing"):
            self.assertIn(fault, faults)

    def test_event_tables_that_differ_are_named(self):
        with tempfile.TemporaryDirectory() as folder:
            root = Path(folder)
            for part in ("capi/api.json", "docs/schema/events.json", "lib/agent/event.cpp"):
                (root / part).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(ROOT / part, root / part)
            self.assertEqual(events.check(root), [])
            source = root / "lib/agent/event.cpp"
            source.write_text(source.read_text(encoding="utf-8").replace('"snapshot"', '"snapshoot"'), encoding="utf-8")
            schema = json.loads((root / "docs/schema/events.json").read_text(encoding="utf-8"))
            schema["oneOf"].pop()
            (root / "docs/schema/events.json").write_text(json.dumps(schema), encoding="utf-8")
            findings = "\n".join(events.check(root))
            self.assertIn("snapshoot", findings)
            self.assertIn("docs/schema/events.json:1: kinds are", findings)


if __name__ == "__main__":
    unittest.main()
