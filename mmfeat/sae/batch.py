"""What an SAE is trained on: batches of true pairs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from jaxtyping import Float, Int
from torch import Tensor


@dataclass(frozen=True)
class PairBatch:
    """Rows that belong together: row j of every stream comes from the same item.

    Attributes
    ----------
    rows : mapping of stream to float32 [pairs, d_in]
        Standardised activations.
    language : int64 [pairs]
        Language of the text rows, -1 where there are none.
    item : int64 [pairs]
        Item of the pair.
    """

    rows: Mapping[str, Float[Tensor, "pairs d_in"]]
    language: Int[Tensor, "pairs"]
    item: Int[Tensor, "pairs"]
