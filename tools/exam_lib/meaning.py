"""What two neutral documents say differently, as kinds that the table of losses (lib/wire/losses.json) names.

Compared is the meaning: neighbouring texts of one speaker are one text, messages of one speaker are one turn, and the
blanks between texts do not count. How a dialect spelled something (extras whose names begin with "tau:") does not either.
"""

import base64
import json
import re
from collections import Counter
from itertools import groupby, zip_longest

# What stands where a part could not: "[image left out: … ]", written by lib/wire/left_out.cpp.
STAND_IN = re.compile(r"\[(\w+) left out: [^\]\n]*\]")
JSON_ONLY = "Answer with a single JSON object and nothing else."
PLACES = ("data", "url", "id")
NO_OUTPUT = "(no output)"
SPEAKERS = {"system": "system", "developer": "system", "user": "user", "tool": "user", "assistant": "assistant"}


def squeezed(text):
    """The text without its blanks: dialects join texts by line ends, by nothing, or not at all."""
    return "".join(text.split())


def parsed(text):
    try:
        return json.loads(text)
    except ValueError:
        return None


def own_members(thing):
    """The members of a part, message or document that its dialect has and the neutral model does not."""
    return {name: value for name, value in thing.get("extras", {}).items() if not name.startswith("tau:")}


def is_absent(value):
    return value in (None, [], {}, "", False)


class Turn:
    """What one speaker says before another does."""

    def __init__(self, speaker):
        self.speaker = speaker
        self.texts, self.media, self.calls, self.results, self.reasoning, self.opaque = [], [], [], [], [], []
        self.order = []

    def add(self, part):
        kind = part["type"]
        if kind == "text":
            if not part["text"].strip():
                return
            self.texts.append(part)
        elif kind == "tool_call":
            self.calls.append(part)
        elif kind == "tool_result":
            self.results.append(part)
        elif kind == "reasoning":
            self.reasoning.append(part)
        elif kind == "opaque":
            self.opaque.append(part)
        else:
            self.media.append(part)
            kind = "media"
        if kind == "reasoning" and not part["text"]:
            return  # a signature alone
        if not self.order or self.order[-1] != kind:
            self.order.append(kind)

    def text(self):
        return "".join(part["text"] for part in self.texts)

    def said(self):
        """Its text as it is compared."""
        return squeezed(STAND_IN.sub("", self.text()))

    def stand_ins(self):
        return Counter(STAND_IN.findall(self.text()))

    def is_empty(self):
        return not (self.order or self.reasoning)


def turns_of(messages):
    """The system's words, and the turns of the others."""
    system, turns, late = Turn("system"), [], False
    for message in messages:
        speaker = SPEAKERS[message["role"]]
        if speaker == "system":
            late = late or bool(turns)
            for part in message["parts"]:
                system.add(part)
            continue
        for part in message["parts"]:
            if not turns or turns[-1].speaker != speaker:
                turns.append(Turn(speaker))
            turns[-1].add(part)
    return system, [turn for turn in turns if not turn.is_empty()], late


