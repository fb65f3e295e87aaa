"""Weights of open_clip that are damaged, of another kind, or would run code."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from mmfeat.backbones.registry import load_backbone
from mmfeat.errors import MmfeatError
from tests.unit.backbones.clip_models import (
    TEXT,
    TEXTS,
    VISION,
    save_family,
)


# -- loading
def test_damaged_weights_are_refused(tmp_path: Path) -> None:
    spec = save_family(tmp_path / "model", "clip")
    weights = tmp_path / "model" / "open_clip_model.safetensors"
    weights.write_bytes(weights.read_bytes()[:1000])
    with pytest.raises(MmfeatError, match="cannot be loaded"):
        load_backbone(spec, "cpu")


def test_weights_of_another_architecture_are_refused(tmp_path: Path) -> None:
    spec = save_family(tmp_path / "model", "clip")
    path = tmp_path / "model" / "open_clip_config.json"
    config = json.loads(path.read_text())
    config["model_cfg"]["vision_cfg"]["layers"] = 3
    path.write_text(json.dumps(config))
    with pytest.raises(MmfeatError, match="do not fit its architecture"):
        load_backbone(spec, "cpu")


def test_a_folder_with_no_weights_is_refused(tmp_path: Path) -> None:
    spec = save_family(tmp_path / "model", "bert")
    (tmp_path / "model" / "open_clip_model.safetensors").unlink()
    with pytest.raises(MmfeatError, match="cannot be loaded.*check the folder"):
        load_backbone(spec, "cpu")


class Pickled:
    """Leaves a file behind when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (self.path,)


def test_pickled_weights_are_read_as_tensors_and_nothing_else(tmp_path: Path) -> None:
    folder = tmp_path / "model"
    spec = save_family(folder, "clip")
    state = load_file(folder / "open_clip_model.safetensors")
    before = load_backbone(spec, "cpu")
    (folder / "open_clip_model.safetensors").unlink()
    torch.save(state, folder / "open_clip_pytorch_model.bin")
    after = load_backbone(spec, "cpu")
    x = [b.run(b.prepare_texts(TEXTS), {"joint": ["text.pooled"]}) for b in (before, after)]
    np.testing.assert_array_equal(x[0]["joint"]["text.pooled"].x, x[1]["joint"]["text.pooled"].x)
    trap = tmp_path / "unpickled"
    torch.save(state | {"other": Pickled(trap)}, folder / "open_clip_pytorch_model.bin")
    with pytest.raises(MmfeatError, match="hold more than tensors.*give them as safetensors"):
        load_backbone(spec, "cpu")
    assert not trap.exists()


def test_a_model_that_wants_its_own_code_is_refused(tmp_path: Path) -> None:
    text = TEXT | {"hf_tokenizer_name": "x", "tokenizer_kwargs": {"trust_remote_code": True}}
    with pytest.raises(MmfeatError, match="needs program code.*never run"):
        folder = tmp_path / "tokenizer"
        folder.mkdir()
        config = {"embed_dim": 24, "vision_cfg": VISION, "text_cfg": text}
        (folder / "open_clip_config.json").write_text(json.dumps({"model_cfg": config}))
        load_backbone(f"open_clip:local-dir:{folder}", "cpu")
    spec = save_family(tmp_path / "bert", "bert")
    (tmp_path / "bert" / "text" / "config.json").write_text(
        json.dumps({"model_type": "own", "auto_map": {"AutoConfig": "own.Config"}})
    )
    (tmp_path / "bert" / "text" / "own.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')")
    with pytest.raises(MmfeatError, match="needs program code.*never run"):
        load_backbone(spec, "cpu")
    assert not (tmp_path / "ran").exists()
