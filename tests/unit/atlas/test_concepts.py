from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np
import pytest

from mmfeat.analysis.codes import encode_stream, load_matching
from mmfeat.analysis.completeness import find_features, labels_of
from mmfeat.analysis.downstream import downstream
from mmfeat.analysis.held_out import held_out
from mmfeat.analysis.monosemanticity import monosemanticity, weighted
from mmfeat.analysis.units import pooled_firing
from mmfeat.atlas import concepts, positions
from mmfeat.atlas.build import build_atlas
from mmfeat.atlas.checked import CheckedFile
from mmfeat.atlas.concepts import Concepts
from mmfeat.atlas.evidence import IMAGE, TEXT, Evidence
from mmfeat.atlas.positions import Positions, write_positions
from mmfeat.corpus.file import open_corpus
from mmfeat.errors import MmfeatError
from mmfeat.extraction import ExtractSettings, extract
from mmfeat.hdf5 import create
from mmfeat.progress import SILENT, ignore
from mmfeat.store.activations import Stream, open_activations
from tests.unit.store.small import save_model

KIND = "mmfeat-atlas"
ALL = (IMAGE, TEXT, "image.patch", "text.token")


@pytest.fixture(scope="module")
def evidence(activations_path: Path, corpus_path: Path, sae_path: Path):
    with open_activations(activations_path) as acts, open_corpus(corpus_path) as corpus:
        trained, hook = load_matching(sae_path, acts)
        streams = {name: acts.stream(hook, name) for name in ALL}
        codes = {name: encode_stream(trained, stream, ignore) for name, stream in streams.items()}
        units = pooled_firing(acts, streams[IMAGE], streams[TEXT], codes[IMAGE], codes[TEXT])
        yield Evidence(
            acts=acts,
            hook=hook,
            trained=trained,
            corpus=corpus,
            streams=streams,
            codes=codes,
            units=units,
            sharing=units.sharing(),
            alive=np.arange(trained.d_sae) % 8 > 0,
            test=held_out(acts, hook, corpus),
        )


