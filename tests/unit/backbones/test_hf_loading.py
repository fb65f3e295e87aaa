from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
import torch
from huggingface_hub import errors
from safetensors.torch import load_file, save_file
from transformers import AutoModel

from mmfeat.backbones import hf_loading
from mmfeat.backbones.dual_encoder import DualEncoderBackbone, handles
from mmfeat.backbones.hf_loading import load_model, load_processor, read_config
from mmfeat.errors import MmfeatError
from tests.unit.backbones.hf_models import clip, save, siglip

try:  # by which huggingface_hub speaks, and its older versions
    import httpx2 as httpx
except ImportError:
    import httpx

CPU = torch.device("cpu")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return save(tmp_path / "a model", clip)


def change(folder: Path, **values: Any) -> None:
    path = folder / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | values))


def load(folder: Path) -> Any:
    return load_model(f"hf:{folder}", str(folder), AutoModel, CPU)


def test_a_model_is_loaded_as_it_was_saved(folder: Path) -> None:
    model = load(folder)
    saved = load_file(folder / "model.safetensors")
    assert saved.keys() == model.state_dict().keys()
    assert all(torch.equal(value, saved[name]) for name, value in model.state_dict().items())
    assert not model.training
    assert not any(parameter.requires_grad for parameter in model.parameters())
    assert read_config("hf:x", str(folder))["model_type"] == "clip"
    assert load_processor("hf:x", str(folder)).tokenizer("a").input_ids


def test_half_precision_stays_half(tmp_path: Path) -> None:
    model = load(save(tmp_path, clip, torch.bfloat16))
    assert {parameter.dtype for parameter in model.parameters()} == {torch.bfloat16}


@pytest.mark.parametrize("name", ["/nowhere", "./model", "a/b/c", "my model", "", "../x"])
def test_what_is_neither_folder_nor_repository_is_refused(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    with pytest.raises(MmfeatError, match="names no folder that is there, and no repository"):
        read_config(f"hf:{name}", name)


def test_a_folder_without_a_configuration_is_refused(tmp_path: Path) -> None:
    with pytest.raises(MmfeatError, match="has no config.json; give a folder"):
        read_config("hf:x", str(tmp_path))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "is no configuration of a transformers model"),
        ("[]", "it holds no object"),
        ("{}", "it has no model_type"),
        ('{"model_type": 3}', "it has no model_type"),
        ("[" * 100_000, "is no configuration"),
        (" " * (16 << 20) + "{}", "it is too large"),
        (b"\xff\xfe", "is no configuration"),
    ],
)
def test_a_damaged_configuration_is_refused(
    tmp_path: Path, text: str | bytes, message: str
) -> None:
    (tmp_path / "config.json").write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(MmfeatError, match=message):
        read_config("hf:x", str(tmp_path))


def test_an_unknown_architecture_is_refused(folder: Path) -> None:
    change(folder, model_type="clip9")
    with pytest.raises(MmfeatError, match=r"does not know the architecture 'clip9'.*pip install"):
        load(folder)


def test_program_code_of_a_repository_is_never_run(folder: Path) -> None:
    (folder / "modeling_x.py").write_text("raise SystemExit('it ran')\n")
    own = {"AutoConfig": "modeling_x.C", "AutoModel": "modeling_x.M"}
    change(folder, model_type="clip9", auto_map=own)
    with pytest.raises(MmfeatError, match="needs program code from its own repository"):
        load(folder)
    # Where transformers knows the architecture, its own code is run instead.
    change(folder, model_type="clip")
    assert type(load(folder)).__module__ == "transformers.models.clip.modeling_clip"


def test_nothing_is_unpickled(folder: Path) -> None:
    torch.save(load_file(folder / "model.safetensors"), folder / "pytorch_model.bin")
    (folder / "model.safetensors").unlink()
    with pytest.raises(MmfeatError, match="has no weights as safetensors, and nothing else"):
        load(folder)


@pytest.mark.parametrize("size", [0, 4, 1000, -100])
def test_damaged_weights_are_refused(folder: Path, size: int) -> None:
    weights = folder / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:size])
    with pytest.raises(MmfeatError, match=r"The weights of .* are damaged or incomplete"):
        load(folder)


