"""What steering must know of the features of an SAE, wherever it acts."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import numpy as np
from jaxtyping import Float

from mmfeat.errors import MmfeatError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mmfeat.atlas.encoder import Encoder
    from mmfeat.atlas.reader import Atlas
    from mmfeat.atlas.records import Caption
    from mmfeat.backbones.base import Inputs

Sides = tuple[Float[np.ndarray, "p d"], Float[np.ndarray, "q d"]]


@dataclass(frozen=True)
class Query:
    """What is changed: one picture or text, ready for the model.

    Attributes
    ----------
    inputs : Inputs
        It alone.
    label : str
        What it is called: a text is called itself.
    language : str or None
        Of a text; None for a picture.
    item : int or None
        The item it is of.
    """

    inputs: Inputs
    label: str
    language: str | None = None
    item: int | None = None

    @property
    def modality(self) -> str:
        """``image`` or ``text``."""
        return "image" if self.language is None else "text"

    @property
    def kind(self) -> str:
        """What people call it: ``picture`` or ``text``."""
        return "picture" if self.language is None else "text"


class Known(Protocol):
    """An SAE at a hook point, and what is known of its features in rows like a query's.

    Attributes
    ----------
    source : Path
        The atlas or folder the SAE is in.
    encoder : Encoder
        Backbone, SAE, hook point and languages.
    """

    source: Path
    encoder: Encoder

    def stream(self, query: Query) -> str:
        """Return the stream whose rows of a query are changed."""

    def names(self, feature: int) -> dict[str, str]:
        """Return the names of a feature by language, where it has some."""

    def maximum(self, query: Query) -> Float[np.ndarray, "d_sae"]:
        """Return the largest activation of every feature; 0 where it is not known to fire."""

    def rate(self, query: Query) -> Float[np.ndarray, "d_sae"]:
        """Return the share of rows on which every feature fires."""

    def firing(self, query: Query, feature: int) -> dict[int, float]:
        """Return the largest activation of a feature in each item shown on which it fires."""

    def activations(self, query: Query, item: int) -> Float[np.ndarray, "d_sae"]:
        """Return the activations that features have in an item, the largest of several rows."""

    def sides(self, query: Query, features: Sequence[int]) -> Sides | None:
        """Return rows on which features fire most, and rows on which none does.

        The query's own item is left out. None where there are no rows on a side.
        """


def first_caption(atlas: Atlas, item: int, language: str) -> Caption:
    """Return the first caption of an item in a language.

    Raises
    ------
    MmfeatError
        If it has none.
    """
    for caption in atlas.captions_of(item):
        if caption.language == language:
            return caption
    raise MmfeatError(
        f"{atlas.items().item_id[item]} has no caption in {language} in {atlas.path}; choose "
        "another item."
    )
