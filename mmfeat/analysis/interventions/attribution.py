r"""How much of a number each feature is behind: estimated in one backward pass, and tested.

With :math:`m` a number the model gives (a difference of log-probabilities, a cosine), rows
:math:`r` of a hook point, activations :math:`z` and decoder rows :math:`w`, the linear estimate of
what feature :math:`i` adds, which is minus the effect of setting it to zero, is

.. math:: a_i = \sum_r z_{ri}\, \frac{\partial m}{\partial x_r} \cdot \frac{w_i}{s_r}

with :math:`s` the scale by which rows are standardised. Ablation runs the model without the
feature: :math:`m - m_{z_i = 0}`. Templeton et al. (2024, "Scaling Monosemanticity") find a
correlation of 0.81 between the two, and of 0.12 between activation and ablation.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from mmfeat.analysis.interventions.edits import Change, FeatureEdit
from mmfeat.backbones.generation import log_probabilities

if TYPE_CHECKING:
    from collections.abc import Sequence

    from PIL.Image import Image

    from mmfeat.backbones.base import Edit, Edits, Inputs
    from mmfeat.backbones.generative import GenerativeBackbone
    from mmfeat.backbones.hooked import HookedBackbone
    from mmfeat.sae.interop import TrainedSAE

_ROWS = 64  # encoded at a time: codes of a block are dense
_FEWEST = 3  # features, for a correlation to say anything


class Metric(Protocol):
    """A number the model gives with edits made; with `gradients`, one to be differentiated."""

    def __call__(self, edits: Edits, *, gradients: bool = False) -> Float[Tensor, ""]:
        """Return the number."""


def answer_metric(
    backbone: GenerativeBackbone,
    picture: Image | None,
    prompt: str,
    answer: str | Sequence[int],
    other: str | Sequence[int] | None = None,
) -> Metric:
    """Return the log-probability of an answer to a prompt, less that of another answer."""

    def metric(edits: Edits, *, gradients: bool = False) -> Float[Tensor, ""]:
        first, *second = (
            log_probabilities(backbone, picture, prompt, text, edits, gradients=gradients).sum()
            for text in (answer, other)
            if text is not None
        )
        return first - second[0] if second else first

    return metric


def cosine_metric(
    backbone: HookedBackbone, inputs: Inputs, target: Float[np.ndarray, "d"]
) -> Metric:
    """Return the cosine, in the joint space, of one picture or text with a row such as a text's."""

    def metric(edits: Edits, *, gradients: bool = False) -> Float[Tensor, ""]:
        row = backbone.embed(inputs, edits, gradients=gradients)[0]
        own = torch.as_tensor(target, device=row.device).to(row.dtype)
        found: Tensor = torch.nn.functional.cosine_similarity(row, own, dim=0)
        return found

    return metric


@dataclass(frozen=True)
class Attribution:
    """What every active feature adds to a number, by the linear estimate.

    Attributes
    ----------
    value : float
        The number, nothing changed.
    features : int64 [active]
        Those that fire on some row, ascending.
    activation : float64 [active]
        Summed over the rows of a pass; where the number takes several passes, their mean.
    attribution : float64 [active]
        The estimate, in the number's own unit.
    """

    value: float
    features: Int[np.ndarray, "active"]
    activation: Float[np.ndarray, "active"]
    attribution: Float[np.ndarray, "active"]


@dataclass(frozen=True)
class Ablation:
    """What some features add to a number, by running the model without each.

    Attributes
    ----------
    features : int64 [tested]
        Those of largest attribution, and a sample of all active ones, ascending.
    ablation : float64 [tested]
        The number less what it is without the feature.
    sampled : bool [tested]
        Whether the feature is of the sample.
    attribution_correlation, activation_correlation : float
        Pearson's, of attribution and of activation with ablation, over the sample alone: there
        they stand for all active features. NaN where there are fewer than 3.
    attribution_correlation_tested, activation_correlation_tested : float
        The same over all that were tested, among which large effects are too many.
    """

    features: Int[np.ndarray, "tested"]
    ablation: Float[np.ndarray, "tested"]
    sampled: Bool[np.ndarray, "tested"]
    attribution_correlation: float
    activation_correlation: float
    attribution_correlation_tested: float
    activation_correlation_tested: float


