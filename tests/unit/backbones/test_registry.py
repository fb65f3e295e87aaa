from __future__ import annotations

import json
import time
from pathlib import Path

import numpy as np
import pytest
from huggingface_hub import constants
from typer.testing import CliRunner

from mmfeat.backbones import hub
from mmfeat.backbones.registry import load_backbone, local_folder, weights
from mmfeat.cli.backbone import app
from mmfeat.errors import MmfeatError
from tests.unit.backbones import hf_models
from tests.unit.backbones.clip_models import TEXTS, save_config, save_family

SMALL = {
    "embed_dim": 24,
    "vision_cfg": {
        "image_size": 32,
        "patch_size": 8,
        "width": 32,
        "layers": 12,
        "head_width": 16,
    },
    "text_cfg": {"context_length": 20, "width": 32, "heads": 2, "layers": 12},
}


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("clip", "is not a backbone; give openmoji-clip"),
        ("", "is not a backbone"),
        ("hf:", "is not a backbone"),
        ("open_clip:ViT-B-32", "is not a backbone"),
        ("open_clip:ViT-B-32/", "is not a backbone"),
        ("open_clip:hf-hub:", "is not a backbone"),
        ("open_clip:local-dir:nowhere", "cannot be loaded.*check the folder"),
        ("open_clip:ViT-B-33/openai", "no architecture 'ViT-B-33'.*did you mean ViT-B-32"),
        ("open_clip:ViT-B-32/nosuch", "neither a file of weights nor one of.*: openai, laion"),
        ("hf:/nowhere/at/all", "names no folder that is there"),
    ],
)
def test_a_wrong_spec_says_what_to_do(spec: str, message: str) -> None:
    with pytest.raises(MmfeatError, match=message):
        load_backbone(spec, "cpu")


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        (
            "open_clip:ViT-B-32/laion400m_e32",
            "hf download timm/vit_base_patch32_clip_224.laion400m_e32 --local-dir DIR.*"
            "give open_clip:local-dir:DIR",
        ),
        (
            "open_clip:hf-hub:mmfeat/no-such-model",
            "hf download mmfeat/no-such-model --local-dir DIR.*give open_clip:local-dir:DIR",
        ),
        (
            "open_clip:xlm-roberta-base-ViT-B-32/laion5b_s13b_b90k",
            "text tower.*config.json of xlm-roberta-base",
        ),
        ("hf:mmfeat/no-such-model", "hf download mmfeat/no-such-model --local-dir DIR"),
    ],
)
def test_a_hub_that_does_not_answer_is_known_within_seconds(
    spec: str, message: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    # Nothing listens there, and nothing was kept.
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(constants, "ENDPOINT", "http://127.0.0.1:9")
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    if spec == "hf:mmfeat/no-such-model":
        pytest.importorskip("mmfeat.backbones.dual_encoder")
    else:
        import mmfeat.backbones.open_clip  # noqa: F401  (its import is not what is timed)
    start = time.process_time()
    with pytest.raises(MmfeatError, match=message):
        load_backbone(spec, "cpu")
    assert time.process_time() - start < 10
    assert not constants.HF_HUB_OFFLINE


def test_offline_is_set_only_where_the_hub_does_not_answer(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(constants, "ENDPOINT", "http://127.0.0.1:9")
    start = time.monotonic()
    with hub.answering():
        assert constants.HF_HUB_OFFLINE
    assert not constants.HF_HUB_OFFLINE
    assert time.monotonic() - start < 30


def test_a_file_of_weights_can_be_given_for_an_architecture(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import open_clip

    folder = tmp_path / "model"
    spec = save_config(folder, SMALL)
    (tmp_path / "configs").mkdir()
    (tmp_path / "configs" / "tiny-of-tests.json").write_text(json.dumps(SMALL))
    open_clip.add_model_config(tmp_path / "configs")
    weights = folder / "open_clip_model.safetensors"
    monkeypatch.chdir(folder)
    wanted = {"joint": ["text.pooled"]}
    backbones = [
        load_backbone(given, "cpu")
        for given in (
            spec,
            f"open_clip:tiny-of-tests/{weights}",
            f"open_clip:tiny-of-tests/{weights.name}",
        )
    ]
    rows = [b.run(b.prepare_texts(TEXTS), wanted)["joint"]["text.pooled"].x for b in backbones]
    np.testing.assert_array_equal(rows[0], rows[1])
    np.testing.assert_array_equal(rows[0], rows[2])
    assert local_folder(f"open_clip:tiny-of-tests/{weights}") == weights


def test_what_a_spec_names_on_this_machine(tmp_path: Path) -> None:
    bundled = local_folder("openmoji-clip")
    assert bundled is not None and (bundled / "open_clip_model.safetensors").is_file()
    assert local_folder(f"open_clip:local-dir:{tmp_path}") == tmp_path
    assert local_folder(f"hf:{tmp_path}") == tmp_path
    assert local_folder("hf:openai/clip-vit-base-patch32") is None
    assert local_folder("open_clip:ViT-B-32/openai") is None
    assert local_folder("open_clip:hf-hub:laion/CLIP") is None


def test_kinds_of_transformers_models_that_are_no_backbones(tmp_path: Path) -> None:
    pytest.importorskip("mmfeat.backbones.dual_encoder")
    pytest.importorskip("mmfeat.backbones.generative")
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "bert"}))
    with pytest.raises(MmfeatError, match="is a bert model, which is neither a dual encoder"):
        load_backbone(f"hf:{tmp_path}", "cpu")
    (tmp_path / "config.json").write_text(
        json.dumps({"model_type": "own", "auto_map": {"AutoModel": "own.Model"}})
    )
    with pytest.raises(MmfeatError, match="program code from its own repository.*never run"):
        load_backbone(f"hf:{tmp_path}", "cpu")
    (tmp_path / "open_clip_config.json").write_text("{}")
    with pytest.raises(MmfeatError, match="is a model of open_clip; give open_clip:local-dir:"):
        load_backbone(f"hf:{tmp_path}", "cpu")


