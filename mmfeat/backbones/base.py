"""What a backbone is: a frozen vision-language model behind one interface."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np
from jaxtyping import Float, Int

if TYPE_CHECKING:
    from PIL.Image import Image

IMAGE_STREAMS = ("image.pooled", "image.patch")
TEXT_STREAMS = ("text.pooled", "text.token")
STREAMS = IMAGE_STREAMS + TEXT_STREAMS


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
        Patch (row-major in the grid) or token; -1 where pooled.
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
    """A named place where activations are read, with its streams and width."""

    name: str
    streams: tuple[str, ...]
    d: int


class Backbone(Protocol):
    """A frozen vision-language model."""

    spec: str
    grid: tuple[int, int]
    image_size: int

    @property
    def hook_points(self) -> tuple[HookPoint, ...]:
        """The hook points of this backbone."""
        ...

    def info(self) -> dict[str, object]:
        """Return sizes, preprocessing and number of parameters."""
        ...

    def images(
        self, pictures: Sequence[Image], hook: str, streams: Collection[str]
    ) -> dict[str, Rows]:
        """Run pictures to a hook point and return the rows of the streams asked for."""
        ...

    def texts(self, texts: Sequence[str], hook: str, streams: Collection[str]) -> dict[str, Rows]:
        """Run texts to a hook point and return the rows of the streams asked for."""
        ...
