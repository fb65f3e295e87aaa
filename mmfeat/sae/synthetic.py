r"""Paired activations of a known dictionary: the truth that a training must find.

A row is a sum of atoms, an offset and noise,

.. math:: x = s_m + \sum_j z_j d_j + \epsilon, \qquad
          z_j = b_j (1 + e_j) / 2, \quad e_j \sim \mathrm{Exp}(1),

with unit atoms d. Whether an atom is in an item, b, is one draw an item for all its rows
that can show the atom: the picture and all captions (shared), the picture (image only),
captions of all languages (text only) or of one. Its strength z is independent in each
row. The rates of the atoms are a power law; atoms of one topic come together (a Gaussian
copula with one factor a topic and an item). The offset of a stream and language is the
modality gap.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from mmfeat.errors import MmfeatError
from mmfeat.sae.batch import PairBatch
from mmfeat.sae.standardisation import Standardisation

KINDS = ("shared", "image only", "text only", "one language")
SHARED, IMAGE_ONLY, TEXT_ONLY, ONE_LANGUAGE = range(len(KINDS))

IMAGE, TEXT = "image.pooled", "text.pooled"
TOPIC = 16  # atoms of a topic, on average
MOST = 0.25  # largest rate of an atom
_SAMPLE = 4096  # items that means and scales are estimated from

# What a generator is for, so that no two draws are the same.
_WORLD, _ESTIMATE, _STEP, _HELD_OUT = range(4)


@dataclass(frozen=True)
class SyntheticSettings:
    """A world of atoms.

    Attributes
    ----------
    d_in, atoms : int
        Width of a row, number of atoms.
    shared, image_only, text_only : float
        Shares of the atoms; the rest belong to one language each.
    languages : int
        Languages that every item has a caption in.
    exponent : float
        The r-th most frequent atom has a rate in proportion to ``r ** -exponent``.
    active : float
        Atoms in a row, on average over pictures and captions.
    correlation : float
        Of the Gaussian variables of two atoms of one topic.
    gap : float
        Norm of the offset of a stream and language.
    noise : float
        Root mean squared norm of the noise of a row.
    paired : bool
        False: an item's captions have nothing in common with its picture.
    seed : int
        Seed of everything.

    Raises
    ------
    MmfeatError
        If shares, rates or the correlation are out of their ranges.
    """

    d_in: int = 64
    atoms: int = 128
    shared: float = 0.4
    image_only: float = 0.2
    text_only: float = 0.2
    languages: int = 4
    exponent: float = 0.5
    active: float = 4.0
    correlation: float = 0.2
    gap: float = 3.0
    noise: float = 0.1
    paired: bool = True
    seed: int = 0

    def __post_init__(self) -> None:
        """Refuse what is no world."""
        shares = (self.shared, self.image_only, self.text_only)
        if min(shares) < 0 or sum(shares) > 1 + 1e-9:
            raise MmfeatError(
                f"The shares of synthetic atoms are {shares}; give shares from 0 to 1 whose sum "
                "is at most 1."
            )
        if not 0 <= self.correlation < 1:
            raise MmfeatError(
                f"The correlation of synthetic atoms is {self.correlation}; give one from 0 to "
                "below 1."
            )


@dataclass(frozen=True)
class SyntheticRows:
    """Standardised rows of n items, and the atoms in them.

    Attributes
    ----------
    image : float32 [n, d_in]
        A picture an item.
    text : float32 [n, languages, d_in]
        A caption an item and language.
    image_codes, text_codes : float32 [n, atoms], [n, languages, atoms]
        Strengths of the atoms, before standardisation.
    """

    image: Float[Tensor, "n d_in"]
    text: Float[Tensor, "n languages d_in"]
    image_codes: Float[np.ndarray, "n atoms"]
    text_codes: Float[np.ndarray, "n languages atoms"]


class Synthetic:
    """Draws pairs from a world of atoms, as a training takes them.

    Parameters
    ----------
    settings : SyntheticSettings
        The world.
    pairs : int
        Pairs a batch.

    Attributes
    ----------
    dictionary : float32 [atoms, d_in]
        The atoms, unit rows.
    kind : int64 [atoms]
        What can show an atom, an index of `KINDS`.
    atom_language : int64 [atoms]
        The language of an atom of one language, else -1.
    rate : float64 [atoms]
        How often an atom is in an item.
    streams : dict of str to Standardisation
        Means and scales by stream, estimated from items of their own.
    """

    def __init__(self, settings: SyntheticSettings, pairs: int = 512) -> None:
        self.settings, self.pairs = settings, pairs
        atoms, languages = settings.atoms, settings.languages
        rng = self._generator(_WORLD)
        self.dictionary = _unit(rng.standard_normal((atoms, settings.d_in)))
        shares = np.cumsum([settings.shared, settings.image_only, settings.text_only])
        self.kind = np.searchsorted(np.rint(shares * atoms), np.arange(atoms), side="right")
        self.atom_language = np.where(self.kind == ONE_LANGUAGE, np.arange(atoms) % languages, -1)
        self._topic = rng.integers(max(1, atoms // TOPIC), size=atoms)
        # Row 0: what a picture shows, row 1 + l: what a caption in language l does.
        self._visible = np.stack(
            [
                (self.kind == SHARED) | (self.kind == IMAGE_ONLY),
                *(
                    (self.kind == SHARED) | (self.kind == TEXT_ONLY) | (self.atom_language == own)
                    for own in range(languages)
                ),
            ]
        )
        self.rate = self._rates(1.0 + rng.permutation(atoms))
        offset = _unit(rng.standard_normal((1 + languages, settings.d_in)))
        self._offset = np.float32(settings.gap) * offset
        self.streams = self._estimated()

    def expected(self, pairs: int) -> Float[np.ndarray, "atoms"]:
        """Return how many rows of so many pairs show each atom, on average."""
        captions = self._visible[1:].mean(0)
        return np.asarray(pairs * self.rate * (self._visible[0] + captions))

    def __call__(self, step: int) -> PairBatch:
        """Return the batch of a step, which depends on the seed and the step alone."""
        n = self.pairs
        rng = self._generator(_STEP, step)
        language = rng.integers(self.settings.languages, size=n)
        on_image, on_text = self._items(rng, n)
        image, _ = self._rows(rng, on_image, np.zeros(n, np.int64))
        text, _ = self._rows(rng, on_text, 1 + language)
        item = torch.arange(step * n, (step + 1) * n)
        return PairBatch(
            rows={
                IMAGE: torch.from_numpy(self.streams[IMAGE].apply(image, np.zeros_like(language))),
                TEXT: torch.from_numpy(self.streams[TEXT].apply(text, language)),
            },
            language={IMAGE: torch.full((n,), -1), TEXT: torch.from_numpy(language)},
            weight={IMAGE: torch.ones(n), TEXT: torch.ones(n)},
            item=item,
            concept=item,
        )

    def rows(self, n: int, seed: int) -> SyntheticRows:
        """Return all rows of n items that no batch holds; other seeds, other items."""
        rng = self._generator(_HELD_OUT, seed)
        raw, codes = self._all_rows(rng, n)
        rows = [self.streams[IMAGE].apply(raw[0], np.zeros(n, np.int64))]
        for language in range(self.settings.languages):
            rows.append(self.streams[TEXT].apply(raw[1 + language], np.full(n, language)))
        return SyntheticRows(
            torch.from_numpy(rows[0]),
            torch.from_numpy(np.stack(rows[1:], axis=1)),
            codes[0],
            np.stack(codes[1:], axis=1),
        )

    def _generator(self, purpose: int, number: int = 0) -> np.random.Generator:
        return np.random.default_rng((self.settings.seed, purpose, number))

    def _rates(self, rank: Float[np.ndarray, "atoms"]) -> Float[np.ndarray, "atoms"]:
        """Return rates in proportion to a power of the rank, at most `MOST`."""
        seen = (self._visible[0] + self._visible[1:].mean(0)) / 2
        active, shape = self.settings.active, rank**-self.settings.exponent
        if not 0 < active < MOST * seen.sum():
            raise MmfeatError(
                f"active is {active}, but at most {MOST * seen.sum():.1f} of these synthetic "
                "atoms can be in a row on average; lower it."
            )
        low, high = 0.0, MOST / shape.min()
        for _ in range(100):  # bisection: the mean rises with the factor
            middle = (low + high) / 2
            few = seen @ np.minimum(MOST, middle * shape) < active
            low, high = (middle, high) if few else (low, middle)
        return np.asarray(np.minimum(MOST, high * shape))

    def _estimated(self) -> dict[str, Standardisation]:
        """Estimate means, and scales to a mean squared norm of d_in, a stream and language."""
        raw, _ = self._all_rows(self._generator(_ESTIMATE), _SAMPLE)
        mean = np.stack([rows.mean(0) for rows in raw])
        spread = np.array([rows.var(0).mean() for rows in raw])
        scale = (spread**-0.5).astype(np.float32)
        return {
            IMAGE: Standardisation(mean[:1], scale[:1]),
            TEXT: Standardisation(mean[1:], scale[1:]),
        }

    def _all_rows(
        self, rng: np.random.Generator, n: int
    ) -> tuple[list[Float[np.ndarray, "n d_in"]], list[Float[np.ndarray, "n atoms"]]]:
        """Return the raw rows and codes of n items: pictures, then captions by language."""
        on_image, on_text = self._items(rng, n)
        drawn = [
            self._rows(rng, on_text if group else on_image, np.full(n, group))
            for group in range(1 + self.settings.languages)
        ]
        return [rows for rows, _ in drawn], [codes for _, codes in drawn]

    def _items(
        self, rng: np.random.Generator, n: int
    ) -> tuple[Bool[np.ndarray, "n atoms"], Bool[np.ndarray, "n atoms"]]:
        """Return which atoms are in the pictures and in the captions of n items."""
        on = self._present(rng, n)
        return on, on if self.settings.paired else self._present(rng, n)

    def _present(self, rng: np.random.Generator, n: int) -> Bool[np.ndarray, "n atoms"]:
        from scipy.special import ndtri

        rho = self.settings.correlation
        topics = rng.standard_normal((n, int(self._topic.max()) + 1), np.float32)
        own = rng.standard_normal((n, len(self.rate)), np.float32)
        gauss = np.sqrt(rho) * topics[:, self._topic] + np.sqrt(1 - rho) * own
        return np.asarray(gauss > ndtri(1 - self.rate))

    def _rows(
        self,
        rng: np.random.Generator,
        present: Bool[np.ndarray, "n atoms"],
        group: Int[np.ndarray, "n"],
    ) -> tuple[Float[np.ndarray, "n d_in"], Float[np.ndarray, "n atoms"]]:
        """Return the raw rows and codes of items, each in its group: 0, or 1 + language."""
        codes = np.zeros(present.shape, np.float32)
        on = present & self._visible[group]
        codes[on] = (1 + rng.standard_exponential(int(on.sum()), np.float32)) / 2
        noise = rng.standard_normal((len(codes), self.settings.d_in), np.float32)
        noise *= np.float32(self.settings.noise / np.sqrt(self.settings.d_in))
        return codes @ self.dictionary + self._offset[group] + noise, codes


def match(
    decoder: Float[Tensor, "d_sae d_in"], dictionary: Float[np.ndarray, "atoms d_in"]
) -> tuple[Int[np.ndarray, "atoms"], Float[np.ndarray, "atoms"]]:
    """Match atoms with features one to one so that the sum of cosines is largest.

    Returns
    -------
    assignment
        The feature of each atom, -1 where there are fewer features than atoms.
    cosine
        Of the atom and the feature's decoder row; 0 without a feature. A direction and
        its opposite are no match.
    """
    from scipy.optimize import linear_sum_assignment

    cosines = _unit(np.asarray(dictionary)) @ _unit(decoder.detach().numpy()).T
    atoms, features = linear_sum_assignment(cosines, maximize=True)
    assignment = np.full(len(dictionary), -1)
    cosine = np.zeros(len(dictionary))
    assignment[atoms], cosine[atoms] = features, cosines[atoms, features]
    return assignment, cosine


def _unit(rows: Float[np.ndarray, "rows d_in"]) -> Float[np.ndarray, "rows d_in"]:
    norms = np.linalg.norm(rows, axis=1, keepdims=True)
    return np.asarray(rows / np.maximum(norms, 1e-12), np.float32)
