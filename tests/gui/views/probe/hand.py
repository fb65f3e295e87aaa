"""What the panel shows, and what the library says."""

from __future__ import annotations

from mmfeat.atlas.probe import Fires
from mmfeat_gui.views.probe_features import FiringGroup


def of(group: FiringGroup, side: int) -> dict[int, float]:
    return {one.feature: one.activations[side] for one in group.flow.firing}


def expected(fires: Fires) -> dict[int, float]:
    return dict(zip(fires.features.tolist(), fires.activation.tolist(), strict=True))
