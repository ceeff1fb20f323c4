"""mem0 without its language model: what it is given is kept as it is, in its built-in Qdrant, with the vectors given here."""

import os
import secrets

from store_base import Store

USER = "bench"


class Known:
    """An embedder for mem0: the vector of the text that it is about to ask for."""

    def __init__(self):
        self.vector = None
        self.config = None

    def embed(self, _text, _action=None):
        return self.vector.tolist()

    def embed_batch(self, texts, action=None):
        return [self.embed(text, action) for text in texts]


class Mem0(Store):
    @staticmethod
    def load():
        import mem0  # noqa: F401

    def __init__(self, folder, about):
        os.environ["MEM0_DIR"] = str(folder)
        from mem0 import Memory

        # It makes a client for a model, which is never asked; the client wants a key.
        unused = {"api_key": secrets.token_hex(8)}
        self._memory = Memory.from_config({
            "vector_store": {"provider": "qdrant", "config": {"path": str(folder / "qdrant"), "on_disk": True,
                                                              "collection_name": "memories",
                                                              "embedding_model_dims": about["dimensions"]}},
            "llm": {"provider": "openai", "config": unused}, "embedder": {"provider": "openai", "config": unused},
            "history_db_path": str(folder / "history.db")})
        self._known = self._memory.embedding_model = Known()

    def add(self, items):
        for one in items:
            self._known.vector = one["vector"]
            self._memory.add(one["text"], user_id=USER, metadata={"number": one["number"]}, infer=False)

    def search(self, text, vector, count):
        self._known.vector = vector
        found = self._memory.search(text, filters={"user_id": USER}, top_k=count)
        return [hit["metadata"]["number"] for hit in found["results"]]

    def close(self):
        self._memory.vector_store.client.close()
        self._memory.close()

    def notes(self):
        return ["its search by words wants files of a model hub, and is off; one memory at a time is how it writes"]


PEERS = {"mem0": Mem0}
