"""The names of all features in all languages, in memory as bytes, and the search in them.

Fourteen names a feature are millions of texts. As objects they would take a gigabyte, and to
look at each of them would take a second; as UTF-8 in blocks of some hundred features they take
what they take in the file, and a search is a scan of memory.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Float32, Int16, Int32

from mmfeat.figures.pages import title_of

READ = 2000  # texts at a time: more would hold the interpreter for too long
_NAME, _FEATURE = "\x1f", "\x1e"  # they end a name, and all names of a feature
_ENDS = str.maketrans({_NAME: " ", _FEATURE: " "})
_RANKED = 128  # bytes of a name by which it is sorted


def fold(text: str) -> str:
    """Return a text in the form in which texts are compared: casefolded NFKC."""
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())


def block_size(languages: int) -> int:
    """Return how many features a block holds the names of."""
    return max(1, READ // max(languages, 1))


@dataclass(frozen=True, eq=False)
class NameBlock:
    """The names of some features that follow each other.

    Attributes
    ----------
    start : int
        The first feature.
    texts : bytes
        Names as they are, in UTF-8.
    offsets : int32 [features + 1]
        Where those of each feature begin.
    folded : bytes
        Different folded names of each feature.
    folded_ends : int32 [features]
        Where those of each feature end.
    score : float32 [features, languages]
    titles : int16 [features]
        The language of the name that is shown, -1 where there is none.
    """

    start: int
    texts: bytes
    offsets: Int32[np.ndarray, " features1"]
    folded: bytes
    folded_ends: Int32[np.ndarray, " features"]
    score: Float32[np.ndarray, "features languages"]
    titles: Int16[np.ndarray, " features"]

    def __len__(self) -> int:
        return len(self.titles)

    def names(self, feature: int) -> list[str]:
        """Return the names of one of its features, by language; empty where there is none."""
        at = feature - self.start
        own = self.texts[self.offsets[at] : self.offsets[at + 1]]
        return own.decode().split(_NAME)

    def title(self, feature: int) -> tuple[str, int]:
        """Return the name that is shown and its language, or nothing and -1."""
        language = int(self.titles[feature - self.start])
        return (self.names(feature)[language], language) if language >= 0 else ("", -1)

    def search(self, needle: bytes) -> list[int]:
        """Return where in `folded` the needle is found, once a feature at most."""
        find, end = self.folded.find, _FEATURE.encode()
        found, at = [], find(needle)
        while at >= 0:
            found.append(at)
            at = find(needle, find(end, at))
        return found


def make_block(
    start: int,
    names: Sequence[Sequence[str]],
    score: Float32[np.ndarray, "features languages"],
    languages: Sequence[str],
) -> NameBlock:
    """Return the block of the names of some features.

    Parameters
    ----------
    start : int
        The first of them.
    names : sequence of sequence of str, [features][languages]
        An empty text means no good name.
    score : array [features, languages]
    languages : sequence of str
    """
    texts, folded, titles = [], [], []
    for at, (row, own) in enumerate(zip(names, score.tolist(), strict=True)):
        line = _NAME.join(row)
        if line.count(_NAME) != len(row) - 1 or _FEATURE in line:
            row = [name.translate(_ENDS) for name in row]
            line = _NAME.join(row)
        # What a name cannot be in UTF-8 is a lone surrogate, which no file of ours holds.
        texts.append(line.encode("utf-8", "replace"))
        folded.append(_NAME.join(dict.fromkeys(name for name in row if name)))
        title = ""
        if folded[-1]:
            known = dict(zip(languages, zip(row, own, strict=True), strict=True))
            title = title_of(known, start + at)
        titles.append(_language_of(title, row, own, languages) if title else -1)
    # Folding them together is many times faster than one after the other.
    whole = fold(_FEATURE.join([*folded, ""])).encode("utf-8", "replace")
    ends = np.flatnonzero(np.frombuffer(whole, np.uint8) == ord(_FEATURE))
    return NameBlock(
        start=start,
        texts=b"".join(texts),
        offsets=np.cumsum([0, *map(len, texts)], dtype=np.int32),
        folded=whole,
        folded_ends=ends.astype(np.int32),
        score=np.asarray(score, np.float32),
        titles=np.array(titles, np.int16),
    )


def _language_of(
    title: str, row: Sequence[str], score: Sequence[float], languages: Sequence[str]
) -> int:
    """Return which language a title was taken from: English, else the best of those with it."""
    same = [k for k, name in enumerate(row) if name == title]
    english = [k for k in same if languages[k] == "en"]
    return english[0] if english else max(same, key=lambda k: score[k])


class Names:
    """The names that were read so far.

    Parameters
    ----------
    features : int
    languages : tuple of str
    """

    def __init__(self, features: int, languages: tuple[str, ...]) -> None:
        self._features, self._languages = features, languages
        self._size = block_size(len(languages))
        self._blocks: list[NameBlock | None] = [None] * -(-features // self._size)
        self._missing = len(self._blocks)
        self._last: tuple[bytes, int, Bool[np.ndarray, " f"]] | None = None

    @property
    def complete(self) -> bool:
        """Whether all have been read."""
        return not self._missing

    def put(self, block: NameBlock) -> None:
        """Keep the names of some features."""
        at = block.start // self._size
        self._missing -= self._blocks[at] is None
        self._blocks[at] = block

    def block(self, feature: int) -> NameBlock | None:
        """Return the block of a feature, or None before it was read."""
        return self._blocks[feature // self._size]

    def search(self, text: str) -> Bool[np.ndarray, " f"]:
        """Return the features with a name in which a text stands, among those read."""
        needle = fold(text).encode("utf-8", "replace")
        last = self._last
        if last is not None and last[:2] == (needle, self._missing):
            return last[2]
        found = np.zeros(self._features, bool)
        if not any(end.encode() in needle for end in (_NAME, _FEATURE)):
            for block in self._blocks:
                hits = block.search(needle) if block is not None else ()
                if hits and block is not None:
                    found[block.start + np.searchsorted(block.folded_ends, hits)] = True
        self._last = (needle, self._missing, found)
        return found


def sorting_keys(texts: Sequence[str]) -> np.ndarray:
    """Return folded texts as bytes of one length, by whose beginning they are sorted."""
    return np.array([fold(text).encode("utf-8", "replace")[:_RANKED] for text in texts], "S")


def ranks(keys: np.ndarray) -> Float[np.ndarray, " n"]:
    """Return the places of texts in their order, equal ones sharing it; NaN for no text."""
    _, found = np.unique(keys, return_inverse=True)
    return np.where(keys == b"", np.nan, found.reshape(len(keys)).astype(np.float64))
