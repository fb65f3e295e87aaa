"""What a backbone is: a frozen vision-language model behind one interface."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float, Int

from mmfeat.errors import MmfeatError

if TYPE_CHECKING:
    import torch
    from PIL.Image import Image
    from torch import Tensor

IMAGE_STREAMS = ("image.pooled", "image.patch")
TEXT_STREAMS = ("text.pooled", "text.token")
STREAMS = IMAGE_STREAMS + TEXT_STREAMS
JOINT = "joint"

Span = tuple[int, int]
Edit = Callable[["Tensor"], "Tensor"]
Edits = Mapping[tuple[str, str], Edit]


@dataclass(frozen=True)
class Rows:
    """Activations of one stream for a batch of inputs.

    Attributes
    ----------
    x : float32 [rows, d]
        One activation a row, un-normalised.
    source : int64 [rows]
        Which input of the batch the row belongs to, ascending.
    position : int16 [rows]
        Patch (row-major in the grid of its picture) or token; -1 where pooled.
    start, end : int32 [rows] or None
        For tokens, the characters (code points) of the text the row stands for.
    """

    x: Float[np.ndarray, "rows d"]
    source: Int[np.ndarray, "rows"]
    position: Int[np.ndarray, "rows"]
    start: Int[np.ndarray, "rows"] | None = None
    end: Int[np.ndarray, "rows"] | None = None


@dataclass(frozen=True)
class HookPoint:
    """A named place in a backbone where activations are read or changed.

    Attributes
    ----------
    name : str
        ``joint``, or ``{tower}.blocks.{n}`` (``lm.layers.{n}``) for the residual stream after a
        block, with ``.attn`` or ``.mlp`` for what that part adds to it.
    streams : tuple of str
        Those of `STREAMS` that can be read there.
    d : int
        Width of a row.
    grid : (rows, columns) or None
        Patches of a picture there, where all pictures have the same.
    """

    name: str
    streams: tuple[str, ...]
    d: int
    grid: Span | None = None

    def rows(self, stream: str) -> int | None:
        """Return how many rows of a stream each input has; None where that depends on it."""
        if stream.endswith(".pooled"):
            return 1
        if stream == "image.patch" and self.grid is not None:
            return self.grid[0] * self.grid[1]
        return None


@dataclass(frozen=True)
class Inputs:
    """A batch as the model takes it: what `prepare_images` and `prepare_texts` return.

    Attributes
    ----------
    tensors : mapping of str to Tensor
        Arguments of the model, on the CPU.
    count : int
        Number of pictures or texts.
    grids : sequence of (rows, columns), optional
        Patches of each picture in the last block.
    spans : sequence, optional
        (position in the sequence, (start, end)) of the content tokens of each text; special
        tokens are none. Characters are code points.
    """

    tensors: Mapping[str, Tensor]
    count: int
    grids: Sequence[Span] | None = None
    spans: Sequence[Sequence[tuple[int, Span]]] | None = None

    @property
    def is_text(self) -> bool:
        """Whether these are texts."""
        return self.spans is not None

    @property
    def streams(self) -> tuple[str, ...]:
        """Streams they have rows of; all where a text comes with its picture."""
        if not self.is_text:
            return IMAGE_STREAMS
        return TEXT_STREAMS if self.grids is None else STREAMS


@dataclass(frozen=True)
class Where:
    """Which vectors of a module's output are the rows of a stream.

    Attributes
    ----------
    index : int64 [rows]
        Into the output as [batch * sequence, d].
    source, position, start, end
        As in `Rows`.
    """

    index: Int[np.ndarray, "rows"]
    source: Int[np.ndarray, "rows"]
    position: Int[np.ndarray, "rows"]
    start: Int[np.ndarray, "rows"] | None = None
    end: Int[np.ndarray, "rows"] | None = None

    def rows(self, x: Float[np.ndarray, "rows d"]) -> Rows:
        """Return these rows with their vectors."""
        return Rows(x, self.source, self.position, self.start, self.end)


@dataclass(frozen=True)
class Site:
    """How a hook point is found in a tower.

    Attributes
    ----------
    module : torch.nn.Module
        Its output (the first, of a tuple) is read and changed: [batch, sequence, d], or
        [batch, channels, rows, columns], or packed [rows, d].
    tower : str
        ``vision``, ``text`` or ``lm``; where each stage of a tower has rows of its own, its name.
    point : HookPoint
        What it is called.
    channels_last : bool
        Whether a feature map is [batch, rows, columns, channels].
    """

    module: torch.nn.Module
    tower: str
    point: HookPoint
    channels_last: bool = False


@dataclass(frozen=True)
class Reading:
    """What one forward pass gave.

    Attributes
    ----------
    result
        What the model returned; None where it was stopped before its end.
    outputs : dict of str to Tensor
        By hook point, [batch * sequence, d].
    """

    result: object
    outputs: dict[str, Tensor] = field(default_factory=dict)


class Backbone(ABC):
    """A frozen vision-language model.

    Attributes
    ----------
    spec : str
        What it was asked for by.
    device : torch.device
        Where it runs.
    image_size : int
        Pixels at which drawings are drawn for it.
    """

    spec: str
    device: torch.device
    image_size: int

    @property
    @abstractmethod
    def hook_points(self) -> tuple[HookPoint, ...]:
        """The hook points in the order of computation, ``joint`` (where there is one) first."""

    @abstractmethod
    def info(self) -> dict[str, object]:
        """Return sizes, preprocessing and number of parameters."""

    @abstractmethod
    def prepare_images(self, pictures: Sequence[Image]) -> Inputs:
        """Preprocess pictures as the model's own processor does."""

    @abstractmethod
    def prepare_texts(self, texts: Sequence[str]) -> Inputs:
        """Tokenise texts as the model's own tokenizer does."""

    @abstractmethod
    def run(
        self,
        inputs: Inputs,
        wanted: Mapping[str, Collection[str]],
        edits: Edits | None = None,
    ) -> dict[str, dict[str, Rows]]:
        """Run a batch once and return the rows asked for.

        Computation stops after the last block that is needed.

        Parameters
        ----------
        inputs : Inputs
            Pictures or texts.
        wanted : mapping of str to collection of str
            Streams by hook point; those of the other modality are passed over.
        edits : mapping of (hook point, stream) to callable, optional
            What replaces the rows of a stream at a hook point: from [rows, d] on the model's
            device to the same shape, before anything that follows is computed.

        Returns
        -------
        dict
            Rows by hook point and stream.

        Raises
        ------
        MmfeatError
            If there is no such hook point or stream.
        """

    def twin(self) -> Backbone | None:
        """Return one with the same weights that runs texts while this one does, in other threads.

        None where that is not safe, as of models that change themselves while they run.
        """
        return None

    def project(
        self, hook: str, stream: str, x: Float[Tensor, "rows d"]
    ) -> Float[Tensor, "rows j"]:
        """Take rows of the residual stream through the model's own final norm and projection.

        Raises
        ------
        MmfeatError
            If the model has no joint space, or the hook point is not in a residual stream.
        """
        raise MmfeatError(f"{self.spec} has no joint space to project rows of {hook} into.")

    def grids(self, hook: str, inputs: Inputs) -> Sequence[Span]:
        """Return rows and columns of the patches of each picture at a hook point."""
        grid = self.point(hook).grid
        return list(inputs.grids or ()) if grid is None else [grid] * inputs.count

    def point(self, name: str) -> HookPoint:
        """Return a hook point by name.

        Raises
        ------
        MmfeatError
            If there is none.
        """
        points = {point.name: point for point in self.hook_points}
        if name not in points:
            few = ", ".join(list(points)[:3])
            raise MmfeatError(
                f"{self.spec} has no hook point {name!r}; it has {len(points)} ({few}, ...), which "
                f"mmfeat backbone hooks lists."
            )
        return points[name]
