"""Names from the words of captions: n-grams that stand out where a feature fires.

Weighted log-odds with an informative Dirichlet prior: Monroe, Colaresi and Quinn, 'Fightin'
Words', Political Analysis 2008, equations 15 to 22.
"""

from __future__ import annotations

import re
import unicodedata
from array import array
from collections.abc import Iterator, Sequence
from functools import cache

import numpy as np
import scipy.sparse as sp
from jaxtyping import Float

from mmfeat.analysis.naming.vocabulary import Candidates

FLOOR = 3  # captions with the n-gram on which the feature fires
PRIOR = 100.0  # n-grams that the prior is worth
LONGEST = 4  # characters of an n-gram where words have no spaces
_WORDS = 2  # words of an n-gram where they have
_LONG_WORD = 8  # syllables past which a Hangul word is one that lacks its spaces
_BLOCK = 4096  # features at a time

_UNSPACED = (
    "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff"  # Thai, Lao, Myanmar, Khmer
    "\u3005-\u3007\u3040-\u30ff\u31f0-\u31ff\uff66-\uff9f"  # kana
    "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"  # Han
)
_HANGUL = "\u1100-\u11ff\u3130-\u318f\uac00-\ud7a3"
_JOINERS = "\u200c\u200d"  # within words of Persian and Indic scripts


@cache
def _marks() -> str:
    """Return the combining marks, which are no letters to `re`, as ranges of a class."""
    planes = *range(0x20000), *range(0xE0100, 0xE01F0)  # no marks elsewhere
    codes = [c for c in planes if unicodedata.category(chr(c))[0] == "M"]
    edges = np.flatnonzero(np.diff(codes) != 1)
    first = [codes[0], *(codes[i + 1] for i in edges)]
    last = [*(codes[i] for i in edges), codes[-1]]
    return "".join(f"{chr(a)}-{chr(b)}" for a, b in zip(first, last, strict=True))


@cache
def _runs() -> re.Pattern[str]:
    inside = rf"[\w{_marks()}{_JOINERS}'’]"
    return re.compile(
        rf"(?P<unspaced>[{_UNSPACED}][{_UNSPACED}{_marks()}]*)|(?P<hangul>[{_HANGUL}]+)"
        rf"|(?P<word>(?![_{_UNSPACED}{_HANGUL}])\w(?:(?![_{_UNSPACED}{_HANGUL}]){inside})*)"
        r"|(?P<space>[\s-]+)|(?P<other>.)",
        re.DOTALL,
    )


@cache
def _clusters() -> re.Pattern[str]:
    return re.compile(rf".[{_marks()}]*", re.DOTALL)


def segment(text: str) -> set[str]:
    """Return the n-grams of a text.

    Words and pairs of neighbouring words where scripts have spaces; 1 to 4 characters (with
    their combining marks) of Han, kana, Thai, Lao, Khmer and Myanmar; of Hangul the words with
    their beginnings, so that a stem is found whatever particle follows, and 1 to 4 syllables of
    a run too long to be a word. Letter case is folded.
    """
    found: set[str] = set()
    before: list[str] = []
    for kind, run in _split(unicodedata.normalize("NFC", text.casefold())):
        if kind == "unspaced" or (kind == "hangul" and len(run) > _LONG_WORD):
            parts = _clusters().findall(run)
            for n in range(1, LONGEST + 1):
                found.update("".join(parts[i : i + n]) for i in range(len(parts) - n + 1))
        elif kind in ("hangul", "word"):
            word = run.rstrip("'’")
            found.add(word)
            if kind == "hangul":
                found.update(word[:n] for n in range(2, len(word)))
            before = [*before, word][-_WORDS:]
            if len(before) == _WORDS:
                found.add(" ".join(before))
        if kind in ("unspaced", "other"):
            before = []
    return found


def _split(text: str) -> Iterator[tuple[str, str]]:
    for match in _runs().finditer(text):
        yield str(match.lastgroup), match.group()


