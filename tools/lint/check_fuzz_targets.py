"""Every parser of untrusted bytes has a fuzz target with a corpus. A parser counts from the day its source exists."""

import re

from common import ROOT, finish
from meson_files import code

# Parser -> (source that makes it exist, fuzz target).
PARSERS = {
    "JSON reader": ("lib/json/*.cpp", "json"),
    "Server-sent events": ("lib/net/*sse*.cpp", "sse"),
    "URL": ("lib/net/*url*.cpp", "url"),
    "OpenAI dialect": ("lib/wire/*openai*.cpp", "openai"),
    "Anthropic dialect": ("lib/wire/*anthropic*.cpp", "anthropic"),
    "Responses dialect": ("lib/wire/*responses*.cpp", "responses"),
    "Gemini dialect": ("lib/wire/*gemini*.cpp", "gemini"),
    "Configuration file": ("lib/runtime/*config*.cpp", "config"),
    "Rule bundles": ("lib/safety/*bundle*.cpp", "rules"),
    "Vault file": ("lib/credential/image.cpp", "vault"),
    "Credential file of Tau": ("lib/credential/import.cpp", "credential_file"),
    "Envelopes, trust roots and states of access": ("lib/access/envelope.cpp", "envelope"),
    "DID documents": ("lib/access/document.cpp", "did_document"),
    "Agent cards and JWS": ("lib/access/jws.cpp", "agent_card"),
    "Policies of roles": ("lib/access/policy.cpp", "access_policy"),
    "Audit records": ("lib/observe/*.cpp", "audit"),
    "Answers of authorization servers": ("lib/provider/oauth_answer.cpp", "oauth_answer"),
    "Redirects of logins": ("lib/provider/oauth_redirect.cpp", "oauth_redirect"),
    "Operations": ("lib/runtime/ops.cpp", "ops"),
}
_ENTRY = re.compile(r"\[\s*'(\w+)',\s*files\(.*?/\s*'([\w/.-]+)'\s*,?\s*\]", re.DOTALL)


def targets():
    """target -> corpus folder, from the meson.build of each folder in fuzz/."""
    found = {}
    for path in sorted((ROOT / "fuzz").glob("*/meson.build")):
        for name, corpus in _ENTRY.findall(code(path.relative_to(ROOT))):
            found[name] = path.parent / corpus
    return found


def main():
    findings, have = [], targets()
    for name, corpus in have.items():
        if not corpus.is_dir() or not any(corpus.iterdir()):
            findings.append(f"fuzz target {name}: {corpus.relative_to(ROOT)} holds no input")
    for parser, (source, target) in PARSERS.items():
        if any(ROOT.glob(source)) and target not in have:
            findings.append(f"{parser} ({source}) has no fuzz target \"{target}\"")
    finish(findings, f"{len(have)} fuzz targets with corpora")


if __name__ == "__main__":
    main()
