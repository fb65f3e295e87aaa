"""The bridge and the geometry of an atlas: written from the real path, read back, not believed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np
import pytest
from scipy.stats import norm

from mmfeat import hdf5
from mmfeat.analysis.codes import encode_stream, load_matching
from mmfeat.analysis.held_out import held_out
from mmfeat.analysis.units import pooled_firing, unit_of_items
from mmfeat.atlas import bridge, geometry
from mmfeat.atlas.bridge import BridgeReader
from mmfeat.atlas.checked import CheckedFile
from mmfeat.atlas.evidence import IMAGE, TEXT, Evidence
from mmfeat.atlas.geometry import GeometryReader
from mmfeat.corpus.file import open_corpus
from mmfeat.errors import MmfeatError
from mmfeat.progress import SILENT, ignore
from mmfeat.store.activations import open_activations

KIND = "mmfeat-atlas"
FEATURES = 96


@pytest.fixture(scope="module")
def evidence(activations_path: Path, sae_path: Path, corpus_path: Path) -> Iterator[Evidence]:
    with open_activations(activations_path) as acts, open_corpus(corpus_path) as corpus:
        trained, hook = load_matching(sae_path, acts)
        streams = {name: acts.stream(hook, name) for name in (IMAGE, TEXT)}
        codes = {name: encode_stream(trained, own, ignore) for name, own in streams.items()}
        units = pooled_firing(acts, streams[IMAGE], streams[TEXT], codes[IMAGE], codes[TEXT])
        count = sum(np.bincount(own.indices, minlength=trained.d_sae) for own in codes.values())
        yield Evidence(
            acts=acts,
            hook=hook,
            trained=trained,
            corpus=corpus,
            streams=streams,
            codes=codes,
            units=units,
            sharing=units.sharing(),
            alive=count >= 200,
            test=held_out(acts, hook, corpus),
        )


@pytest.fixture(scope="module")
def path(evidence: Evidence, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("parts") / "atlas.h5"
    with hdf5.create(path, KIND, "{}") as file:
        bridge.write(file, evidence, SILENT)
        geometry.write(file, evidence, SILENT)
    return path


@pytest.fixture
def data(path: Path) -> Iterator[CheckedFile]:
    opened = CheckedFile(path, KIND)
    yield opened
    opened.close()


def test_partners_are_the_largest_entries_over_test_units(
    evidence: Evidence, data: CheckedFile
) -> None:
    acts, image, text = evidence.acts, evidence.streams[IMAGE], evidence.streams[TEXT]
    unit = unit_of_items(acts)
    x, y = [], []
    dense = {name: evidence.codes[name].matrix().toarray() for name in (IMAGE, TEXT)}
    for row in np.flatnonzero(unit[image.item] >= 0):
        means = []
        for tag in range(len(acts.languages)):
            own = np.flatnonzero((text.item == image.item[row]) & (text.language == tag))
            if len(own):
                means.append(dense[TEXT][own].mean(0))
        if means:
            x.append(dense[IMAGE][row])
            y.append(np.mean(means, 0))
    a, b = np.stack(x), np.stack(y)
    d = evidence.trained.decoder.double().numpy()
    d /= np.linalg.norm(d, axis=1, keepdims=True)
    truth = (a - a.mean(0)).T @ (b - b.mean(0)) / len(a) * (d @ d.T)
    truth[(a > 0).T.astype(int) @ (b > 0) == 0] = np.nan
    reader = BridgeReader(data, FEATURES, evidence.languages)
    assert reader.summary["pairs"] == len(a)
    for side, expected in (("image", truth), ("text", truth.T)):
        mass = np.nansum(np.abs(expected), 1)
        np.testing.assert_allclose(reader.mass(side), mass, rtol=1e-4, atol=1e-9)
        for feature in range(0, FEATURES, 5):
            found = reader.partners(feature, side)
            row = np.abs(np.nan_to_num(expected[feature]))
            assert len(found) == min(10, (~np.isnan(expected[feature])).sum())
            best = np.sort(row)[::-1][: len(found)]
            np.testing.assert_allclose([abs(p.value) for p in found], best, rtol=1e-4, atol=1e-9)
            for partner in found:
                truly = expected[feature, partner.feature]
                assert partner.value == pytest.approx(truly, rel=1e-4, abs=1e-9)
                assert partner.p == pytest.approx(norm.sf(partner.z), nan_ok=True)
    own, z = reader.own()
    np.testing.assert_allclose(own, np.diag(truth), rtol=1e-4, atol=1e-9)
    r = np.array([np.corrcoef(a[:, f], b[:, f])[0, 1] for f in np.flatnonzero(~np.isnan(z))])
    np.testing.assert_allclose(z[~np.isnan(z)], r * np.sqrt(len(a) - 1), rtol=1e-4)


def test_partners_that_do_not_exist_are_refused(path: Path, tmp_path: Path) -> None:
    copy = tmp_path / "atlas.h5"
    copy.write_bytes(path.read_bytes())
    with h5py.File(copy, "r+") as file:
        file["bridge/image/index"][2, 0] = FEATURES
    data = CheckedFile(copy, KIND)
    with pytest.raises(MmfeatError, match="partners of feature 2 do not exist"):
        BridgeReader(data, FEATURES, ("en",)).partners(2, "image")
    data.close()


@pytest.mark.parametrize(
    ("reader", "place"),
    [
        (BridgeReader, "bridge/text/z"),
        (BridgeReader, "bridge/own/value"),
        (BridgeReader, "bridge"),
        (GeometryReader, "geometry/linearity_text"),
        (GeometryReader, "geometry/neurons/neuron"),
        (GeometryReader, "geometry"),
    ],
)
def test_a_missing_part_is_named(reader: type, place: str, path: Path, tmp_path: Path) -> None:
    copy = tmp_path / "atlas.h5"
    copy.write_bytes(path.read_bytes())
    with h5py.File(copy, "r+") as file:
        del file[place]
    data = CheckedFile(copy, KIND)
    with pytest.raises(MmfeatError, match=f"damaged at /{place}"):
        reader(data, FEATURES, ("en",))
    data.close()


def test_a_summary_that_is_no_object_is_refused(path: Path, tmp_path: Path) -> None:
    copy = tmp_path / "atlas.h5"
    copy.write_bytes(path.read_bytes())
    with h5py.File(copy, "r+") as file:
        for name in ("bridge", "geometry"):
            file[name].attrs["json"] = "[1]"
    data = CheckedFile(copy, KIND)
    for reader in (BridgeReader, GeometryReader):
        with pytest.raises(MmfeatError, match="a JSON object is needed"):
            reader(data, FEATURES, ("en",))
    data.close()


def test_geometry_is_that_of_alive_features(evidence: Evidence, data: CheckedFile) -> None:
    reader = GeometryReader(data, FEATURES, evidence.languages)
    alive = evidence.alive
    assert 10 < alive.sum() < FEATURES
    d = evidence.trained.decoder.double().numpy()[alive]
    cosine = d @ d.T
    np.fill_diagonal(cosine, 0)
    for name, values in (
        ("interference_max", np.abs(cosine).max(1)),
        ("interference_rms", np.sqrt((cosine**2).sum(1) / (len(d) - 1))),
    ):
        column = reader.column(name)
        np.testing.assert_allclose(column[alive], values, rtol=1e-4)
        assert np.isnan(column[~alive]).all()
    found = reader.summary["superposition"]
    assert found["alive"] == len(d)
    assert found["features_per_dimension"] == pytest.approx(len(d) / evidence.trained.d_in)
    mean = (cosine**2).sum() / len(d) / (len(d) - 1)
    assert found["mean_square_cosine"] == pytest.approx(mean, rel=1e-4)
    for name in ("linearity_image", "linearity_text"):
        column = reader.column(name)
        known = column[~np.isnan(column)]
        assert len(known) > 10 and (known >= 0).all() and (known <= 1 + 1e-6).all()
        assert np.isnan(column[~alive]).all()


def test_neurons_are_the_dimensions_of_the_hook_point(
    evidence: Evidence, data: CheckedFile
) -> None:
    reader = GeometryReader(data, FEATURES, evidence.languages)
    strongest = []
    z = evidence.codes[IMAGE].matrix().toarray()
    x = np.asarray(evidence.streams[IMAGE].x[:], np.float64)
    for feature in np.flatnonzero(evidence.alive & (z.std(0) > 0)):
        r = np.array([np.corrcoef(z[:, feature], column)[0, 1] for column in x.T])
        (found,) = (n for n in reader.neurons(int(feature)) if n.stream == IMAGE)
        assert found.hook == "joint"
        assert found.neuron == np.abs(r).argmax()
        assert found.correlation == pytest.approx(r[found.neuron], abs=1e-5)
        strongest.append(np.abs(r).max())
    summary = reader.summary["neurons"][IMAGE]
    assert summary["weak"]["joint"] == pytest.approx((np.array(strongest) <= 0.3).mean())
    assert summary["weak_elsewhere"] is None  # there is no other hook point


def test_summaries_hold_no_nan(path: Path, evidence: Evidence) -> None:
    with h5py.File(path) as file:
        for name in ("bridge", "geometry"):
            text = file[name].attrs["json"]
            assert "NaN" not in text and "Infinity" not in text
        cknna = json.loads(file["geometry"].attrs["json"])["cknna"]
    assert cknna["k"] == 10
    assert set(cknna["code"]["cknna"]) == {*evidence.languages, "mean"}
    assert cknna["embedding"]["cknna"]["mean"] > 3 * abs(cknna["embedding"]["chance"]["mean"])


def test_a_corpus_without_test_concepts_has_parts_that_say_nothing(
    evidence: Evidence, activations_path: Path, tmp_path: Path
) -> None:
    path = tmp_path / "atlas.h5"
    with open_activations(activations_path) as acts:
        acts.split = np.full(len(acts.split), "train")
        with hdf5.create(path, KIND, "{}") as file:
            untested = replace(evidence, acts=acts, test=None, hook="elsewhere")
            bridge.write(file, untested, SILENT)
            geometry.write(file, untested, SILENT)
    data = CheckedFile(path, KIND)
    reader = BridgeReader(data, FEATURES, evidence.languages)
    assert reader.summary["pairs"] == 0 and reader.summary["diagonal"] is None
    assert reader.partners(0, "image") == [] and np.isnan(reader.own()[0]).all()
    summary = GeometryReader(data, FEATURES, evidence.languages).summary
    assert summary["cknna"]["code"]["cknna"] == {"mean": None}
    # The SAE is said to act elsewhere: the joint space is another hook point then.
    for name in (IMAGE, TEXT):
        found = summary["neurons"][name]
        assert found["weak_elsewhere"] == found["weak"]["joint"]
        assert found["weak"]["joint"] is not None
    data.close()


def test_an_sae_without_alive_features_has_a_geometry(evidence: Evidence, tmp_path: Path) -> None:
    path = tmp_path / "atlas.h5"
    dead = replace(evidence, alive=np.zeros(FEATURES, bool))
    with hdf5.create(path, KIND, "{}") as file:
        geometry.write(file, dead, SILENT)
    data = CheckedFile(path, KIND)
    reader = GeometryReader(data, FEATURES, evidence.languages)
    assert all(np.isnan(reader.column(name)).all() for name in geometry.COLUMNS)
    assert reader.summary["superposition"]["mean_square_cosine"] is None
    assert reader.summary["linearity"][IMAGE]["additivity"] is None
    data.close()