class Comparison:
    """Gathers differences: (kind, what it looks like)."""

    def __init__(self, has_breakpoints=False):
        """has_breakpoints: the document after has breakpoints of a cache as parts of their own."""
        self.found = []
        self.has_breakpoints = has_breakpoints

    def note(self, kind, before="", after=""):
        self.found.append((kind, f"{before!r:.160} -> {after!r:.160}"))

    def same(self, kind, before, after):
        if before != after:
            self.note(kind, before, after)

    # Parts.

    def media(self, before, after):
        """Each of `before` is in `after`; returns those that are not."""
        left, lost = list(after), []
        for part in before:
            at = next((i for i, other in enumerate(left) if other["type"] == part["type"] and
                       all(other.get(place) == part.get(place) for place in PLACES)), None)
            if at is None:
                lost.append(part)
                continue
            other = left.pop(at)
            if part.get("name"):
                self.same("media.name", part["name"], other.get("name", ""))
            if part.get("mime"):
                self.same("media.mime", plain_mime(part["mime"]), plain_mime(other.get("mime", "")))
        for part in left:
            self.note("media.new", "", shown(part))
        return lost

    def calls(self, before, after):
        for a, b in zip_longest(before, after):
            if a is None or b is None:
                self.note("call", a, b)
                continue
            self.same("call.name", a["name"], b["name"])
            self.same("call.id", a["id"], b["id"])
            if a["arguments"] != b["arguments"] and (parsed(a["arguments"]) or {}) != parsed(b["arguments"]):
                self.note("call.arguments", a["arguments"], b["arguments"])

    def results(self, before, after, places):
        """places: (number of the call by its id, before and after)."""
        for a, b in zip_longest(before, after):
            if a is None or b is None:
                self.note("result", a, b)
                continue
            if a["call_id"] in places[0]:
                self.same("result.call", places[0][a["call_id"]], places[1].get(b["call_id"]))
            self.same("result.error", a.get("is_error", False), b.get("is_error", False))
            if a.get("name") and a["call_id"] not in places[0]:
                self.same("result.name", a["name"], b.get("name", ""))
            self.result_content(a["content"], b["content"])

    def result_content(self, before, after):
        a, b = Turn("user"), Turn("user")
        for turn, parts in ((a, before), (b, after)):
            for part in parts:
                turn.add(part)
        said, heard = a.said(), without_files(b.said(), a.media, b.media)
        if parsed(a.text()) is None or parsed(a.text()) != parsed(b.text()):
            if heard == squeezed(NO_OUTPUT) and not said:
                self.note("result.empty", "", b.text())
            elif said != heard:
                self.note("result.text", a.text(), b.text())
        if any(part.get("moved") for part in b.media):
            self.note("result.media", shown(a.media[0]))
        self.replaced(self.media(a.media, b.media), b)
        self.replaced([part for part in without_marks(a.opaque) if part not in b.opaque], b)

    def reasoning(self, before, after):
        said, heard = (squeezed("".join(part["text"] for part in parts)) for parts in (before, after))
        if said != heard:
            self.note("reasoning" if not heard else "reasoning.text", said, heard)
        signed, kept = ([(part["form"], part["opaque"]) for part in parts if part.get("opaque")]
                        for parts in (before, after))
        if signed != kept:
            self.note("reasoning.signed", signed, kept)

    def replaced(self, lost, turn):
        """What was lost has a text that says so."""
        stand_ins = turn.stand_ins()
        for part in lost:
            kind, name = kind_of(part)
            if squeezed(text_of_file(part)) and squeezed(text_of_file(part)) in squeezed(turn.text()):
                self.note("file.text", shown(part), turn.text())
                continue
            self.note(kind + ("" if stand_ins[name] > 0 else ".silent"), shown(part), turn.text())
            stand_ins[name] -= 1

    def own(self, before, after):
        """Members that only one dialect has."""
        for name, value in own_members(before).items():
            if is_absent(value) or name in own_members(after):
                continue
            known = {"citations": "citations", "annotations": "citations", "cache_control": "cache_control"}
            if name == "cache_control" and self.has_breakpoints:
                continue
            self.note(known.get(name, "members"), f"{name} {value!r:.80}", "")

    def turn(self, before, after, places):
        said, heard = before.said(), without_files(after.said(), before.media, after.media)
        if said != heard:
            self.note("text", before.text(), after.text())
        self.calls(before.calls, after.calls)
        self.results(before.results, after.results, places)
        self.reasoning(before.reasoning, after.reasoning)
        self.replaced(self.media(before.media, after.media), after)
        lost = [part for part in without_marks(before.opaque) if part["json"] not in [other["json"] for other in after.opaque]]
        if before.speaker == "assistant":
            for part in lost:
                self.note("opaque.assistant", part["kind"])
        else:
            self.replaced(lost, after)
        for a, b in zip(before.texts, after.texts):
            self.own(a, b)
        kept = set(before.order) & set(after.order)
        self.same("order", *([kind for kind, _ in groupby(kind for kind in turn.order if kind in kept)]
                             for turn in (before, after)))


