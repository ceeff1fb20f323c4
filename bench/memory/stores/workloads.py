"""What the stores are measured with: collections with known answers, and made memories; as files that every process reads.

A folder of work holds texts.jsonl (each memory), queries.jsonl, dated.jsonl (each memory with its date), the vectors of
both in vectors.f32 and query_vectors.f32, and work.json."""

import json
import math
import random
import subprocess
from collections import defaultdict

import retrieval

QUALITY = {"r_at_10": "R@10", "session_hit_at_1": "S-Hit@1", "ndcg_at_10": "nDCG@10"}
VOCABULARY = 60_000
FREQUENT = 50  # words that no query has
QUERIES = 100
SINGLE = 50  # memories that are written one at a time


def folders_of(path):
    return retrieval.folders_of(path)


def write_lines(path, lines):
    path.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")


def embed(args, model, folder):
    """Makes the vectors of a folder of work; how many numbers one has."""
    for purpose, texts, to in (("document", "texts", "vectors"), ("query", "queries", "query_vectors")):
        done = subprocess.run([args.embed, model, purpose, folder / f"{texts}.jsonl", folder / f"{to}.f32"], check=True,
                              capture_output=True, text=True)
    return json.loads(done.stdout)["dimensions"]


def write_collection(args, path, folder):
    """The collection in `path` as work."""
    collection = retrieval.Collection(path)
    documents = [one for one in collection.documents if retrieval.text_of(one).strip()]
    queries = [one for one in collection.queries if collection.answers.get(one["id"])]
    texts = [retrieval.text_of(one).strip() for one in documents]
    write_lines(folder / "texts.jsonl", texts)
    write_lines(folder / "dated.jsonl", [f"{text} ({one['date']})" if one.get("date") else text
                                         for text, one in zip(texts, documents)])
    write_lines(folder / "queries.jsonl", [one["text"] for one in queries])
    model = str(args.model or "hash")
    about = {"library": str(args.library), "model": model, "dimensions": embed(args, model, folder),
             "documents": [about_document(collection, one) for one in documents],
             "queries": [{"id": one["id"], "scope": one.get("conv", "")} for one in queries]}
    (folder / "work.json").write_text(json.dumps(about), encoding="utf-8")
    return collection


def about_document(collection, document):
    about = {"id": document["id"], "scope": document.get("conv", "")}
    moment = retrieval.time_of(document.get("date"))
    if moment is not None:
        about["time"] = moment
    if document["id"] in collection.session_of:
        about["thread"] = collection.session_of[document["id"]]
    return about


def judged(collection, found):
    """Figures of the hits of each query. `first` is who stands for the best session: usually the first hit."""
    sums = defaultdict(float)
    for query, hits in found["hits"].items():
        answers = collection.answers[query]
        sums["r_at_10"] += sum(one in answers for one in hits) / len(answers)
        best = sorted(answers.values(), reverse=True)[:retrieval.FIRST]
        sums["ndcg_at_10"] += retrieval.gain(answers.get(one, 0) for one in hits) / retrieval.gain(best)
        if collection.session_of:
            first = found["first"].get(query) or next(iter(hits), None)
            sums["session_hit_at_1"] += collection.session_of.get(first) in collection.sessions[query]
    return {key: value / max(1, len(found["hits"])) for key, value in sums.items()}


def word(rank):
    """Letters alone; no stem cuts them."""
    text = ""
    while rank > 0 or len(text) < 3:
        text += "bcdfghjklmpqrtv"[rank % 15]
        rank //= 15
    return text + "ko"


class Words:
    """Of a Zipf vocabulary."""

    def __init__(self, seed):
        self.random = random.Random(seed)
        self.words = [word(rank) for rank in range(VOCABULARY)]
        self.whole = math.log(VOCABULARY)

    def some(self, count, first=0):
        low = math.log(first + 1) / self.whole
        ranks = (int(math.exp(self.whole * self.random.uniform(low, 1))) - 1 for _ in range(count))
        return " ".join(self.words[min(rank, VOCABULARY - 1)] for rank in ranks)


def write_made(args, size, folder):
    """`size` memories that are written together, and those after them that are written one at a time."""
    words = Words(size)
    write_lines(folder / "texts.jsonl", [words.some(words.random.randint(12, 48)) for _ in range(size + SINGLE)])
    write_lines(folder / "queries.jsonl", [words.some(5, FREQUENT) for _ in range(QUERIES)])
    about = {"library": str(args.library), "model": "hash", "dimensions": embed(args, "hash", folder), "together": size}
    (folder / "work.json").write_text(json.dumps(about), encoding="utf-8")
