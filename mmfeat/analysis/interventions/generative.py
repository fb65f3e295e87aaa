"""What a generative model writes while features are changed, and how likely it finds a text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Bool, Float

from mmfeat.analysis.interventions.controls import Effect
from mmfeat.analysis.interventions.edits import Change, FeatureEdit
from mmfeat.backbones.generation import (
    Generated,
    generate,
    log_probabilities,
    pieces,
    token_ids,
)

if TYPE_CHECKING:
    from PIL.Image import Image

    from mmfeat.backbones.base import Edits
    from mmfeat.backbones.generative import GenerativeBackbone
    from mmfeat.sae.interop import TrainedSAE

Changes = Mapping[str, Change]  # by stream


@dataclass(frozen=True)
class Writer:
    """A model before a picture and a prompt, and the SAE that acts on its rows.

    Attributes
    ----------
    backbone : GenerativeBackbone
        The model.
    trained : TrainedSAE
        The SAE.
    hook : str
        Where it acts.
    picture : Image or None
        What is shown.
    prompt : str
        What is asked.
    language : int
        Which of the SAE's languages rows of text are standardised by.
    max_new_tokens, temperature, seed
        As `mmfeat.backbones.generation.generate` takes them.
    patches : bool [patches], optional
        Which patches are changed; default: all.
    """

    backbone: GenerativeBackbone
    trained: TrainedSAE
    hook: str
    picture: Image | None
    prompt: str
    language: int = 0
    max_new_tokens: int = 32
    temperature: float = 0.0
    seed: int = 0
    patches: Bool[np.ndarray, "patches"] | None = None

    def edits(self, changes: Changes) -> Edits:
        """Return what replaces rows when features are changed in some streams."""
        return {
            (self.hook, stream): FeatureEdit(
                self.trained,
                stream,
                self.group(stream),
                change,
                self.patches if stream == "image.patch" else None,
            )
            for stream, change in changes.items()
        }

    def group(self, stream: str) -> int:
        """Return which mean and scale rows of a stream have."""
        return 0 if stream.startswith("image") else self.language

    def write(self, changes: Changes) -> Generated:
        """Return what is written while features are changed."""
        return generate(
            self.backbone,
            self.picture,
            self.prompt,
            self.max_new_tokens,
            self.edits(changes),
            temperature=self.temperature,
            seed=self.seed,
        )

    def likely(self, text: str | Sequence[int], changes: Changes) -> Float[np.ndarray, "tokens"]:
        """Return the log-probability of each token of a text while features are changed."""
        found = log_probabilities(
            self.backbone, self.picture, self.prompt, text, self.edits(changes)
        )
        return found.double().cpu().numpy()


@dataclass(frozen=True)
class Steered:
    """What a change of features did to what a model writes, beside controls.

    The effect is the mean change of log-probability over the tokens of a fixed continuation.

    Attributes
    ----------
    before, after : Generated
        What was written without and with the change.
    oddity : float
        Perplexity, to the unchanged model, of what was written with the change.
    tokens : tuple of str
        Of the continuation.
    likely_before, likely_after : float64 [tokens]
        Their log-probabilities.
    noop : Generated
        What was written while the SAE acted and nothing was changed.
    noop_effect : float
        Its effect: what rounding does.
    control : Generated or None
        What was written with the first control.
    control_effects : float64 [controls]
        The effect of each control.
    """

    before: Generated
    after: Generated
    oddity: float
    tokens: tuple[str, ...]
    likely_before: Float[np.ndarray, "tokens"]
    likely_after: Float[np.ndarray, "tokens"]
    noop: Generated
    noop_effect: float
    control: Generated | None
    control_effects: Float[np.ndarray, "controls"]

    @property
    def effect(self) -> float:
        """Mean change of log-probability a token of the continuation."""
        return float(np.mean(self.likely_after - self.likely_before))

    @property
    def size(self) -> Effect:
        """The size of the effect, either way, beside that of each control."""
        return Effect(abs(self.effect), np.abs(self.control_effects))


def perplexity(log_probabilities: Float[np.ndarray, "tokens"]) -> float:
    """Return ``exp(-mean log p)``: how many tokens the model wavers between."""
    return float(np.exp(-np.mean(log_probabilities)))


def steer(
    writer: Writer,
    changes: Changes,
    controls: Sequence[Changes] = (),
    continuation: str | None = None,
) -> Steered:
    """Change features while a model writes, and compare.

    Parameters
    ----------
    writer : Writer
        Model, SAE, picture and prompt.
    changes : mapping of str to Change
        What happens, by stream.
    controls : sequence of such mappings
        The same to other features that fire as often.
    continuation : str, optional
        The fixed text whose log-probability is followed; default: what is written before.

    Raises
    ------
    MmfeatError
        If the model or the SAE refuses something.
    """
    before, after = writer.write({}), writer.write(changes)
    ids = before.ids.tolist() if continuation is None else token_ids(writer.backbone, continuation)
    plain = writer.likely(ids, {})
    noop = {stream: Change("noop", change.features) for stream, change in changes.items()}
    return Steered(
        before,
        after,
        perplexity(writer.likely(after.ids.tolist(), {})),
        pieces(writer.backbone, ids),
        plain,
        writer.likely(ids, changes),
        writer.write(noop),
        float(np.mean(writer.likely(ids, noop) - plain)),
        writer.write(controls[0]) if controls else None,
        np.array([np.mean(writer.likely(ids, own) - plain) for own in controls], np.float64),
    )
