from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from mmfeat.errors import MmfeatError
from mmfeat.figures import export


def read(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text("utf-8").split("\n")[:-1]]


def codes(file: h5py.File, stream: str, feature: int) -> np.ndarray:
    """Activations of a feature, from the codes by row."""
    own = file[f"codes/{stream}/by_row"]
    return own["data"][:][own["indices"][:] == feature].astype(np.float64)


def strongest(path: Path) -> int:
    with h5py.File(path) as file:
        return int(file["features/firing_rate_text"][:].argmax())


@pytest.fixture(scope="module")
def lines(atlas_path: Path, tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    out = tmp_path_factory.mktemp("features") / "f.jsonl"
    features = (strongest(atlas_path), 3, 0)
    found = export("features", atlas_path, out, feature=features, captions=2, pictures=4)
    assert found["features"] == len(set(features))
    return read(out)


def test_a_line_has_the_frequencies_of_its_codes(
    lines: list[dict[str, Any]], atlas_path: Path
) -> None:
    with h5py.File(atlas_path) as file:
        assert "text.token" in file["codes"]
        for line in lines:
            assert line["modelId"] == file.attrs["backbone"]
            assert line["layer"] == file.attrs["hook"]
            for key, stream in (("", "text.token"), ("picture_", "image.pooled")):
                values = codes(file, stream, int(line["index"]))
                rows = len(file[f"codes/{stream}/rows/item"])
                assert line[f"{key}stream"] == stream
                assert line[f"{key}maxActApprox"] == pytest.approx(values.max(initial=0))
                assert line[f"{key}frac_nonzero"] == pytest.approx(len(values) / rows)
                heights = line[f"{key}freq_hist_data_bar_heights"]
                centres = np.array(line[f"{key}freq_hist_data_bar_values"])
                assert sum(heights) == len(values)
                if len(values):
                    nearest = np.abs(values[:, None] - centres).min(1)
                    assert (nearest <= values.max() / len(centres) / 2 + 1e-6).all()


def test_neighbours_names_and_scores_are_the_atlases(
    lines: list[dict[str, Any]], atlas_path: Path
) -> None:
    with h5py.File(atlas_path) as file:
        tags = [tag.decode() for tag in file["languages"][:]]
        decoder = file["sae/decoder"][:].astype(np.float64)
        for line in lines:
            own = int(line["index"])
            for other, cosine in zip(
                line["topkCosSimIndices"], line["topkCosSimValues"], strict=True
            ):
                assert decoder[own] @ decoder[other] == pytest.approx(cosine, abs=1e-5)
            names = file["names/text"].asstr()[own].tolist()
            said = [(one["language"], one["description"]) for one in line["explanations"]]
            assert said == [pair for pair in zip(tags, names, strict=True) if pair[1]]
            place = [np.float32(line["umap_x"]), np.float32(line["umap_y"])]
            assert place == file["maps/umap"][own].tolist()
            for name, value in line["scores"].items():
                stored = file[f"features/{name}"][own]
                assert np.isnan(stored) if value is None else stored.dtype.type(value) == stored
            for at, tag in enumerate(tags):
                column = line["languages"][tag]
                assert column["name"] == names[at]
                rate = file["features/by_language/firing_rate"][own, at]
                assert np.float32(column["firing_rate"]) == rate


def test_tokens_join_to_captions_with_an_activation_each(
    lines: list[dict[str, Any]], atlas_path: Path
) -> None:
    line = lines[0]
    assert line["activations"]
    with h5py.File(atlas_path) as file:
        texts = set(file["captions/text"].asstr()[:].tolist())
        top = file["examples/text.pooled/top_activation"][int(line["index"]), :, :2]
        own = file["codes/text.token"]
        starts = own["rows/caption_start"][:]
        captions = file["captions/text"].asstr()[:].tolist()
        rows = own["by_row/indptr"][:]
        for one in line["activations"]:
            assert "".join(one["tokens"]) in texts
            assert len(one["tokens"]) == len(one["values"])
            assert one["maxValue"] == max(one["values"])
            assert one["values"][one["maxValueTokenIndex"]] == one["maxValue"]
        first = line["activations"][0]
        at = next(
            c
            for c in np.flatnonzero(np.array(captions) == "".join(first["tokens"]))
            if file["languages"][file["captions/language"][c]].decode() == first["language"]
            and file["items/item_id"].asstr()[file["captions/item"][c]] == first["item_id"]
        )
        for row, value in zip(range(starts[at], starts[at + 1]), first["values"], strict=True):
            part = slice(rows[row], rows[row + 1])
            fires = own["by_row/indices"][part] == int(line["index"])
            assert own["by_row/data"][part][fires].sum() == pytest.approx(value, rel=1e-6)
    assert len(line["activations"]) == (top > 0).sum()
    found = [one["activation"] for one in line["activations"]]
    assert found == sorted(found, reverse=True)
    assert np.float32(found[0]) == top.max()


def test_pictures_are_named_by_their_items(lines: list[dict[str, Any]], atlas_path: Path) -> None:
    with h5py.File(atlas_path) as file:
        ids = file["items/item_id"].asstr()[:]
        item = file["codes/image.pooled/rows/item"][:]
        for line in lines:
            top = file["examples/image.pooled/top"][int(line["index"]), :4]
            assert [one["item_id"] for one in line["pictures"]] == ids[item[top[top >= 0]]].tolist()


def test_line_breaks_in_names_stay_in_their_line(atlas_path: Path, tmp_path: Path) -> None:
    path = tmp_path / "broken.h5"
    shutil.copy(atlas_path, path)
    with h5py.File(path, "r+") as file:
        file["names/text"][0, 0] = "a\nb\u2028c\x85</script>"
        tag = file["languages"][0].decode()
    for out in (tmp_path / "a.jsonl", tmp_path / "b.jsonl"):
        export("features", path, out, feature=(0,), language=(tag,), captions=0, pictures=0)
    text = (tmp_path / "a.jsonl").read_text("utf-8")
    assert len(text.splitlines()) == 1
    (line,) = read(tmp_path / "a.jsonl")
    assert line["explanations"][0]["description"] == "a\nb\u2028c\x85</script>"
    assert list(line["languages"]) == [tag]
    assert (line["activations"], line["pictures"]) == ([], [])
    assert (tmp_path / "b.jsonl").read_text("utf-8") == text


def test_captions_without_tokens_are_one_piece(atlas_path: Path, tmp_path: Path) -> None:
    path = tmp_path / "pooled.h5"
    shutil.copy(atlas_path, path)
    with h5py.File(path, "r+") as file:
        del file["codes/text.token"]
    out = tmp_path / "f.jsonl"
    export("features", path, out, feature=(strongest(path),), captions=1)
    (line,) = read(out)
    assert line["stream"] == "text.pooled"
    for one in line["activations"]:
        assert len(one["tokens"]) == 1
        assert one["values"] == [one["activation"]]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"feature": (99999,)}, "has no feature 99999; give some from 0 to "),
        ({"language": ("sw",)}, "has no captions in sw; give some of "),
        ({"captions": -1}, "export features: captions: "),
    ],
)
def test_bad_options_are_one_sentence(
    options: dict[str, Any], message: str, atlas_path: Path, tmp_path: Path
) -> None:
    with pytest.raises(MmfeatError, match=message):
        export("features", atlas_path, tmp_path / "f.jsonl", **options)
    assert list(tmp_path.iterdir()) == []
