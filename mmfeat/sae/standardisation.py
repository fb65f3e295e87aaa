"""Mean and scale of a stream: what is taken off and multiplied before an SAE sees a row."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int


@dataclass(frozen=True)
class Standardisation:
    """Mean [groups, d_in] and scale [groups] of a stream; a group is a language, or all."""

    mean: Float[np.ndarray, "groups d_in"]
    scale: Float[np.ndarray, "groups"]

    def apply(
        self, rows: Float[np.ndarray, "rows d_in"], group: Int[np.ndarray, "rows"]
    ) -> Float[np.ndarray, "rows d_in"]:
        """Return ``(x - mean) * scale`` in float32, each row by its own group."""
        x = np.asarray(rows, dtype=np.float32)
        return np.asarray((x - self.mean[group]) * self.scale[group, None])