@pytest.fixture(scope="module")
def second_path(corpus_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The pictures by another model."""
    folder = tmp_path_factory.mktemp("second")
    settings = ExtractSettings(
        backbone=save_model(folder / "model"), streams=("image.pooled",), device="cpu"
    )
    extract(corpus_path, folder / "activations.h5", settings)
    return folder / "activations.h5"


@pytest.fixture(scope="module")
def second(second_path: Path):
    with open_activations(second_path) as acts:
        yield acts.stream("joint", IMAGE)


@pytest.fixture(scope="module")
def path(evidence: Evidence, second: Stream, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("concepts") / "part.h5"
    with create(path, KIND, "{}") as file:
        concepts.write(file, replace(evidence, second=second), SILENT)
        for name in ("image.patch", "text.token"):
            write_positions(file, evidence, name, evidence.streams[name], evidence.codes[name])
    return path


def opened(path: Path, evidence: Evidence) -> tuple[CheckedFile, Concepts, Positions]:
    data = CheckedFile(path, KIND)
    about = evidence.trained.d_sae, evidence.languages
    return data, Concepts(data, *about), Positions(data, *about)


def test_the_features_of_labels_are_those_of_the_codes(path: Path, evidence: Evidence) -> None:
    data, read, _ = opened(path, evidence)
    found = read.found()
    acts, corpus = evidence.acts, evidence.corpus
    attributes = labels_of(corpus.attributes, len(acts.item_id), 6)
    count = len(attributes.value)
    assert read.labels[:count] == list(zip(attributes.attribute, attributes.value, strict=True))
    stream = evidence.streams[TEXT]
    rows = np.flatnonzero(stream.language == 3)
    item = stream.item[rows]
    own = find_features(
        evidence.codes[TEXT].select(rows),
        attributes.member[item],
        np.flatnonzero(acts.split[item] == "train"),
        np.flatnonzero(acts.split[item] == "test"),
    )
    for name in ("feature", "f1", "q", "has"):
        np.testing.assert_array_equal(found[name][:count, 4], getattr(own, name))
    tested = found["tested"][:, 4]
    assert read.completeness["bar"] == 0.5
    assert read.completeness["alive"] == evidence.alive.sum()
    curves = read.completeness["curves"]
    assert list(curves) == ["image", *evidence.languages]
    assert curves[evidence.languages[3]]["labels"] == tested.sum() > 10
    assert curves[evidence.languages[3]]["found"] == found["has"][:, 4].sum()
    data.close()


def test_a_concept_is_scored_on_the_half_of_its_test_items_that_did_not_choose(
    evidence: Evidence, tmp_path: Path
) -> None:
    # As if every subgroup were one concept: it is whole in one split.
    acts, kept = evidence.acts, evidence.acts.concept
    acts.concept = [f"c{i // 30}" for i in range(len(kept))]
    split = acts.split
    acts.split = np.where(np.arange(len(kept)) // 30 % 2, "test", "train")
    own = replace(evidence, test=None)
    try:
        with create(tmp_path / "part.h5", KIND, "{}") as file:
            concepts.write(file, own, SILENT)
    finally:
        acts.concept, acts.split = kept, split
    data, read = opened_concepts(tmp_path / "part.h5", evidence)
    found, stream = read.found(), evidence.streams[IMAGE]
    fires = evidence.codes[IMAGE].matrix().toarray() > 0
    label = read.labels.index(("concept", "c1"))
    assert ("concept", "c0") not in read.labels
    items = np.arange(len(kept))
    choose, score = (np.isin(stream.item, items[items // 30 % 2 == 1][half::2]) for half in (0, 1))
    member = np.isin(stream.item, items[30:60])
    f1 = 2 * (fires[choose & member]).sum(0) / (fires[choose].sum(0) + (choose & member).sum())
    best = int(f1.argmax())
    assert found["feature"][label, 0] == best
    both = fires[score & member, best].sum()
    expected = 2 * both / (fires[score, best].sum() + (score & member).sum())
    assert found["f1"][label, 0] == pytest.approx(expected)
    # Without test units nothing is said of retrieval and of monosemanticity.
    assert read.downstream == {}
    assert all(np.isnan(column).all() for column in read.monosemanticity().values())
    assert set(read.monosemanticity()) == {"image", "text", "across"}
    data.close()


def opened_concepts(path: Path, evidence: Evidence) -> tuple[CheckedFile, Concepts]:
    data = CheckedFile(path, KIND)
    return data, Concepts(data, evidence.trained.d_sae, evidence.languages)


def test_what_is_read_is_what_was_scored(path: Path, evidence: Evidence, second: Stream) -> None:
    data, read, _ = opened(path, evidence)
    image, text = evidence.codes[IMAGE], evidence.codes[TEXT]
    test = evidence.test
    assert test is not None
    groups = evidence.corpus.attributes["group"]
    assert read.downstream == downstream(test, evidence.trained, image, text, groups)
    columns = read.monosemanticity()
    assert len(columns) == 6
    for name, pictures in (("image", None), ("image_second", second)):
        own = monosemanticity(weighted(test.image, image, test.pictures, pictures))
        np.testing.assert_allclose(columns[name], own, rtol=1e-5)
    assert not np.allclose(columns["image"], columns["image_second"], equal_nan=True)
    absorbed = read.absorption(IMAGE)
    scored = absorbed.splitting > 0
    summary = read.absorption_summary[IMAGE]
    assert summary["labels"] == scored.sum() > 0
    assert summary["share"]["mean"] == pytest.approx(np.nanmean(absorbed.share[scored]))
    assert (absorbed.missed >= absorbed.absorbed).all()
    assert all(read.labels[i][0] != "concept" for i in np.flatnonzero(scored))
    data.close()


def test_purity_names_the_value_and_its_share_in_every_band(path: Path, evidence: Evidence) -> None:
    data, read, _ = opened(path, evidence)
    assert "group" in read.attributes and "emoji" not in read.attributes
    group = np.array(evidence.corpus.attributes["group"])
    stream, codes = evidence.streams[TEXT], evidence.codes[TEXT].matrix().toarray()
    is_test = evidence.acts.split[stream.item] == "test"
    seen = 0
    for feature in range(0, 96, 5):
        z = codes[:, feature].astype(np.float32)
        for own in read.purity(TEXT, feature):
            if own.attribute != "group":
                continue
            band = np.minimum(((1 - z / z.max()) * 4).astype(int), 3)
            assert own.base == pytest.approx((group[stream.item[is_test]] == own.value).mean())
            for b in range(4):
                rows = (z > 0) & (band == b) & is_test
                assert own.rows[b] == rows.sum()
                if rows.sum() >= 5:
                    share = (group[stream.item[rows]] == own.value).mean()
                    assert own.share[b] == pytest.approx(share)
                    seen += 1
    assert seen > 20
    data.close()


def test_patches_and_tokens_are_read_by_feature(path: Path, evidence: Evidence) -> None:
    data, _, read = opened(path, evidence)
    assert read.streams == ("image.patch", "text.token")
    for name in read.streams:
        stream, codes = evidence.streams[name], evidence.codes[name].matrix().toarray()
        for feature in range(0, 96, 13):
            own = read.of(name, feature)
            z = codes[:, feature]
            groups = stream.group
            for g in range(len(own.rate)):
                assert own.rate[g] == pytest.approx((z[groups == g] > 0).mean())
            if name == "text.token":
                assert own.mass is None and own.rate.shape == (14,)
            elif z.any():
                assert own.mass is not None and own.mass.shape == (8, 8)
                mass = np.bincount(stream.position, z, 64).reshape(8, 8) / z.sum()
                np.testing.assert_allclose(own.mass, mass, rtol=2e-3, atol=1e-5)
        assert own.parts_base.sum() == pytest.approx(1)
        columns = read.columns(name)
        assert columns["concentration"][feature] == own.concentration or not z.any()
    data.close()


def test_a_corpus_without_attributes_has_nothing_to_be_pure_of(
    evidence: Evidence, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(evidence.corpus, "attributes", {})
    with create(tmp_path / "part.h5", KIND, "{}") as file:
        concepts.write(file, replace(evidence, test=None), SILENT)
    data, read = opened_concepts(tmp_path / "part.h5", evidence)
    assert read.attributes == [] and read.purity(IMAGE, 0) == []
    assert read.absorption(TEXT).share.shape == (0,)
    assert read.completeness["curves"]["image"]["half"] is None
    data.close()


@pytest.mark.parametrize(
    ("name", "values", "message"),
    [
        ("concepts/completeness/f1", np.zeros((2, 2)), "its shape is"),
        ("concepts/absorption/image.pooled/share", np.array([b"x"]), "its type is"),
        ("concepts/purity/image.pooled/value", None, "no such value"),
        ("positions/image.patch/rate", np.zeros((3, 1), np.float32), "its shape is"),
        ("positions/text.token/mass", np.zeros((96, 1 << 9, 1 << 9), np.float16), "its shape is"),
    ],
)
def test_a_damaged_file_is_refused_by_name(
    path: Path, evidence: Evidence, tmp_path: Path, name: str, values: np.ndarray, message: str
) -> None:
    copy = tmp_path / "copy.h5"
    shutil.copyfile(path, copy)
    with h5py.File(copy, "r+") as file:
        if values is None:
            values = np.full(file[name].shape, 1 << 20, np.int32)
        if name in file:
            del file[name]
        file.create_dataset(name, data=values, compression="gzip" if values.ndim == 3 else None)
    with pytest.raises(MmfeatError, match=rf"damaged at /{name}.*{message}"):
        _, read, places = opened(copy, evidence)
        read.found()
        read.absorption(IMAGE)
        read.purity(IMAGE, 0)
        places.of("text.token", 0)


def test_a_part_that_is_not_json_is_refused(path: Path, evidence: Evidence, tmp_path: Path) -> None:
    copy = tmp_path / "copy.h5"
    shutil.copyfile(path, copy)
    with h5py.File(copy, "r+") as file:
        file["concepts/downstream"].attrs["json"] = "[1"
    with pytest.raises(MmfeatError, match="damaged at /concepts/downstream"):
        opened(copy, evidence)


def test_a_grid_too_large_is_left_out(
    evidence: Evidence, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(positions, "MOST_CELLS", 63)
    name = "image.patch"
    with create(tmp_path / "part.h5", KIND, "{}") as file:
        write_positions(file, evidence, name, evidence.streams[name], evidence.codes[name])
    data = CheckedFile(tmp_path / "part.h5", KIND)
    read = Positions(data, evidence.trained.d_sae, evidence.languages)
    assert read.streams == (name,) and read.of(name, 1).mass is None
    data.close()


def test_an_atlas_takes_a_second_encoder_of_the_same_corpus_alone(
    activations_path: Path, sae_path: Path, second_path: Path, tmp_path: Path
) -> None:
    out = tmp_path / "atlas.h5"
    build_atlas(activations_path, sae_path, out, thumbnails=False, second=second_path)
    with h5py.File(out) as file:
        columns = file["concepts/monosemanticity"]
        assert not np.allclose(columns["image"], columns["image_second"], equal_nan=True)
    other = tmp_path / "other.h5"
    other.write_bytes(second_path.read_bytes())
    with h5py.File(other, "r+") as file:
        file.attrs["corpus_digest"] = "0" * 64
    with pytest.raises(MmfeatError, match="were extracted from different corpora"):
        build_atlas(activations_path, sae_path, tmp_path / "b.h5", second=other)
    assert not (tmp_path / "b.h5").exists()
