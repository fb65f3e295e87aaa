"""What the scoreboard does not compare, and says why."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from mmfeat.analysis.scoreboard import evaluate
from mmfeat.errors import MmfeatError


def test_one_folder_given_twice_is_refused(activations_path: Path, sae_path: Path) -> None:
    with pytest.raises(MmfeatError, match=r"sae is given twice"):
        evaluate(activations_path, [sae_path, sae_path])
    detour = sae_path / ".." / sae_path.name
    with pytest.raises(MmfeatError, match=r"are the same folder; give each SAE folder once"):
        evaluate(activations_path, [sae_path, detour])


def changed(sae: Path, folder: Path, **metadata: object) -> Path:
    shutil.copytree(sae, folder)
    config = json.loads((folder / "cfg.json").read_text())
    config["metadata"].update(metadata)
    (folder / "cfg.json").write_text(json.dumps(config))
    return folder


@pytest.mark.parametrize(
    ("metadata", "message"),
    [
        ({"model_name": "else"}, r"was trained with model_name else, but .* has openmoji-clip"),
        ({"languages": ["en"]}, r"was trained with languages \['en'\], but"),
        ({"hook_name": "nowhere"}, r"has no stream 'image.pooled' at hook point 'nowhere'"),
    ],
)
def test_an_sae_of_other_activations_is_refused(
    activations_path: Path, sae_path: Path, tmp_path: Path, metadata: dict, message: str
) -> None:
    other = changed(sae_path, tmp_path / "other", **metadata)
    with pytest.raises(MmfeatError, match=message):
        evaluate(activations_path, [sae_path, other])


def test_what_is_no_sae_is_refused(activations_path: Path, sae_path: Path, tmp_path: Path) -> None:
    with pytest.raises(MmfeatError, match=r"is no whole SAE folder"):
        evaluate(activations_path, [sae_path, tmp_path])


def test_an_sae_of_captions_alone_is_refused(
    activations_path: Path, sae_path: Path, tmp_path: Path
) -> None:
    from safetensors.numpy import load_file, save_file

    folder = changed(sae_path, tmp_path / "text")
    path = folder / "streams.safetensors"
    kept = {name: x for name, x in load_file(path).items() if name.startswith("text")}
    save_file(kept, path)
    with pytest.raises(MmfeatError, match=r"has no mean and scale that fit image\.pooled"):
        evaluate(activations_path, [folder])


def test_another_corpus_is_refused(
    activations_path: Path, sae_path: Path, tmp_path: Path, corpus_path: Path
) -> None:
    from mmfeat.corpus import openmoji
    from mmfeat.corpus.file import write_corpus

    other = tmp_path / "other.h5"
    rows = list(openmoji.rows())[:3]
    write_corpus(other, rows, name="openmoji", attribution="", image_root=None, provenance="{}")
    with pytest.raises(MmfeatError, match=r"is not the corpus that .* was extracted from"):
        evaluate(activations_path, [sae_path], other)
