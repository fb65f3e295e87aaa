"""Which device a backbone runs on, and how much at once."""

from __future__ import annotations

import os

import torch

from mmfeat.errors import MmfeatError

CPU_PICTURES = 64  # in a forward pass, at most: its caches then hold most of what they take


def device_of(name: str) -> torch.device:
    """Return a torch device by name; ``auto`` is the GPU where there is one.

    Of several GPUs, each process that torchrun started has its own.

    Raises
    ------
    MmfeatError
        If it cannot be used here.
    """
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    if name == "cuda" and torch.cuda.is_available():
        local = int(os.environ.get("LOCAL_RANK", "0"))
        return torch.device("cuda", local % torch.cuda.device_count())
    try:
        device = torch.device(name)
        torch.empty(1, device=device)
    except (RuntimeError, AssertionError) as error:
        raise MmfeatError(
            f"The device {name!r} cannot be used here; choose cpu, or auto for the best there is."
        ) from error
    return device


def pictures_at_once(device: torch.device, batch_size: int) -> int:
    """Return how many pictures of a batch are run together on a device."""
    return min(batch_size, CPU_PICTURES) if device.type == "cpu" else batch_size