def without_marks(parts):
    """Parts that are content: breakpoints of caches are none."""
    return [part for part in parts if part["kind"] != "cachePoint"]


def plain_mime(mime):
    return {"audio/mp3": "audio/mpeg", "audio/x-wav": "audio/wav"}.get(mime, mime)


def shown(part):
    return {**part, "data": part.get("data", "")[:20]}


def text_of_file(part):
    """What a file of plain text says."""
    if part["type"] != "file" or not part.get("mime", "").startswith("text/"):
        return ""
    return base64.b64decode(part.get("data", "")).decode(errors="replace")


def without_files(heard, before, after):
    """The text without the files of plain text that stand in it, which Comparison.replaced() looks for."""
    for part in before:
        content = squeezed(text_of_file(part))
        if content and part not in after:
            heard = heard.replace(squeezed(f"{part['name']}:" if part.get("name") else "") + content, "", 1)
    return heard


def kind_of(part):
    """The kind of a loss, and the word by which the text that replaces the part names it."""
    if part["type"] == "opaque":
        return "opaque.user", part["kind"]
    place = next((place for place in PLACES if part.get(place)), "data")
    return f"{part['type']}.{place}", part["type"]


def merged(turns):
    """Turns of one speaker that stand together are one."""
    out = []
    for turn in turns:
        if out and out[-1].speaker == turn.speaker:
            for name in ("texts", "media", "calls", "results", "reasoning", "opaque"):
                getattr(out[-1], name).extend(getattr(turn, name))
            out[-1].order += turn.order
        else:
            out.append(turn)
    return out


def numbers_of(turns):
    """Call id -> number of the call; of an id that occurs twice, the last."""
    calls = [call["id"] for turn in turns for call in turn.calls]
    return {call_id: number for number, call_id in enumerate(calls)}


def vanishing(turn):
    """Whether nothing of the turn need be left: it only thinks, or shows what the provider's own tools did."""
    return not (turn.texts or turn.calls or turn.results or turn.media) and (
        turn.speaker == "assistant" or not turn.opaque)


def compare_messages(found, before, after):
    (system_a, turns_a, late_a), (system_b, turns_b, late_b) = turns_of(before), turns_of(after)
    said, heard = system_a.said(), system_b.said().replace(squeezed(JSON_ONLY), "")
    if said.replace(squeezed(JSON_ONLY), "") != heard:
        found.note("system", system_a.text(), system_b.text())
    found.replaced(found.media(system_a.media, system_b.media), system_b)
    found.replaced([part for part in without_marks(system_a.opaque) if part not in system_b.opaque], system_b)
    for a, b in zip(system_a.texts, system_b.texts):
        found.own(a, b)
    if late_a and not late_b:
        found.note("system.place")
    if any(message["role"] == "developer" for message in before) and not any(
            message["role"] == "developer" for message in after):
        found.note("system.developer")
    if len(turns_a) != len(turns_b):
        for turn in filter(vanishing, turns_a):
            found.turn(turn, Turn(turn.speaker), ({}, {}))
        turns_a, turns_b = merged([turn for turn in turns_a if not vanishing(turn)]), merged(turns_b)
    places = numbers_of(turns_a), numbers_of(turns_b)
    for a, b in zip_longest(turns_a, turns_b):
        if a is None or b is None or a.speaker != b.speaker:
            found.note("turn", a and (a.speaker, a.order, a.text()), b and (b.speaker, b.order, b.text()))
            return
        take_back(a, b)
        found.turn(a, b, places)


def take_back(before, after):
    """Media of results that stand behind the results are still theirs, but for their place."""
    inside = [part for result in before.results for part in result["content"] if part["type"] in ("image", "audio", "file")]
    for part in inside:
        at = next((i for i, other in enumerate(after.media) if other["type"] == part["type"] and
                   all(other.get(place) == part.get(place) for place in PLACES)), None)
        if at is None:
            continue
        moved = after.media.pop(at)
        result = next(result for result in before.results if part in result["content"])
        number = before.results.index(result)
        if number < len(after.results):
            after.results[number]["content"].append({**moved, "moved": True})
        if not after.media and "media" in after.order:
            after.order.remove("media")