def count(texts: Sequence[str], floor: int = FLOOR) -> tuple[list[str], sp.csr_array]:
    """Return the n-grams that at least `floor` texts have, and which text has which.

    Returns
    -------
    list of str
        The n-grams, sorted.
    csr_array of int32 [texts, n-grams]
        1 where a text has an n-gram.
    """
    number_of: dict[str, int] = {}
    indptr, indices = [0], array("q")
    for text in texts:
        indices.extend(number_of.setdefault(term, len(number_of)) for term in segment(text))
        indptr.append(len(indices))
    index = np.frombuffer(indices, np.int64) if len(indices) else np.zeros(0, np.int64)
    total = np.bincount(index, minlength=len(number_of))
    terms = sorted(term for term, number in number_of.items() if total[number] >= floor)
    chosen = np.array([number_of[term] for term in terms], np.int64)
    every = sp.csr_array(
        (np.ones(len(index), np.int32), index, np.array(indptr, np.int64)),
        (len(texts), len(number_of)),
    )
    return terms, sp.csr_array(every[:, chosen])


def log_odds(
    fires: sp.csr_array, has: sp.csr_array, terms: Sequence[str], n: int, block: int = _BLOCK
) -> Candidates:
    """Return the n-grams that stand out most in the texts on which each feature fires.

    With y captions that have the n-gram among those on which the feature fires, and y' among
    the rest, N and N' the sums of these over all n-grams, and the prior a = PRIOR * (y + y') /
    (N + N'):

        delta = log((y + a) / (N + PRIOR - y - a)) - log((y' + a) / (N' + PRIOR - y' - a))
        score = delta / sqrt(1 / (y + a) + 1 / (y' + a))

    Only n-grams with y >= `FLOOR` and a score above 0 are candidates. Of n-grams with the same
    score (often one within the other) the longer comes first.

    Parameters
    ----------
    fires : csr_array of integers 0 and 1 [texts, features]
        Which feature fires on which text.
    has : csr_array of integers 0 and 1 [texts, n-grams]
        From `count`.
    terms : sequence of str
        The n-grams.
    n : int
        How many to return.
    block : int
        Features at a time.
    """
    features = fires.shape[1]
    index = np.full((features, n), -1, np.int32)
    score = np.full((features, n), np.nan, np.float32)
    of_term = np.asarray(has.sum(axis=0), np.float64)
    everything = of_term.sum()
    length = np.array([len(term) for term in terms], np.int64)
    columns = fires.T.tocsr()
    size = np.asarray(columns @ has.sum(axis=1), np.float64)
    for start in range(0, features if len(terms) else 0, block):
        both = sp.csr_array(columns[start : start + block] @ has)
        row = np.repeat(np.arange(both.shape[0]), np.diff(both.indptr))
        kept = both.data >= FLOOR
        row, term, y = row[kept], both.indices[kept], both.data[kept].astype(np.float64)
        value = _weighted(y, of_term[term], size[start + row], everything)
        some = value > 0
        row, term, value = row[some], term[some], value[some]
        order = np.lexsort((term, -length[term], -value, row))
        row, term, value = row[order], term[order], value[order]
        rank = np.arange(len(row)) - np.searchsorted(row, np.arange(both.shape[0]))[row]
        first = rank < n
        index[start + row[first], rank[first]] = term[first]
        score[start + row[first], rank[first]] = value[first]
    return Candidates(index, score)


def _weighted(
    y: Float[np.ndarray, "pairs"],
    of_term: Float[np.ndarray, "pairs"],
    size: Float[np.ndarray, "pairs"],
    everything: float,
) -> Float[np.ndarray, "pairs"]:
    prior = PRIOR * of_term / everything
    inside, outside = y + prior, of_term - y + prior
    # A term that is all there is has no odds: NaN, which is no candidate.
    with np.errstate(divide="ignore", invalid="ignore"):
        delta = np.log(inside / (size + PRIOR - inside)) - np.log(
            outside / (everything - size + PRIOR - outside)
        )
    scored: Float[np.ndarray, "pairs"] = delta / np.sqrt(1 / inside + 1 / outside)
    return scored
