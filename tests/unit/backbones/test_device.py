from __future__ import annotations

import pytest
import torch

from mmfeat.backbones.device import device_of
from mmfeat.errors import MmfeatError


@pytest.mark.parametrize("name", ["auto", "cuda"])
@pytest.mark.parametrize(("rank", "gpu"), [(None, 0), ("0", 0), ("1", 1), ("3", 1)])
def test_each_process_of_torchrun_has_a_gpu_of_its_own(
    name: str, rank: str | None, gpu: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    if rank is None:
        monkeypatch.delenv("LOCAL_RANK", raising=False)
    else:
        monkeypatch.setenv("LOCAL_RANK", rank)
    assert device_of(name) == torch.device("cuda", gpu)


def test_without_a_gpu_all_processes_use_the_processor(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setenv("LOCAL_RANK", "1")
    assert device_of("auto") == torch.device("cpu")


def test_a_device_that_cannot_be_used_is_one_sentence() -> None:
    with pytest.raises(MmfeatError, match="'warp' cannot be used here; choose cpu, or auto"):
        device_of("warp")