def vision(folder: Path, **values: Any) -> None:
    change(folder, vision_config=read_config("", str(folder))["vision_config"] | values)


def test_a_configuration_with_more_layers_than_the_weights_is_refused(folder: Path) -> None:
    vision(folder, num_hidden_layers=4)
    message = r"do not fit its config.json: 16 tensors \(vision_model.encoder.layers.3.*are not in"
    with pytest.raises(MmfeatError, match=message):
        load(folder)


def test_a_configuration_with_fewer_layers_than_the_weights_is_refused(folder: Path) -> None:
    vision(folder, num_hidden_layers=2)
    with pytest.raises(MmfeatError, match=r"16 tensors .*layers.2.*are more than its layers"):
        load(folder)


def test_a_configuration_of_another_width_is_refused(folder: Path) -> None:
    vision(folder, intermediate_size=56)
    with pytest.raises(MmfeatError, match=r"9 tensors .*mlp.fc1.bias.*have other shapes"):
        load(folder)


def test_a_configuration_of_no_sense_is_refused(folder: Path) -> None:
    vision(folder, hidden_act="no such thing")
    with pytest.raises(MmfeatError, match="cannot be loaded.*check its files"):
        load(folder)


def test_left_over_heads_do_not_matter(folder: Path) -> None:
    tensors = load_file(folder / "model.safetensors")
    tensors["classifier.weight"] = torch.zeros(3, 3)
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
    assert load(folder)


def test_a_missing_tokenizer_is_refused(folder: Path) -> None:
    for name in ("tokenizer.json", "tokenizer_config.json"):
        (folder / name).unlink()
    with pytest.raises(MmfeatError, match="The tokenizer of hf:x has no vocabulary"):
        load_processor("hf:x", str(folder))


def test_a_model_without_a_picture_processor_is_refused(folder: Path) -> None:
    (folder / "processor_config.json").unlink()
    with pytest.raises(MmfeatError):
        load_processor("hf:x", str(folder))


def response(status: int) -> Any:
    return httpx.Response(status, request=httpx.Request("GET", "https://huggingface.co"))


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (errors.GatedRepoError, "hf:a/b is gated: accept its conditions at .*/a/b.* hf auth login"),
        (errors.RepositoryNotFoundError, "The hub has no public model 'a/b'"),
        (errors.LocalEntryNotFoundError, "is not on this machine.*hf download a/b --local-dir DIR"),
        (errors.OfflineModeIsEnabled, "the hub cannot be reached"),
        (errors.RemoteEntryNotFoundError, "is no transformers model"),
    ],
)
def test_what_the_hub_answers_is_said_in_one_sentence(error: Any, message: str) -> None:
    if issubclass(error, errors.HfHubHTTPError):
        cause = error("no", response=response(404))
    else:
        cause = error("no")
    # transformers wraps what the hub's client raises.
    wrapped = OSError("something else")
    wrapped.__cause__ = cause
    for raised in (cause, wrapped):
        sentence = str(hf_loading._failure("hf:a/b", "a/b", raised))
        assert "\n" not in sentence and sentence.endswith(".")

        assert re.search(message, sentence)


def test_a_processor_of_another_model_is_refused(folder: Path) -> None:
    path = folder / "processor_config.json"
    config = json.loads(path.read_text())
    config["image_processor"]["crop_size"] = {"height": 40, "width": 40}
    path.write_text(json.dumps(config))
    with pytest.raises(MmfeatError, match="does not run on what its own processor gives"):
        DualEncoderBackbone(f"hf:{folder}", str(folder), "cpu")


def test_dual_encoders_are_known_by_their_configuration(tmp_path: Path) -> None:
    assert handles(json.loads((save(tmp_path, siglip) / "config.json").read_text()))
    assert handles({"model_type": "clip"})
    assert handles({"model_type": "align", "architectures": ["AlignModel"]})
    assert not handles({"model_type": "clip_vision_model"})
    assert not handles({"model_type": "llava"})
    assert not handles({"model_type": "blip", "architectures": ["BlipForConditionalGeneration"]})
    assert not handles({"model_type": "no such thing"})
    assert not handles({})
