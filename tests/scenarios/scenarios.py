"""One hundred scenarios that every door of the library must play alike. Data only: what an agent is, what its scripted
model says, what the host answers.

A scenario is a list of lines, tab-separated, that any language reads with a split:

    agent   CONFIG                                              of tau_agent_new
    tool    NAME EFFECT FLAGS PARAMETERS BY ANSWER ERROR REASON a tool of the host; FLAGS of "parallel,idempotent,ask";
                                                                BY "function": answered by the language's own means,
                                                                "event": by an op, after the ops below; ERROR 0 or 1
    run     PROMPT OPTIONS DEADLINE_MS FLAGS                    one run, in the one session; FLAGS of "quiet"
    once    EVENT OP                                            at the first such event of each run; OP "cancel" cancels
    each    EVENT OP                                            at every one; $CALL stands for the event's call id
    memory  SCOPE                                               of tau_memory_open: the memories of the lines that follow
    perform REQUEST                                             of tau_memory_perform; the answer is printed
    search  REQUEST                                             of tau_memory_search; the answer is printed

Every op is sent while the run stands still, so that nothing is left to chance.
"""

import json


class Scenario:
    def __init__(self, name, turns, **config):
        self.name = name
        loop = config.pop("loop", False)
        self.lines = [("agent", _dump({"model": "scripted/scenario", "tools": [],
                                       "script": {"turns": turns, "loop": loop}, **config}))]
        self.runs = 0

    def tool(self, name, answer="ok", effect="pure", flags="", parameters=None, by="function", error=False, reason=""):
        self.lines.append(("tool", name, effect, flags, _dump(parameters or {"type": "object"}), by, _dump(answer),
                           str(int(error)), reason))
        return self

    def run(self, prompt="Go.", options=None, deadline_ms=0, flags=""):
        self.runs += 1
        self.lines.append(("run", prompt, _dump(options) if options else "", str(deadline_ms), flags))
        return self

    def once(self, event, op):
        self.lines.append(("once", event, op if op == "cancel" else _dump(op)))
        return self

    def each(self, event, op):
        self.lines.append(("each", event, _dump(op)))
        return self

    def memory(self, scope):
        self.lines.append(("memory", _dump(scope)))
        return self

    def perform(self, op, **members):
        self.lines.append(("perform", _dump({"op": op, **members})))
        return self

    def search(self, query, **members):
        # The same moment for all, no matter when it was written; no search changes what the next one sees.
        self.lines.append(("search", _dump({"query": query, "now": "2026-11-28T12:00:00Z", "touch": False, "recency_weight": 0,
                                            **members})))
        return self

    def text(self):
        for line in self.lines:
            assert not any("\t" in part or "\n" in part for part in line), line
        return "".join("\t".join(line) + "\n" for line in self.lines)


def _dump(value):
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def say(*text, **more):
    return {"text": list(text), **more}


def call(*calls, text=(), **more):
    """A turn that calls tools: names, or (name, arguments)."""
    calls = [(entry, {}) if isinstance(entry, str) else entry for entry in calls]
    return {"text": list(text), "tool_calls": [{"name": name, "arguments": arguments} for name, arguments in calls],
            **more}


SUM = {"type": "object", "required": ["a", "b"], "additionalProperties": False,
       "properties": {"a": {"type": "number"}, "b": {"type": "number"}}}
ANSWER = {"type": "object", "required": ["n"], "properties": {"n": {"type": "integer"}}}
ALLOW = {"op": "approval", "call_id": "$CALL", "allow": True}
DENY = {"op": "approval", "call_id": "$CALL", "allow": False, "reason": "not today"}