def test_hooks_are_listed_a_line_for_blocks_that_are_alike(tmp_path: Path) -> None:
    spec = save_config(tmp_path / "m", SMALL)
    shown = CliRunner().invoke(app, ["hooks", spec])
    assert shown.exit_code == 0, shown.output
    lines = [line.split() for line in shown.stdout.splitlines()]
    assert len(lines) == 8  # of 73 hook points
    assert lines[0][:4] == ["hook", "point", "N", "width"]
    assert "image.patch: 4 x 4, text.pooled: 1, text.token: one a token" in shown.stdout
    assert lines[2][:5] == ["vision.blocks.N.attn", "0", "to", "11", "32"]
    whole = json.loads(CliRunner().invoke(app, ["hooks", spec, "--json"]).stdout)
    assert len(whole) == 73
    assert whole["vision.blocks.11.mlp"] == {
        "d": 32,
        "streams": ["image.pooled", "image.patch"],
        "rows": {"image.pooled": 1, "image.patch": 16},
        "grid": [4, 4],
    }
    assert whole["text.blocks.3"]["rows"] == {"text.pooled": 1, "text.token": None}


def test_stages_of_other_widths_have_lines_of_their_own(tmp_path: Path) -> None:
    spec = save_family(tmp_path / "m", "resnet")
    shown = CliRunner().invoke(app, ["hooks", spec]).stdout.splitlines()
    assert [line.split() for line in shown if line.startswith("vision")] == [
        ["vision.blocks.N", str(n), str(32 << n), "image.patch:", str(16 >> n), "x", str(16 >> n)]
        for n in range(4)
    ]
    info = json.loads(CliRunner().invoke(app, ["info", spec, "--json"]).stdout)
    assert (info["vision"], info["d"], info["grid"]) == ("ModifiedResNet", 24, [2, 2])


def test_weights_that_were_downloaded_are_found_and_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert weights("hf:mmfeat/tiny") is None
    # The layout of the hub's cache: a folder a revision, and what `main` points to.
    folder = tmp_path / "models--mmfeat--tiny"
    revision = "0123456789abcdef0123456789abcdef01234567"
    hf_models.save(folder / "snapshots" / revision, hf_models.clip)
    (folder / "refs").mkdir()
    (folder / "refs" / "main").write_text(revision)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    assert weights("hf:mmfeat/tiny") == folder / "snapshots" / revision
    assert weights("hf:mmfeat/other") is None
    assert weights("hf:a/b/c") is None
    before = json.loads(recorded_of("hf:mmfeat/tiny", tmp_path))["inputs"]["backbone"]
    config = folder / "snapshots" / revision / "config.json"
    config.write_text(config.read_text().replace("\n", "\n "))
    after = json.loads(recorded_of("hf:mmfeat/tiny", tmp_path))["inputs"]["backbone"]
    assert before["name"] == after["name"] == revision
    assert before["sha256"] != after["sha256"]


def recorded_of(spec: str, folder: Path) -> str:
    from mmfeat.extraction import ExtractSettings, recorded

    corpus = folder / "corpus.txt"
    corpus.write_text("any input")
    return recorded(corpus, ExtractSettings(backbone=spec))
