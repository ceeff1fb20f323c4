#!/usr/bin/env python3
"""Search through memories, with the options that everybody gets: how well it finds what answers a query.

PATH is a folder with docs, queries and qrels (*.jsonl or *.jsonl.xz), or a folder of such folders. A document is {"id",
"text"} and, where they are there, "title", "author", "speaker", "image_caption", "date", "conv" (a collection of its own:
its queries look at it alone) and "session" (the part of it that the document is from). A query is {"id", "text"} and
"conv"; qrels are {"qid", "docid", "rel"}, and qrels_session, if there, those of sessions (whose ids are in "sessions").
Queries without an answer do not count.

Printed for each folder: recall and nDCG of ten hits, how often the first hit answers, and how often the best memory of the
best session is from a session that answers. --model asks for the vectors of a model, as memory.model does; --parts adds
words alone and vectors alone; --options is JSON that is added to every search.
"""

import json
import math
import re
import sys
import tempfile
from collections import defaultdict
from datetime import datetime, timezone
from pathlib import Path

sys.dont_write_bytecode = True
import exam_args  # noqa: E402
import records  # noqa: E402
from libtau import Libtau, Memory, Runtime  # noqa: E402

DATA = exam_args.ROOT.parent / "shared" / "data" / "retrieval"
FIRST = 10
TOGETHER = 500
DATES = ("%I:%M %p on %d %B, %Y", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M", "%Y-%m-%d", "%d %B %Y", "%B %d, %Y")


def time_of(text):
    """Milliseconds of a date as people write it; None when it is none."""
    text = re.sub(r"\s+", " ", (text or "").strip().rstrip("Z"))
    for form in DATES:
        try:
            return int(datetime.strptime(text, form).replace(tzinfo=timezone.utc).timestamp() * 1000)
        except ValueError:
            continue
    return None


def text_of(document):
    """What the document says, with what belongs to it."""
    text = document.get("text", "")
    title = document.get("title", "")
    if title and not text.startswith(title):
        text = f"{title}\n{text}"
    if document.get("speaker"):
        text = f"{document['speaker']}: {text}"
    if document.get("image_caption"):
        text += f" [{document['image_caption']}]"
    return text


class Collection:
    """One folder: documents as memories, queries, and what answers them."""

    def __init__(self, folder):
        self.name = folder.name
        self.documents = list(records.records_of(folder, "docs"))
        self.queries = list(records.records_of(folder, "queries"))
        sessions = {(line["conv"], line["session"]): line["id"] for line in records.records_of(folder, "sessions")}
        self.session_of = {line["id"]: sessions.get((line.get("conv"), line["session"]), f"{line.get('conv')}/{line['session']}")
                           for line in self.documents if "session" in line}
        self.answers, self.sessions = defaultdict(dict), defaultdict(set)
        for file in records.files_of(folder, "qrels"):
            of_sessions = file.name.startswith("qrels_session")
            for line in records.lines_of(file):
                if line["rel"] <= 0:
                    continue
                if of_sessions:
                    self.sessions[line["qid"]].add(line["docid"])
                else:
                    self.answers[line["qid"]][line["docid"]] = line["rel"]
        for qid, found in self.answers.items():
            if qid not in self.sessions:
                self.sessions[qid] = {self.session_of[docid] for docid in found if docid in self.session_of}

    def memories(self):
        """By channel."""
        channels = defaultdict(list)
        for number, document in enumerate(self.documents):
            memory = {"id": document["id"], "text": text_of(document).strip(), "position": number}
            if not memory["text"]:
                continue  # nothing to remember
            moment = time_of(document.get("date"))
            if moment is not None:
                memory["time"] = moment
            if document["id"] in self.session_of:
                memory["thread"] = self.session_of[document["id"]]
            channels[document.get("conv", "")].append(memory)
        return channels


def fill(runtime, collection):
    """The handles of all channels, filled."""
    handles = {}
    for channel, memories in collection.memories().items():
        scope = {"workspace": collection.name, **({"channel": channel} if channel else {})}
        handles[channel] = Memory(runtime, scope)
        for begin in range(0, len(memories), TOGETHER):
            handles[channel].perform({"op": "add", "memories": memories[begin:begin + TOGETHER]})
    for handle in handles.values():
        while handle.perform({"op": "embed", "limit": 10_000})["embedded"]:
            pass
    return handles


def gain(relevances):
    return sum(rel / math.log2(place + 2) for place, rel in enumerate(relevances))


def examine(collection, handles, options):
    """The figures of one way to search."""
    sums, count = defaultdict(float), 0
    for query in collection.queries:
        answers = collection.answers.get(query["id"])
        if not answers:
            continue
        count += 1
        handle = handles[query.get("conv", "")]
        asked = {"query": query["text"], "k": FIRST, "touch": False, **options}
        found = [hit["id"] for hit in handle.search(asked)["hits"]]
        sums["r_at_10"] += sum(docid in answers for docid in found) / len(answers)
        sums["hit_at_1"] += bool(found) and found[0] in answers
        sums["ndcg_at_10"] += gain(answers.get(docid, 0) for docid in found) / gain(sorted(answers.values(), reverse=True)[:FIRST])
        if collection.session_of:
            best = handle.search({**asked, "k": 1, "group": "thread"})["hits"]
            sums["session_hit_at_1"] += bool(best) and collection.session_of.get(best[0]["id"]) in collection.sessions[query["id"]]
    figures = {"queries": count}
    for name in ("r_at_10", "hit_at_1", "session_hit_at_1", "ndcg_at_10"):
        if name in sums or (name != "session_hit_at_1"):
            figures[name] = round(sums[name] / max(count, 1), 4)
    return figures


def folders_of(path):
    if records.files_of(path, "docs"):
        return [path]
    return sorted(folder for folder in path.iterdir() if folder.is_dir() and records.files_of(folder, "docs"))


def show(name, figures):
    cells = "".join(f"{figures[key]:>10.4f}" if key in figures else f"{'-':>10}"
                    for key in ("r_at_10", "hit_at_1", "session_hit_at_1", "ndcg_at_10"))
    print(f"{name:32}{figures['queries']:>8}{cells}", flush=True)


def parse(argv):
    parser = exam_args.parser(__doc__)
    parser.add_argument("--model", default="hash")
    parser.add_argument("--parts", action="store_true")
    parser.add_argument("--options", type=json.loads, default={})
    parser.set_defaults(path=DATA)
    return parser.parse_args(argv)


def main(argv):
    args = parse(argv)
    folders = folders_of(args.path) if args.path.is_dir() else []
    if not folders:
        return exam_args.no_data("docs", args.path, "docs, queries and qrels")
    library = Libtau(args.build)
    ways = {"": {}, **({" words alone": {"mode": "text"}, " vectors alone": {"mode": "vector"}} if args.parts else {})}
    print(f"{'':32}{'queries':>8}{'R@10':>10}{'Hit@1':>10}{'S-Hit@1':>10}{'nDCG@10':>10}")
    sets = {}
    for folder in folders:
        with tempfile.TemporaryDirectory() as home:
            runtime = Runtime(library, home, {"memory": {"model": args.model}})
            collection = Collection(folder)
            handles = fill(runtime, collection)
            for way, options in ways.items():
                sets[collection.name + way] = examine(collection, handles, {**options, **args.options})
                show(collection.name + way, sets[collection.name + way])
            for handle in handles.values():
                handle.close()
            runtime.close()
    print(json.dumps({"sets": sets}))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
