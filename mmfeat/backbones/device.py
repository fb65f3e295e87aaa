"""Which device a backbone runs on."""

from __future__ import annotations

import torch

from mmfeat.errors import MmfeatError


def device_of(name: str) -> torch.device:
    """Return a torch device by name; ``auto`` is the GPU where there is one.

    Raises
    ------
    MmfeatError
        If it cannot be used here.
    """
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
        torch.empty(1, device=device)
    except (RuntimeError, AssertionError) as error:
        raise MmfeatError(
            f"The device {name!r} cannot be used here; choose cpu, or auto for the best there is."
        ) from error
    return device
