"""The layering of lib/ as data: one row per layer, lowest first. docs/architecture.md explains it."""

LAYERS = [
    ("L0", ["base"]),
    ("L1", ["os", "json", "net", "store", "crypto"]),
    ("L2", ["observe", "credential", "safety", "access", "wire"]),
    ("L3", ["provider", "memory"]),
    ("L4", ["tool"]),
    ("L5", ["agent"]),
    ("L6", ["runtime"]),
    ("L7", ["service", "channel", "train"]),
]

# Pairs of one layer that may meet nevertheless, each with its reason.
SAME_LAYER = {
    ("store", "crypto"): "the journal's hash chain is computed by the writer",
}

# Folders outside lib/ and the modules whose faces they may include. None: any.
DOORS = {
    # access, wire, safety: identities, codecs and scanners work without a runtime; passing them through it would only forward.
    "capi": ["access", "base", "runtime", "safety", "service", "wire"],
    "examples": [],
    "host": [],
}

# First part of a third-party header's path -> the one place that may include it.
THIRD_PARTY = {
    "CLI": "examples/cli",
    "curl": "lib/net",
    "fmt": "lib/base",
    "re2": "lib/base",
    "simdjson.h": "lib/json",
    "sodium.h": "lib/crypto",
    "sodium": "lib/crypto",
    "sqlite3.h": "lib/store",
    "toml++": "lib/runtime",
    "xxhash.h": "lib/crypto",
}

# Headers that only some folders of the tree may include.
TEST_ONLY = {"gtest": "tests", "gmock": "tests", "rapidcheck": "tests", "rapidcheck.h": "tests"}

LAYER_OF = {module: number for number, (_, modules) in enumerate(LAYERS) for module in modules}


def may_include(user, used):
    """True when module `user` may include the face of module `used`."""
    if user == used or (user, used) in SAME_LAYER:
        return True
    return LAYER_OF[used] < LAYER_OF[user]