def compare_tools(found, before, after):
    offered = {tool["name"]: tool for tool in after.get("tools", []) if tool["name"] != "cachePoint"}
    choice = before.get("tool_choice", {})
    for tool in before.get("tools", []):
        other = offered.pop(tool["name"], None)
        # Where a choice cannot be said, not offering a tool is how it is made.
        chosen_out = choice.get("mode") == "none" or (choice.get("mode") == "named" and choice["name"] != tool["name"])
        if other is None and chosen_out and after.get("tool_choice") != choice:
            continue
        if other is None:
            server = any(name in tool.get("extras", {}) for name in ("tau:server", "type"))
            found.note("tool.server" if server else "tool", tool["name"])
            continue
        found.same("tool.description", tool.get("description", ""), other.get("description", ""))
        if not same_schema(tool.get("parameters"), other.get("parameters")):
            found.note("tool.parameters", tool.get("parameters"), other.get("parameters"))
        found.same("tool.strict", tool.get("strict", False), other.get("strict", False))
        found.own(tool, other)
    for name in offered:
        found.note("tool.new", "", name)


def plain_schema(schema):
    """The schema without what says nothing."""
    schema = dict(schema or {})
    schema.setdefault("type", "object")
    for name in ("properties", "required"):
        if not schema.get(name):
            schema.pop(name, None)
    return schema


def same_schema(before, after):
    return plain_schema(before) == plain_schema(after)


PARAMETERS = ("model", "max_tokens", "temperature", "top_p", "stop", "seed", "reasoning_effort", "stream",
              "parallel_tool_calls")


def compare_format(found, before, after):
    a, b = before.get("response_format", {}), after.get("response_format", {})
    if a.get("kind") != b.get("kind"):
        found.note(f"format.{a.get('kind', 'new')}", a, b)
        return
    found.same("format.schema", a.get("schema"), b.get("schema"))
    if a.get("name"):
        found.same("format.name", a["name"], b.get("name", ""))
    if a.get("strict"):
        found.same("format.strict", True, b.get("strict", False))


def compare_requests(before, after):
    """The differences of two neutral requests."""
    found = Comparison("cachePoint" in json.dumps(after))
    compare_messages(found, before["messages"], after["messages"])
    compare_tools(found, before, after)
    a, b = ({} if choice.get("mode") == "auto" else choice  # which is what every API does by itself
            for choice in (before.get("tool_choice", {}), after.get("tool_choice", {})))
    if a != b:
        found.note(f"tool_choice.{a.get('mode', 'new')}", a, b)
    compare_format(found, before, after)
    for name in PARAMETERS:
        a, b = (value.get(name) for value in (before, after))
        if name == "parallel_tool_calls":
            a, b = a is False or None, b is False or None  # true is what every API does by itself
        elif is_absent(a) or is_absent(b):
            a, b = a or None, b or None
        if a != b:
            found.note(name if a is not None else f"{name}.new", a, b)
    found.own(before, after)
    for a, b in zip(before["messages"], after["messages"]):
        found.own(a, b)
    return found.found


def compare_answers(before, after):
    """The differences of two neutral answers."""
    found = Comparison()
    compare_messages(found, [before["message"]], [after["message"]])
    for name in ("id", "model", "created", "finish"):
        a, b = before.get(name) or "", after.get(name) or ""
        if a and a != b:
            found.note(f"finish.{a}" if name == "finish" else name, a, b)
    a, b = before.get("usage", {}), after.get("usage", {})
    for name in ("input", "output", "cached_input", "cache_write", "reasoning"):
        # Some servers count more thoughts than tokens in all.
        said = min(a.get(name, 0), a.get("output", 0)) if name == "reasoning" else a.get(name, 0)
        if a.get("known") and b.get(name, 0) not in (said, a.get(name, 0)):
            found.note(f"usage.{name}", a.get(name, 0), b.get(name, 0))
    found.own(before, after)
    found.own(before["message"], after["message"])
    return found.found