def _texts():
    yield Scenario("one_word", [say("Hi")]).run()
    yield Scenario("many_pieces", [say(*"a b c d e f g h i j k l m n o p".split())]).run()
    yield Scenario("no_text", [say()]).run()
    yield Scenario("empty_pieces", [say("", "x", "")]).run()
    yield Scenario("reasoning", [say("4", reasoning=["2 and ", "2 is"])]).run()
    yield Scenario("usage", [say("Hi", usage={"input": 12, "output": 34})]).run()
    yield Scenario("cut_off_by_length", [say("Hal", finish="length")]).run()
    yield Scenario("long_text", [say(*["0123456789abcdef" * 64] * 40)]).run()
    for name, text in (("accents", "h\u00e9llo w\u00f6rld"), ("cjk", "\u4f60\u597d"), ("emoji", "\U0001f600 \U0001f469\u200d\U0001f4bb"),
                       ("rtl", "\u0634\u0643\u0631\u0627"), ("quotes", "\"\\ / \u2028 \u007f"),
                       ("controls", "a\u0001b\u001fc"), ("combining", "e\u0301")):
        yield Scenario(f"text_{name}", [say(text, text)]).run(prompt=text.replace("\t", " "))


def _conversations():
    yield Scenario("two_runs", [say("first"), say("second")]).run("One?").run("Two?")
    yield Scenario("five_runs", [say(str(i)) for i in range(5)]).run().run().run().run().run()
    yield Scenario("script_ends", [say("only")]).run().run()
    yield Scenario("loop", [say("a"), say("b")], loop=True).run().run().run()
    yield Scenario("system_prompt", [say("yes")], system="Be brief.").run()
    yield Scenario("message_in_options", [say("seen")]).run("", options={"message": {
        "role": "user", "parts": [{"type": "text", "text": "By message."}]}})
    yield Scenario("principal", [say("ok")]).run(options={"principal": "ann"})
    yield Scenario("quiet", [call("f"), say("done")]).tool("f").run(flags="quiet")
    yield Scenario("after_a_failure", [say("x", error={"code": "unavailable", "reason": "overloaded"}), say("y")]).run().run()
    yield Scenario("after_a_cancel", [say("x", hang=True), say("y")]).once("text", "cancel").run()


def _tools():
    yield Scenario("one_tool", [call(("add", {"a": 2, "b": 3})), say("5")]).tool("add", 5, parameters=SUM).run()
    yield Scenario("text_before_a_tool", [call("f", text=["Let me ", "see."]), say("done")]).tool("f").run()
    yield Scenario("two_turns_of_tools", [call("f"), call("g"), say("done")]).tool("f").tool("g").run()
    yield Scenario("tool_in_two_runs", [call("f"), say("1"), call("f"), say("2")]).tool("f").run().run()
    yield Scenario("unused_tool", [say("no need")]).tool("f").run()
    for flags in ("", "parallel", "parallel,idempotent"):
        for count in (2, 5):
            name = f"{count}_calls_{flags.replace(',', '_') or 'in_a_row'}"
            yield Scenario(name, [call(*["f"] * count), say("done")]).tool("f", flags=flags).run()
    yield Scenario("mixed_calls", [call("f", "g", "f"), say("done")]).tool("f", flags="parallel").tool("g").run()
    for name, answer in (("text", "plain"), ("empty", ""), ("number", 42), ("boolean", True), ("null", None),
                         ("list", [1, "two", None]), ("object", {"deep": {"er": ["x"]}}), ("unicode", "\u4f60 \U0001f600"),
                         ("long", "y" * 5000), ("quotes", "\"\\")):
        yield Scenario(f"answer_{name}", [call("f"), say("done")]).tool("f", answer).run()
    yield Scenario("error_answer", [call("f"), say("sorry")]).tool("f", "no luck", error=True, reason="bad_luck").run()
    yield Scenario("error_then_good", [call("f"), call("g"), say("ok")]).tool("f", "no", error=True, reason="no").tool("g").run()
    yield Scenario("unknown_tool", [call("nothing"), say("sorry")]).tool("f").run()
    yield Scenario("missing_argument", [call(("add", {"a": 2})), say("sorry")]).tool("add", 5, parameters=SUM).run()
    yield Scenario("wrong_type", [call(("add", {"a": 2, "b": "3"})), say("sorry")]).tool("add", 5, parameters=SUM).run()
    yield Scenario("extra_argument", [call(("add", {"a": 2, "b": 3, "c": 4})), say("sorry")]).tool(
        "add", 5, parameters=SUM).run()
    yield Scenario("arguments_are_no_json", [call(("f", "{oops")), say("sorry")]).tool("f").run()
    yield Scenario("arguments_are_no_object", [call(("f", [1, 2])), say("sorry")]).tool("f").run()
    yield Scenario("progress", [call("f"), say("done")]).tool("f", by="event").once(
        "tool_call", {"op": "tool_progress", "call_id": "$CALL", "text": "half way"}).run()
    yield Scenario("result_for_another_call", [call("f"), say("done")]).tool("f", by="event").once(
        "tool_call", {"op": "tool_result", "id": "stray", "call_id": "call_9_9", "content": "x"}).run()
    yield Scenario("too_many_calls", [call(*["f"] * 4), say("done")], limits={"max_calls_per_turn": 2}).tool("f").run()
    yield Scenario("one_at_a_time", [call(*["f"] * 3), say("done")], limits={"max_parallel_tools": 1}).tool(
        "f", flags="parallel").run()


