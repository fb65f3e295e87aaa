r"""How features share dimensions, and whether the codes act linearly along a direction.

Interference is the cosine of two decoder rows; independent random directions in d dimensions
have mean square cosine :math:`1 / d`. The linear picture of features (Elhage et al. 2022, 'Toy
Models of Superposition') also says that adding a direction to a row raises its own feature in
proportion, whatever else is there: the dose-response and the additivity measure how far it does.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from mmfeat.analysis.retrieval import unit_rows
from mmfeat.sae.interop import TrainedSAE

DOSES = 9  # from 0 to the feature's maximum, evenly
# Most cosines, or pre-activations, held at a time.
_CELLS = 1 << 25


@dataclass(frozen=True)
class Interference:
    """Cosines of decoder rows with each other.

    Attributes
    ----------
    largest : float64 [features]
        Largest |cosine| with another feature; NaN where there is none.
    rms : float64 [features]
        Root mean square cosine with the others.
    effective_dimension : float
        Participation ratio of the spectrum of the unit rows, (sum l)^2 / sum l^2 of the
        eigenvalues of their second moment: the dimensions they fill evenly. NaN without rows.
    """

    largest: Float[np.ndarray, "features"]
    rms: Float[np.ndarray, "features"]
    effective_dimension: float


def interference(decoder: Float[np.ndarray, "features d"], cells: int = _CELLS) -> Interference:
    """Compare all decoder rows with each other, exactly: maxima in blocks, squares without."""
    f = len(decoder)
    exact = unit_rows(np.asarray(decoder, np.float64))
    moment = exact.T @ exact
    square = np.einsum("fd,fd->f", exact @ moment, exact) - 1
    spread = float((moment**2).sum())
    rms = np.sqrt(np.maximum(square, 0) / (f - 1)) if f > 1 else np.full(f, np.nan)
    unit = exact.astype(np.float32)
    largest = np.zeros(f, np.float32)
    step = max(1, cells // max(1, f))
    for start in range(0, f, step):
        stop = min(start + step, f)
        # Cosines are symmetric: a block is taken with those after it alone.
        cosine = unit[start:stop] @ unit[start:].T
        np.abs(cosine, out=cosine)
        own = np.arange(stop - start)
        cosine[own, own] = 0
        np.maximum(largest[start:stop], cosine.max(axis=1), out=largest[start:stop])
        np.maximum(largest[start:], cosine.max(axis=0), out=largest[start:])
    return Interference(
        largest.astype(np.float64) if f > 1 else np.full(f, np.nan),
        rms,
        float(np.trace(moment) ** 2 / spread) if spread else float("nan"),
    )


def dose_response(
    trained: TrainedSAE,
    stream: str,
    rows: Float[np.ndarray, "rows d_in"],
    group: Int[np.ndarray, "rows"],
    features: Int[np.ndarray, "some"],
    most: Float[np.ndarray, "some"],
    doses: int = DOSES,
) -> Float[np.ndarray, "some"]:
    r"""Return R^2 of a feature's activation against how much of its direction is added.

    Row x becomes x + t d for even doses t from 0 to the feature's `most`. The fit has one slope
    and an intercept a row, so that R^2 = 1 where every row responds alike and in proportion; a
    threshold below which nothing fires lowers it. NaN where the feature never responds.

    Parameters
    ----------
    trained
        The SAE.
    stream
        Stream of the rows, whose encoder and decoder are used.
    rows, group
        Raw rows, and the mean and scale each has.
    features, most
        Features, and the activation each reaches on rows as they are.
    doses
        How many, at least 2.
    """
    along = np.linspace(0, 1, doses)
    centred = along - along.mean()
    x, direction = _prepared(trained, stream, rows, group, features)
    fit = np.full(len(features), np.nan)
    for at, feature in enumerate(features.tolist()):
        step = torch.from_numpy(along * most[at]).float()[:, None, None] * direction[at]
        found = _activations(trained, stream, (x + step).flatten(0, 1), np.array([feature]))
        z = found.reshape(doses, len(x))
        total = float(((z - z.mean(axis=0)) ** 2).sum())
        if total > 0:
            along_z = float(centred @ z.sum(axis=1))
            fit[at] = along_z**2 / (len(x) * float(centred @ centred) * total)
    return fit


def additivity(
    trained: TrainedSAE,
    stream: str,
    rows: Float[np.ndarray, "rows d_in"],
    group: Int[np.ndarray, "rows"],
    pairs: Int[np.ndarray, "some 2"],
    most: Float[np.ndarray, "some 2"],
) -> Float[np.ndarray, "some"]:
    r"""Return how far two directions added together do what each does alone.

    With u and v the two directions at their features' `most`, and z the activations of both
    features, 1 - sum ||z(x+u+v) - (z(x+u) + z(x+v) - z(x))||^2 / sum ||z(x+u+v) - z(x)||^2:
    1 where effects add up, 0 where the prediction is no better than no effect, and less where it
    is worse. NaN where nothing changes. Parameters as in `dose_response`.
    """
    x, first = _prepared(trained, stream, rows, group, pairs[:, 0])
    _, second = _prepared(trained, stream, rows, group, pairs[:, 1])
    score = np.full(len(pairs), np.nan)
    for at, pair in enumerate(pairs):
        u, v = float(most[at, 0]) * first[at], float(most[at, 1]) * second[at]
        given = torch.stack([x, x + u, x + v, x + u + v]).flatten(0, 1)
        none, one, other, both = _activations(trained, stream, given, pair).reshape(4, -1)
        effect = float(((both - none) ** 2).sum())
        if effect > 0:
            score[at] = 1 - float(((both - (one + other - none)) ** 2).sum()) / effect
    return score


def _prepared(
    trained: TrainedSAE,
    stream: str,
    rows: Float[np.ndarray, "rows d_in"],
    group: Int[np.ndarray, "rows"],
    features: Int[np.ndarray, "some"],
) -> tuple[Float[Tensor, "rows d_in"], Float[Tensor, "some d_in"]]:
    """Return rows as the SAE takes them, and unit directions of features."""
    chosen = torch.from_numpy(features.astype(np.int64))
    direction = trained.sae_of(stream).W_dec.detach()[chosen]
    return trained.standardise(stream, rows, group), torch.nn.functional.normalize(direction, dim=1)


@torch.inference_mode()
def _activations(
    trained: TrainedSAE, stream: str, x: Float[Tensor, "rows d_in"], features: np.ndarray
) -> Float[np.ndarray, "rows some"]:
    """Return the activations of some features on standardised rows, each encoded by itself."""
    sae = trained.sae_of(stream)
    wanted = torch.from_numpy(features.astype(np.int64))
    found = []
    for part in torch.split(x, max(1, _CELLS // trained.d_sae)):
        values, latents = sae.encode(part)
        on = latents[:, :, None] == wanted
        found.append((values[:, :, None] * on).sum(dim=1).double().numpy())
    return np.concatenate(found)
