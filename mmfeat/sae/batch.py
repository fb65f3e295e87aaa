"""What an SAE is trained on: batches of true pairs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

SECOND = "/2"  # ends the name of a view that is an item's second caption


def stream_of(view: str) -> str:
    """Return the stream of a view: ``text.pooled`` for ``text.pooled/2``."""
    return view.removesuffix(SECOND)


def modality_of(view: str) -> str:
    """Return ``image`` or ``text``."""
    return view.split(".", 1)[0]


@dataclass(frozen=True)
class PairBatch:
    """Rows that belong together: row j of every view comes from the same item.

    A view is a stream, or a stream's second caption of the same item in another
    language; every two views make pairs.

    Attributes
    ----------
    rows : mapping of view to float32 [pairs, d_in]
        Standardised activations.
    language : mapping of view to int64 [pairs]
        Language of each row, -1 for pictures.
    weight : mapping of view to float32 [pairs]
        What a row counts in the loss, 1 on average over all views.
    item, concept : int64 [pairs]
        Item of the pair, and its concept.
    """

    rows: Mapping[str, Float[Tensor, "pairs d_in"]]
    language: Mapping[str, Int[Tensor, "pairs"]]
    weight: Mapping[str, Float[Tensor, "pairs"]]
    item: Int[Tensor, "pairs"]
    concept: Int[Tensor, "pairs"]

    def to(self, device: torch.device | str) -> PairBatch:
        """Return the batch on a device."""

        def there(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
            return {view: tensor.to(device) for view, tensor in tensors.items()}

        return PairBatch(
            there(self.rows),
            there(self.language),
            there(self.weight),
            self.item.to(device),
            self.concept.to(device),
        )