def _approvals():
    for effect in ("read", "write", "egress", "exec", "irreversible"):
        yield Scenario(f"allowed_{effect}", [call("f"), say("done")]).tool("f", effect=effect).each("approval", ALLOW).run()
        yield Scenario(f"denied_{effect}", [call("f"), say("so be it")]).tool("f", effect=effect).each("approval", DENY).run()
    yield Scenario("asks_always", [call("f"), say("done")]).tool("f", flags="ask").each("approval", ALLOW).run()
    yield Scenario("policy_allows", [call("f"), say("done")], policy={"allow": ["f"]}).tool("f", effect="write").run()
    yield Scenario("policy_denies", [call("f"), say("sorry")], policy={"deny": ["f"]}).tool("f").run()
    yield Scenario("policy_asks", [call("f"), say("done")], policy={"ask": ["f"]}).tool("f").each("approval", ALLOW).run()
    yield Scenario("nobody_answers", [call("f"), say("sorry")], limits={"approval_timeout_ms": 20}).tool(
        "f", effect="write").run()
    yield Scenario("approval_of_nothing", [call("f"), say("done")]).tool("f", by="event").once(
        "tool_call", {"op": "approval", "id": "stray", "call_id": "call_9_9", "allow": True}).run()


def _memories():
    def note(id, text, day, **more):
        return {"id": id, "text": text, "time": f"2026-11-{day:02}T10:00:00Z", **more}
    notes = [note("tea", "Ada drinks green tea in the morning", 2, type="preference", tags=["drinks"]),
             note("boat", "The boat to the island leaves at noon", 3, thread="trip"),
             note("ticket", "Tickets are sold at the harbour", 3, thread="trip", position=1),
             note("cat", "The cat is called Miro \u00e9\u4f60 \U0001f600", 20, importance=0.9),
             note("paris", "Ada lives in Paris", 4, valid_from="2026-11-04", fact={"subject": "Ada", "predicate": "lives in", "object": "Paris"})]
    yield (Scenario("memories", [say("yes")]).memory({"workspace": "scenario", "channel": "a"}).perform("add", memories=notes)
           .search("Who drinks tea?", k=3, explain=True).search("boat tickets", explain=True, k=4).search("\"green tea\"", strict=True)
           .perform("add", memories=[note("rome", "Ada lives in Rome", 9, valid_from="2026-11-09",
                                          fact={"subject": "Ada", "predicate": "lives in", "object": "Rome"})])
           .search("Where does Ada live?", k=2).search("Where does Ada live?", k=3, superseded=True)
           .perform("relate", **{"from": "boat", "to": "ticket", "relation": "part_of", "weight": 0.5})
           .perform("get", id="boat").perform("list", limit=3).perform("list", types=["preference"])
           .perform("forget", id="tea").search("tea", k=3).perform("restore", id="tea").search("tea", k=1, mode="text")
           .perform("purge", ids=["tea"]).perform("get", id="tea").perform("tree").perform("dance")
           .perform("add", text="x", type="dream").perform("add", text="x", channel="b").search("x", colour="red"))


