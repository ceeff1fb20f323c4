"""What measure_peer.py asks of a store of memories."""

import re


class Store:
    """In a folder of its own, which may hold what was written before."""

    KNOWS_TIMES = False  # it has a field for the time and the thread of a memory
    WRITES_ONE = True  # one memory can be added so that it is on disk then

    @staticmethod
    def load():
        """Brings the code into memory."""

    def __init__(self, folder, about):
        raise NotImplementedError

    def add(self, items):
        """Memories with `number`, `text`, `vector`, and `time` and `thread` where they have them; on disk afterwards."""
        raise NotImplementedError

    def ready(self):
        """After a large number of memories: whatever a search needs is made."""

    def search(self, text, vector, count):
        """Numbers of the best ones."""
        raise NotImplementedError

    def close(self):
        """Leaves the folder as it is to be opened again."""

    def notes(self):
        """What a reader of its figures should know."""
        return []


def words_of(text):
    return re.findall(r"\w+", text.lower())


def fused(lists, count, constant=60):
    """Reciprocal ranks (Cormack et al. 2009)."""
    scores = {}
    for numbers in lists:
        for rank, number in enumerate(numbers):
            scores[number] = scores.get(number, 0) + 1 / (constant + rank + 1)
    return sorted(scores, key=lambda number: (-scores[number], number))[:count]