def attribute(
    metric: Metric, trained: TrainedSAE, hook: str, groups: Mapping[str, int]
) -> Attribution:
    """Estimate what each active feature adds to a number.

    Parameters
    ----------
    metric : Metric
        The number.
    trained : TrainedSAE
        The SAE.
    hook : str
        Where it acts.
    groups : mapping of str to int
        Streams whose rows count, and the mean and scale they have: their language, 0 for pictures.

    Raises
    ------
    MmfeatError
        If the SAE does not know a stream or language, or the model has no such hook point.
    """
    leaves: dict[str, list[Tensor]] = {stream: [] for stream in groups}

    def leaf_of(stream: str) -> Edit:
        # Says whether the SAE knows stream and language before the model is run.
        FeatureEdit(trained, stream, groups[stream], Change("noop", ()))

        def leaf(x: Float[Tensor, "rows d"]) -> Float[Tensor, "rows d"]:
            leaves[stream].append(x.detach().requires_grad_())
            return leaves[stream][-1]

        return leaf

    value = metric({(hook, stream): leaf_of(stream) for stream in groups}, gradients=True)
    rows = [(stream, x) for stream, found in leaves.items() for x in found]
    slopes: list[Tensor | None] = []
    if rows:
        slopes += torch.autograd.grad(value, [x for _, x in rows], allow_unused=True)
    activation = torch.zeros(trained.d_sae, dtype=torch.float64)
    attribution = torch.zeros(trained.d_sae, dtype=torch.float64)
    passes = max((len(found) for found in leaves.values()), default=1)
    for (stream, x), slope in zip(rows, slopes, strict=True):
        decoder = trained.sae_of(stream).W_dec
        scale = float(trained.streams[stream].scale[groups[stream]])
        for part, values, latents in _codes(trained, stream, groups[stream], x.detach()):
            activation.index_add_(0, latents.flatten(), values.flatten() / passes)
            if slope is None:  # these rows do not reach the number
                continue
            along = decoder[latents] @ slope[part].cpu().to(decoder.dtype)[:, :, None]
            added = values * along[:, :, 0].double() / scale
            attribution.index_add_(0, latents.flatten(), added.flatten())
    active = np.flatnonzero(activation.numpy() > 0)
    return Attribution(
        float(value.detach()), active, activation.numpy()[active], attribution.numpy()[active]
    )


def ablate(
    metric: Metric,
    trained: TrainedSAE,
    hook: str,
    groups: Mapping[str, int],
    found: Attribution,
    *,
    top: int,
    sample: int,
    seed: int = 0,
) -> Ablation:
    """Ablate features one by one, and say how well the estimate foretold what it does.

    Parameters
    ----------
    metric, trained, hook, groups
        As in `attribute`.
    found : Attribution
        Its result.
    top : int
        How many features of the largest attribution, either way, are tested.
    sample : int
        How many of all active ones, drawn at random, are tested.
    seed : int
        Of the draw.
    """
    count = len(found.features)
    rng = np.random.default_rng(seed)
    sampled = np.zeros(count, bool)
    sampled[rng.permutation(count)[:sample]] = True
    tested = sampled.copy()
    tested[np.argsort(-np.abs(found.attribution), kind="stable")[:top]] = True
    features = found.features[tested]
    plain = float(metric({}))
    without = [
        float(
            metric(
                {
                    (hook, stream): FeatureEdit(trained, stream, group, Change("ablate", (one,)))
                    for stream, group in groups.items()
                }
            )
        )
        for one in features.tolist()
    ]
    ablation = plain - np.array(without, np.float64)
    attribution, activation = found.attribution[tested], found.activation[tested]
    own = sampled[tested]
    return Ablation(
        features,
        ablation,
        own,
        correlation(attribution[own], ablation[own]),
        correlation(activation[own], ablation[own]),
        correlation(attribution, ablation),
        correlation(activation, ablation),
    )


def correlation(x: Float[np.ndarray, "n"], y: Float[np.ndarray, "n"]) -> float:
    """Return Pearson's correlation; NaN of fewer than 3 numbers, or of equal ones."""
    if len(x) < _FEWEST or np.ptp(x) == 0 or np.ptp(y) == 0:
        return float("nan")
    return float(np.corrcoef(x, y)[0, 1])


def largest(
    trained: TrainedSAE, stream: str, group: int, x: Float[np.ndarray, "rows d"]
) -> Float[np.ndarray, "d_sae"]:
    """Return the largest activation of every feature in rows of a stream."""
    most = torch.zeros(trained.d_sae, dtype=torch.float64)
    for _, values, latents in _codes(trained, stream, group, torch.from_numpy(x)):
        most.scatter_reduce_(0, latents.flatten(), values.flatten(), "amax")
    return most.numpy()


@torch.no_grad()
def _codes(
    trained: TrainedSAE, stream: str, group: int, x: Float[Tensor, "rows d"]
) -> Iterator[tuple[slice, Float[Tensor, "block m"], Int[Tensor, "block m"]]]:
    """Return activations, in double precision, and latents of rows, a block at a time."""
    for first in range(0, len(x), _ROWS):
        part = slice(first, first + _ROWS)
        rows = x[part].float().cpu().numpy()
        values, latents = trained.encode(stream, rows, np.full(len(rows), group, np.int64))
        yield part, values.double(), latents