def _steering():
    yield Scenario("steer", [call("f"), say("other way")]).tool("f", by="event").once(
        "tool_call", {"op": "steer", "id": "s", "text": "Rather not."}).run()
    yield Scenario("steer_skips", [call("f", "g"), say("other way")]).tool("f", by="event").tool("g", by="event").once(
        "tool_call", {"op": "steer", "text": "Stop that."}).run()
    yield Scenario("message", [call("f"), say("first"), say("second")]).tool("f", by="event").once(
        "tool_call", {"op": "message", "id": "m", "text": "And then?"}).run()
    yield Scenario("op_without_an_id", [call("f"), say("a"), say("b")]).tool("f", by="event").once(
        "tool_call", {"op": "message", "text": "More."}).run()


def _ends():
    yield Scenario("cancel_in_text", [say("x", hang=True)]).once("text", "cancel").run()
    yield Scenario("cancel_in_reasoning", [say(reasoning=["hm"], hang=True)]).once("reasoning", "cancel").run()
    yield Scenario("cancel_in_a_tool", [call("f"), say("never")]).tool("f", by="event").once("tool_call", "cancel").run()
    yield Scenario("cancel_in_an_approval", [call("f"), say("never")]).tool("f", effect="write").once(
        "approval", "cancel").run()
    yield Scenario("cancel_as_an_op", [say("x", hang=True)]).once("text", {"op": "cancel"}).run()
    yield Scenario("deadline", [say("x", hang=True)]).run(deadline_ms=30)
    yield Scenario("wall_time", [say("x", hang=True)], limits={"max_wall_ms": 30}).run()
    yield Scenario("max_turns", [call("f")], loop=True, limits={"max_turns": 3}).tool("f").run()
    yield Scenario("max_tokens", [call("f", usage={"input": 50, "output": 60})], loop=True,
                   limits={"max_tokens": 300}).tool("f").run()
    yield Scenario("max_prompt_bytes", [say("no")], limits={"max_prompt_bytes": 1}).run()
    for code, reason in (("unavailable", "overloaded"), ("unauthenticated", "bad_key"), ("invalid_argument", "too_long"),
                         ("resource_exhausted", "quota"), ("deadline_exceeded", "slow"), ("data_loss", "cut")):
        yield Scenario(f"model_fails_{code}", [say("so far", error={"code": code, "reason": reason})]).run()
    yield Scenario("fails_behind_a_tool", [call("f"), say(error={"code": "unavailable", "reason": "gone"})]).tool("f").run()


def _structured():
    schema = {"response_schema": ANSWER}
    yield Scenario("structured", [say('{"n":3}')], **schema).run()
    yield Scenario("structured_in_a_fence", [say("Here:\n```json\n{\"n\":3}\n```")], **schema).run()
    yield Scenario("structured_second_try", [say('{"n":"3"}'), say('{"n":3}')], **schema).run()
    yield Scenario("structured_never", [say("no"), say("no")], **schema).run()
    yield Scenario("structured_no_retry", [say("no")], limits={"structured_retries": 0}, **schema).run()
    yield Scenario("structured_by_run", [say('{"n":1}')]).run(options={"response_schema": ANSWER})
    yield Scenario("structured_with_a_tool", [call("f"), say('{"n":2}')], **schema).tool("f").run()


def scenarios():
    every = [*_texts(), *_conversations(), *_tools(), *_approvals(), *_steering(), *_ends(), *_structured(), *_memories()]
    assert len({scenario.name for scenario in every}) == len(every)
    return every
