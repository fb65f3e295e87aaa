"""From a SPEC to a backbone."""

from __future__ import annotations

from pathlib import Path

from mmfeat.assets import path as asset
from mmfeat.backbones.base import Backbone
from mmfeat.errors import MmfeatError

BUNDLED = "openmoji-clip"


def local_folder(spec: str) -> Path | None:
    """Return the folder a SPEC names, or None for one that is downloaded."""
    if spec == BUNDLED:
        return asset(BUNDLED)
    prefix = "open_clip:local-dir:"
    return Path(spec.removeprefix(prefix)) if spec.startswith(prefix) else None


def load_backbone(spec: str, device: str = "auto") -> Backbone:
    """Load a backbone.

    Parameters
    ----------
    spec : str
        ``openmoji-clip`` (bundled), ``open_clip:ARCH/PRETRAINED`` or
        ``open_clip:local-dir:PATH``.
    device : str
        A torch device, or ``auto`` for the GPU where there is one.

    Raises
    ------
    MmfeatError
        If the SPEC is not understood or the model cannot be loaded.
    """
    from mmfeat.backbones.open_clip import OpenClipBackbone

    if spec == BUNDLED:
        return OpenClipBackbone(spec, f"local-dir:{asset(BUNDLED)}", None, device)
    family, _, rest = spec.partition(":")
    if family == "open_clip" and rest.startswith("local-dir:"):
        return OpenClipBackbone(spec, rest, None, device)
    if family == "open_clip" and "/" in rest:
        architecture, _, pretrained = rest.partition("/")
        return OpenClipBackbone(spec, architecture, pretrained, device)
    raise MmfeatError(
        f"{spec!r} is not a backbone; give openmoji-clip, open_clip:ARCH/PRETRAINED or "
        "open_clip:local-dir:PATH."
    )
