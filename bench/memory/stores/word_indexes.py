"""Indexes of words: bm25s, which is made once of all texts, and Tantivy."""

import json

import bm25s
import numpy
import Stemmer
import tantivy
from store_base import Store, words_of


STEMMER = Stemmer.Stemmer("english")


def tokens_of(texts, **options):
    return bm25s.tokenize(texts, stopwords="en", stemmer=STEMMER, show_progress=False, **options)


class Bm25s(Store):
    WRITES_ONE = False

    def __init__(self, folder, about):
        self._folder = folder / "index"
        self._texts, self._numbers, self._index = [], [], None
        if self._folder.exists():
            self._index = bm25s.BM25.load(self._folder)
            self._numbers = json.loads((self._folder / "numbers.json").read_text(encoding="utf-8"))

    def add(self, items):
        self._texts += [one["text"] for one in items]
        self._numbers += [one["number"] for one in items]

    def ready(self):
        self._index = bm25s.BM25()
        self._index.index(tokens_of(self._texts), show_progress=False)
        self._index.save(self._folder)
        (self._folder / "numbers.json").write_text(json.dumps(self._numbers), encoding="utf-8")

    def search(self, text, vector, count):
        found, scores = self._index.retrieve(tokens_of(text, return_ids=False), k=min(count, len(self._numbers)),
                                             show_progress=False)
        return [self._numbers[one] for one in numpy.asarray(found)[0][scores[0] > 0]]

    def notes(self):
        return ["its index is made once of all texts: a memory more is a new index; it keeps no texts"]


class Tantivy(Store):
    def __init__(self, folder, about):
        builder = tantivy.SchemaBuilder()
        builder.add_integer_field("number", stored=True, indexed=True)
        builder.add_text_field("text", stored=True, tokenizer_name="en_stem")
        place = folder / "index"
        place.mkdir(exist_ok=True)
        self._index = tantivy.Index(builder.build(), path=str(place))
        self._writer = None

    def add(self, items):
        self._writer = self._writer or self._index.writer(num_threads=1)
        for one in items:
            document = tantivy.Document()
            document.add_integer("number", one["number"])
            document.add_text("text", one["text"])
            self._writer.add_document(document)
        self._writer.commit()

    def search(self, text, vector, count):
        self._index.reload()
        searcher = self._index.searcher()
        query = self._index.parse_query(" ".join(words_of(text)), ["text"])
        return [searcher.doc(address)["number"][0] for _, address in searcher.search(query, count).hits]

    def close(self):
        if self._writer:
            self._writer.wait_merging_threads()


PEERS = {"bm25s": Bm25s, "tantivy": Tantivy}
