"""Finds the names of features language by language, and tries them on test concepts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp
from jaxtyping import Float, Int

from mmfeat.analysis.name_evaluation import Firings, Simulation, auroc
from mmfeat.analysis.naming import combine, dissect, ngrams
from mmfeat.analysis.naming.vocabulary import Candidates, distinct, nearest, unit
from mmfeat.analysis.units import unit_of_items
from mmfeat.atlas.evidence import IMAGE, Evidence
from mmfeat.atlas.evidence import TEXT as CAPTIONS

SEED = 0
TRIED = 3  # proposals of a method
PROBES = 8192  # pictures, and captions, that soft-WPMI looks at
TOP = 10  # of these, pictures, and captions, of a feature
POSITIVES = 8  # train pictures, and captions, of a feature that proposals are tried on
TRAIN_BACKGROUND = 512  # train pictures, and captions, they are told from
TEST_BACKGROUND = 2048  # the same of test concepts
TEST_ROWS = 16_384  # most test pictures, and captions of a language
_CHUNK = 8192


@dataclass(frozen=True)
class NamedLanguage:
    """Names of one language, with what they are worth.

    Attributes
    ----------
    names : Names
        The best of each feature; indices into `size` texts.
    used_index, used : int [used], list of str
        Those that are a name, and where they stand among all.
    measured : mapping of str to float32 [features]
        `MEASURES` of the best names on test rows.
    by_method : mapping of str to float or None
        Mean AUROC of what each method puts first.
    """

    names: combine.Names
    size: int
    used_index: Int[np.ndarray, "used"]
    used: list[str]
    measured: dict[str, Float[np.ndarray, "features"]]
    by_method: dict[str, float | None]


class Naming:
    """What all languages have in common: probes, and the rows that names are tried on.

    Parameters
    ----------
    evidence : Evidence
        What the atlas is built from.
    """

    def __init__(self, evidence: Evidence) -> None:
        self.evidence = evidence
        self.features = evidence.trained.d_sae
        self.alive = evidence.alive
        self.train = {
            name: evidence.acts.split[evidence.streams[name].item] == "train"
            for name in (IMAGE, CAPTIONS)
        }
        tested = unit_of_items(evidence.acts) >= 0
        self.test = {name: tested[evidence.streams[name].item] for name in (IMAGE, CAPTIONS)}
        found = [self._probes(name) for name in (IMAGE, CAPTIONS)]
        self.probes = np.concatenate([rows for rows, _ in found])
        (first, on_image), (_, on_text) = found
        # Pictures and captions take turns, so that their memberships are alike.
        self.top = np.full((self.features, 2 * TOP), -1, np.int64)
        self.top[:, 0::2] = on_image
        self.top[:, 1::2] = np.where(on_text >= 0, on_text + len(first), -1)
        self.top[~self.alive] = -1
        self.tried = {
            name: self._firings(name, np.flatnonzero(self.train[name]), TRAIN_BACKGROUND, POSITIVES)
            for name in (IMAGE, CAPTIONS)
        }
        pictures = _drawn(np.flatnonzero(self.test[IMAGE]), TEST_ROWS)
        self.on_pictures = self._firings(IMAGE, pictures, TEST_BACKGROUND)
        self.of_pictures = self._simulation(IMAGE, pictures)

    def language(self, number: int) -> NamedLanguage:
        """Name all features in one language, by its number."""
        evidence = self.evidence
        stream, captions = evidence.streams[CAPTIONS], evidence.corpus.captions.text
        own = stream.language == number
        rows = np.flatnonzero(own & self.train[CAPTIONS])
        texts = [captions[i] for i in stream.caption[rows].tolist()]
        entry = distinct(texts, SEED)
        entries = [texts[i] for i in entry.tolist()]
        embedding = self._rows(CAPTIONS, rows[entry])
        decoder = evidence.trained.sae_of(CAPTIONS).W_dec.detach().numpy()
        terms, has = ngrams.count(texts)
        found = combine.proposals(
            entries,
            terms,
            self._spread(nearest(decoder[self.alive], embedding, TRIED)),
            dissect.soft_wpmi(embedding, self.probes, self.top, TRIED),
            self._spread(ngrams.log_odds(self._fires(rows), has, terms, TRIED)),
        )
        embedding = np.concatenate([embedding, self._terms(found, has, rows)])
        names = combine.choose(found, self._predicts(embedding, found.name), combine.KEPT)
        tests = _drawn(np.flatnonzero(own & self.test[CAPTIONS]), TEST_ROWS)
        on_text = self._firings(CAPTIONS, tests, TEST_BACKGROUND)
        best = names.name[:, 0]
        by_rank = [
            np.where(found.rank[:, :, m] == 1, found.name, -1).max(axis=1)
            for m in range(len(combine.METHODS))
        ]
        tried = np.stack([best, *by_rank], axis=1)
        images = auroc(embedding, tried, self.on_pictures)
        words = auroc(embedding, tried, on_text)
        used = np.unique(names.name[names.name >= 0])
        return NamedLanguage(
            names,
            len(embedding),
            used,
            [found.text[i] for i in used.tolist()],
            {
                "auroc_image": images[:, 0],
                "auroc_text": words[:, 0],
                "simulation_image": self.of_pictures.score(embedding, best),
                "simulation_text": self._simulation(CAPTIONS, tests).score(embedding, best),
            },
            {
                method: _average((images[:, m + 1], words[:, m + 1]))
                for m, method in enumerate(combine.METHODS)
            },
        )

    def _rows(self, name: str, rows: Int[np.ndarray, "rows"]) -> Float[np.ndarray, "rows d_in"]:
        """Return rows of a stream, ascending, as the SAE sees them and to norm 1."""
        stream, trained = self.evidence.streams[name], self.evidence.trained
        found = np.zeros((len(rows), trained.d_in), np.float32)
        for at in range(0, len(rows), _CHUNK):
            part = rows[at : at + _CHUNK]
            raw = np.asarray(stream.take(part), np.float32)
            group = stream.group[part].astype(np.int64)
            found[at : at + len(part)] = unit(trained.standardise(name, raw, group).numpy())
        return found

    def _probes(
        self, name: str
    ) -> tuple[Float[np.ndarray, "probes d_in"], Int[np.ndarray, "features top"]]:
        rows = _drawn(np.flatnonzero(self.train[name]), PROBES)
        codes = self.evidence.codes[name].select(rows)
        top = dissect.strongest(codes.indices, codes.row, codes.data, self.features, TOP)
        return self._rows(name, rows), top

    def _firings(
        self, name: str, rows: Int[np.ndarray, "rows"], background: int, most: int | None = None
    ) -> Firings:
        """Return where features fire among some rows: everywhere, or on `most` evenly spaced.

        In the latter case what fires in the background is there as well.
        """
        codes = self.evidence.codes[name].select(rows)
        behind = _drawn(np.arange(len(rows)), background)
        indptr, fires = codes.feature_indptr, codes.feature_rows
        if most is not None:
            chosen = np.zeros(len(fires), bool)
            chosen[_evenly(indptr, most)] = True
            chosen |= np.isin(fires, behind)
            total = np.concatenate([np.zeros(1, np.int64), np.cumsum(chosen)])
            indptr, fires = total[indptr], fires[chosen]
        needed = np.union1d(fires, behind).astype(np.int64)
        return Firings(
            self._rows(name, rows[needed]),
            indptr,
            np.searchsorted(needed, fires),
            np.searchsorted(needed, behind),
        )

    def _simulation(self, name: str, rows: Int[np.ndarray, "rows"]) -> Simulation:
        found = Simulation(self.features, self.evidence.trained.d_in)
        for at in range(0, len(rows), _CHUNK):
            part = rows[at : at + _CHUNK]
            found.add(self._rows(name, part), self.evidence.codes[name].select(part).matrix())
        return found

    def _fires(self, rows: Int[np.ndarray, "captions"]) -> sp.csr_array:
        """Return which alive feature fires on which caption."""
        fires = sp.csr_array(self.evidence.codes[CAPTIONS].select(rows).firing().astype(np.int32))
        return sp.csr_array(fires[:, np.flatnonzero(self.alive)])

    def _spread(self, found: Candidates) -> Candidates:
        """Return candidates of alive features as those of all."""
        shape = self.features, found.index.shape[1]
        all_ = Candidates(np.full(shape, -1, np.int32), np.full(shape, np.nan, np.float32))
        all_.index[self.alive], all_.score[self.alive] = found.index, found.score
        return all_

    def _terms(
        self,
        found: combine.Proposals,
        has: sp.csr_array,
        rows: Int[np.ndarray, "captions"],
    ) -> Float[np.ndarray, "terms d_in"]:
        """Return for each n-gram that is proposed the mean row of the captions that have it."""
        total = np.zeros((len(found.term), self.evidence.trained.d_in), np.float32)
        having = sp.csr_array(has[:, found.term].T.astype(np.float32)).tocsc()
        for at in range(0, len(rows), _CHUNK):
            part = slice(at, min(at + _CHUNK, len(rows)))
            total += having[:, part] @ self._rows(CAPTIONS, rows[part])
        return unit(total)

    def _predicts(
        self, embedding: Float[np.ndarray, "names d_in"], names: Int[np.ndarray, "features m"]
    ) -> Float[np.ndarray, "features m"]:
        """Return the AUROC of proposals on train rows: pictures and captions by their number."""
        total, weight = np.zeros(names.shape), np.zeros(names.shape)
        for firings in self.tried.values():
            value = auroc(embedding, names, firings)
            known = np.isfinite(value)
            count = np.minimum(np.diff(firings.indptr), POSITIVES)[:, None] * known
            total += np.where(known, value, 0) * count
            weight += count
        return np.where(weight > 0, total / np.maximum(weight, 1), np.nan).astype(np.float32)


def _drawn(rows: Int[np.ndarray, "rows"], most: int) -> Int[np.ndarray, "drawn"]:
    """Return the rows, or so many of them, seeded, ascending."""
    if len(rows) <= most:
        return rows
    return np.sort(np.random.default_rng(SEED).choice(rows, most, replace=False))


def _evenly(indptr: Int[np.ndarray, "features+1"], most: int) -> Int[np.ndarray, "chosen"]:
    """Return `most` evenly spaced places of each feature's, or all where there are fewer."""
    count = np.diff(indptr)[:, None]
    taken = np.minimum(count, most)
    step = np.arange(most)
    place = ((2 * step + 1) * count) // np.maximum(2 * taken, 1)
    return np.asarray((indptr[:-1, None] + place)[step < taken])


def _average(values: Sequence[Float[np.ndarray, "features"]]) -> float | None:
    known = [v[np.isfinite(v)].mean(dtype=np.float64) for v in values if np.isfinite(v).any()]
    return float(np.mean(known)) if known else None
