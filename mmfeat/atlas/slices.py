"""Reads what is long in an atlas a slice at a time, for a program that must not wait for it."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float32, Int, Int64

from mmfeat.atlas.checked import FLOAT, INTEGER, CheckedFile

# Scores of one number a feature that parts of an atlas hold beside those of /features.
_SCORES = {
    **{name: f"by_language/{name}" for name in ("reach", "entropy", "relative_entropy")},
    **{
        name: f"by_pair/{name}"
        for name in ("mean_jaccard", "mean_within_script", "mean_between_scripts")
    },
    **{name: f"by_pair/{name}" for name in ("n_pairs", "n_consistent")},
    **{
        f"monosemanticity_{name}": f"concepts/monosemanticity/{name}"
        for name in ("image", "text", "across")
    },
    **{
        name: f"geometry/{name}"
        for name in ("interference_max", "interference_rms", "linearity_image", "linearity_text")
    },
}


class Slices:
    """Names, captions and ids of items from one number to another; scores one after the other.

    Raises
    ------
    MmfeatError
        From every method: where the file is damaged.
    """

    def __init__(self, data: CheckedFile, features: int, languages: tuple[str, ...]) -> None:
        self._data, self._features, self._languages = data, features, len(languages)

    @property
    def scores(self) -> tuple[str, ...]:
        """Scores of one number a feature that are not in ``/features``, where the file has them."""
        return tuple(name for name, where in _SCORES.items() if where in self._data.file)

    def score(self, name: str) -> np.ndarray:
        """Return one of `scores`, [features]."""
        where = _SCORES[name]
        self._data.dataset(where, INTEGER + FLOAT, (self._features,))
        found = self._data.rows(where, 0, self._features)
        found.flags.writeable = False
        return found

    def pictures(self) -> Int[np.ndarray, " features"]:
        """Return the `mmfeat.analysis.languages.Level` of each feature for pictures."""
        shape = (self._features, 1 + self._languages)
        levels = self._data.dataset("by_language/level", INTEGER, shape)
        with self._data.guard("/by_language/level"):
            return np.asarray(levels[:, 0])

    def names(
        self, start: int, stop: int
    ) -> tuple[list[list[str]], Float32[np.ndarray, "features languages"]]:
        """Return names and scores of features `start` to `stop`, by feature and language."""
        texts: list[list[str]] = self._data.texts("names/text", start, stop)
        return texts, self._data.rows("names/score", start, stop)

    def item_ids(self, start: int, stop: int) -> list[str]:
        """Return the ids of items `start` to `stop`."""
        found: list[str] = self._data.texts("items/item_id", start, stop)
        return found

    def captions(self, start: int, stop: int) -> list[str]:
        """Return the texts of captions `start` to `stop`."""
        found: list[str] = self._data.texts("captions/text", start, stop)
        return found

    def caption_rows(self, stream: str, start: int, stop: int) -> Int64[np.ndarray, " bounds"]:
        """Return where the rows of captions `start` to `stop` of a stream begin, and the end."""
        where = f"codes/{stream}/rows/caption_start"
        found = self._data.rows(where, start, stop + 1).astype(np.int64)
        total = self._data.length(f"codes/{stream}/rows/item")
        if (np.diff(found) < 0).any() or found[0] < 0 or found[-1] > total:
            raise self._data.damaged(f"/{where}", f"captions {start} to {stop}")
        return found

    def rows(self, stream: str) -> int:
        """Return how many rows a stream has."""
        return self._data.length(f"codes/{stream}/rows/item")

    def top_rows(self, stream: str, start: int, stop: int) -> Int[np.ndarray, "features top"]:
        """Return the rows of the largest activations of features, of all languages; -1 for none."""
        where = f"examples/{stream}/top"
        found = self._data.rows(where, start, stop)
        found = found.reshape(len(found), -1)
        if found.size and found.max() >= self.rows(stream):
            raise self._data.damaged(f"/{where}", f"rows of features {start} to {stop}")
        return found
