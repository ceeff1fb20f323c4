"""Identities and access, driven by the fixture that C and Node are driven by: tests/access/golden/identity.json."""

import copy
import json
import pickle
import tempfile
import unittest
from pathlib import Path

import tap
import tau

FIXTURE = json.loads((Path(__file__).resolve().parents[1] / "access" / "golden" / "identity.json").read_text())
NOW_MS = FIXTURE["now_ms"]
LATER_MS = 4_000_000_000_000  # behind the start of any state


def identity(number, **more):
    return tau.Identity(number.to_bytes(32, "big"), **more)


class Case(unittest.TestCase):
    def refused(self, reason, call, *arguments, **more):
        with self.assertRaises(tau.TauError) as caught:
            call(*arguments, **more)
        self.assertEqual(caught.exception.reason, reason)
        return caught.exception


class Fixture(Case):
    def test_keys_and_documents(self):
        for wanted in FIXTURE["keys"]:
            self.assertEqual(identity(wanted["seed_number"]).did, wanted["did"])
            self.assertEqual(identity(wanted["seed_number"]).key_id, wanted["key_id"])
        document = FIXTURE["did_key_documents"][0]["document"]
        ours = tau.resolve_did(document["id"])["document"]
        self.assertEqual(ours, {key: value for key, value in document.items() if key != "keyAgreement"})
        for web in FIXTURE["did_web"]:
            error = self.refused("no_document" if web["url"] else "invalid_did_web", tau.resolve_did, web["did"])
            self.assertEqual(error.details.get("url"), web["url"])

    def test_statements_are_made(self):
        proof = identity(1).prove(FIXTURE["proof"]["challenge"], "agent.example", "pair")
        self.assertEqual(proof, ".".join(FIXTURE["proof"]["jws"]))
        card = FIXTURE["agent_card"]["card"]
        bare = {key: value for key, value in card.items() if key != "signatures"}
        self.assertEqual(identity(3).sign_card(bare, issued_s=NOW_MS // 1000, expires_s=NOW_MS // 1000 + 86_400), card)
        roots = {**FIXTURE["trust_roots"]["list"], "signatures": []}
        self.assertEqual(identity(3).sign_roots(identity(1).sign_roots(roots)), FIXTURE["trust_roots"]["list"])

    def test_statements_are_judged(self):
        card, did = FIXTURE["agent_card"]["card"], FIXTURE["keys"][3]["did"]
        self.assertEqual(tau.verify_card(card, did=did, now_ms=NOW_MS)["did"], did)
        self.refused("wrong_did", tau.verify_card, card, did=FIXTURE["keys"][0]["did"], now_ms=NOW_MS)
        self.refused("card_expired", tau.verify_card, card, now_ms=NOW_MS + 86_400_000)
        self.refused("invalid_signature", tau.verify_card, {**card, "name": "Mixture"}, now_ms=NOW_MS)
        roots, digest = FIXTURE["trust_roots"]["list"], FIXTURE["trust_roots"]["digest"]
        self.assertEqual(tau.verify_roots(roots, digest=digest)["digest"], digest)
        self.refused("unknown_roots", tau.verify_roots, roots, digest="00")

    def test_the_envelope_is_for_its_audience_and_time(self):
        sealed, payload = FIXTURE["envelope"]["envelope"], FIXTURE["envelope"]["payload"]
        with tau.Access(audience="telegram:4711") as access:
            self.refused("replay_window_passed", access.open_envelope, sealed, payload, now_ms=NOW_MS)
            self.refused("payload_mismatch", access.open_envelope, sealed, "other", now_ms=NOW_MS)
            self.refused("envelope_expired", access.open_envelope, sealed, payload, now_ms=NOW_MS + 400_000)
        with tau.Access(audience="telegram:1") as access:
            self.refused("wrong_audience", access.open_envelope, sealed, payload, now_ms=NOW_MS)


class Doors(Case):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.state = Path(folder.name) / "state"

    def test_a_proof_is_accepted_once_by_who_asked(self):
        with tau.Access(audience="me") as access, tau.Access(audience="me") as other:
            agent = tau.Identity()
            proof = agent.prove(access.challenge("pair"), "me", "pair")
            self.refused("unknown_challenge", other.verify_proof, proof, "pair")
            self.refused("wrong_purpose", access.verify_proof, proof, "pay")
            self.refused("wrong_did", access.verify_proof, proof, "pair", did=identity(1).did)
            head, payload, signature = proof.split(".")
            forged = signature[:-10] + ("A" if signature[-10] != "A" else "B") + signature[-9:]
            self.refused("invalid_signature", access.verify_proof, f"{head}.{payload}.{forged}", "pair")
            self.assertEqual(access.verify_proof(proof, "pair", did=agent.did)["did"], agent.did)
            self.refused("replayed", access.verify_proof, proof, "pair")
            self.refused("wrong_audience", agent.prove, access.challenge("pair"), "somebody", "pair")

    def test_an_envelope_is_accepted_once_also_after_a_restart(self):
        sealed = identity(2).seal("hi", "me", "m1", issued_ms=LATER_MS)
        with tau.Access(audience="me", state=self.state) as access:
            self.assertEqual(access.open_envelope(sealed, "hi", now_ms=LATER_MS)["id"], "m1")
            self.refused("state_busy", tau.Access, state=self.state)
        with tau.Access(audience="me", state=self.state) as access:
            self.refused("replayed", access.open_envelope, sealed, "hi", now_ms=LATER_MS)
        self.assertEqual(self.state.stat().st_mode & 0o777, 0o600)

    def test_a_key_shows_itself_to_nobody(self):
        agent = identity(7)
        self.assertEqual(repr(agent), f"Identity({agent.did!r}, seed=[REDACTED])")
        self.assertEqual(repr(agent.seed()), "[REDACTED]")
        self.assertEqual(agent.seed().reveal(), (7).to_bytes(32, "big"))
        for attempt in (copy.copy, pickle.dumps):
            self.assertRaises(TypeError, attempt, agent)
        self.assertRaises(TypeError, tau.Identity, "text")
        self.assertRaises(ValueError, tau.Identity, b"")
        self.refused("invalid_length", tau.Identity, b"short")
        self.assertNotEqual(tau.Identity().did, tau.Identity().did)

    def test_a_did_web_is_verified_by_its_document(self):
        agent = identity(1, did="did:web:agent.example")
        card = agent.sign_card({"name": "x"})
        self.refused("no_document", tau.verify_card, card)
        documents = {agent.did: agent.describe()["document"]}
        self.assertEqual(tau.verify_card(card, did=agent.did, documents=documents)["key_id"], agent.key_id)
        self.assertEqual(tau.resolve_did(agent.did, documents[agent.did])["keys"][0]["id"], agent.key_id)

    def test_a_policy_decides(self):
        policy = {"schema_version": 1,
                  "roles": {"r": {"allow": [{"action": "read", "resource": "*"}],
                                  "deny": [{"action": "*", "resource": "x"}]}},
                  "bindings": [{"principal": "alice", "roles": ["r"]}]}
        access = tau.Access(policy)
        self.assertEqual(access.check("alice", "read", "a")["role"], "r")
        self.assertFalse(access.allows("bob", "read", "a"))
        self.assertEqual(access.explain("alice", "read", "x")["reason"], "deny_rule")
        self.refused("access_denied", access.check, "alice", "write", "a")
        self.refused("invalid_policy", tau.Access, {**policy, "more": 1})
        code = access.perform("pair", channel="c", actor="alice")["code"]
        self.refused("wrong_code", access.perform, "redeem", channel="c", actor="alice", code="0000-0000")
        self.assertTrue(access.perform("redeem", channel="c", actor="alice", code=code)["allowed"])
        self.refused("invalid_request", access.perform, "redeem", channel="c")

    def test_a_runtime_holds_every_call_to_the_policy(self):
        policy = {"schema_version": 1,
                  "roles": {"r": {"allow": [{"action": "session:*", "resource": "session/*"},
                                            {"action": "tool:add", "resource": "tool/add"}]},
                            "talks": {"allow": [{"action": "session:*", "resource": "session/*"}]}},
                  "bindings": [{"principal": "alice", "roles": ["r"]}, {"principal": "bob", "roles": ["talks"]}]}
        script = {"turns": [{"tool_calls": [{"name": "add", "arguments": {"a": 1, "b": 2}}]}, {"text": "done"}]}
        calls = []

        def add(a: int, b: int) -> int:
            """Adds."""
            calls.append((a, b))
            return a + b

        with tau.Runtime(config={"access": {"document": policy}, "model": "scripted/x", "script": script}) as runtime:
            def play(who, **options):
                agent = runtime.agent(tools=[add], principal=who)
                return agent.session().run("go", **options).result(20)

            play("bob")
            self.assertEqual(calls, [])
            play("alice")
            self.assertEqual(calls, [(1, 2)])
            self.refused("access_denied", play, "bob", principal="alice")
            self.refused("access_denied", play, "eve")


if __name__ == "__main__":
    tap.main()
