"""The table of languages: what is written is what is read, and files that lie are refused."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import combinations
from pathlib import Path

import h5py
import numpy as np
import pytest
from scipy import sparse

from mmfeat import hdf5
from mmfeat.analysis.codes import encode_stream, load_matching
from mmfeat.analysis.cofiring import AVERAGED, MEASURES
from mmfeat.analysis.firing import firing
from mmfeat.analysis.held_out import held_out
from mmfeat.analysis.languages import Level, Reach
from mmfeat.analysis.sentences import sentence
from mmfeat.analysis.units import UnitFiring, pooled_firing, same_text
from mmfeat.atlas.checked import CheckedFile
from mmfeat.atlas.evidence import IMAGE, TEXT, Evidence
from mmfeat.atlas.language_table import LanguageTable, write
from mmfeat.corpus.file import open_corpus
from mmfeat.errors import MmfeatError
from mmfeat.progress import SILENT, ignore
from mmfeat.store.activations import open_activations

KIND = "mmfeat-atlas"


@pytest.fixture(scope="module")
def evidence(sae_path: Path, corpus_path: Path) -> Iterator[Evidence]:
    with (
        open_activations(sae_path.with_name("activations.h5")) as acts,
        open_corpus(corpus_path) as corpus,
    ):
        trained, hook = load_matching(sae_path, acts)
        streams = {name: acts.stream(hook, name) for name in (IMAGE, TEXT)}
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
            alive=np.ones(trained.d_sae, bool),
            test=held_out(acts, hook, corpus),
        )


def write_table(target: Path, evidence: Evidence) -> Path:
    """Write the table beside the scores of an atlas that it is read with."""
    image, text = evidence.streams[IMAGE], evidence.streams[TEXT]
    on_image = firing(evidence.codes[IMAGE], image.group, 1)
    on_text = firing(evidence.codes[TEXT], text.group, len(evidence.languages))
    sharing = evidence.sharing
    with hdf5.create(target, KIND, "{}") as file:
        file["features/firing_rate_image"] = on_image.rate[:, 0]
        file["features/energy_image"] = on_image.energy[:, 0]
        file["features/testable"], file["features/shared"] = sharing.testable, sharing.shared
        group = file.create_group("features/by_language")
        group["firing_rate"], group["energy"] = on_text.rate, on_text.energy
        group["p"], group["effect"] = sharing.p, sharing.lower
        group["shared"] = sharing.shared_in_language
        write(file, evidence, SILENT)
    return target


@pytest.fixture(scope="module")
def path(evidence: Evidence, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_table(tmp_path_factory.mktemp("languages") / "table.h5", evidence)


@pytest.fixture(scope="module")
def table(path: Path, evidence: Evidence) -> Iterator[LanguageTable]:
    data = CheckedFile(path, KIND)
    yield LanguageTable(data, evidence.trained.d_sae, evidence.languages)
    data.close()


def dense(evidence: Evidence) -> tuple[np.ndarray, np.ndarray]:
    """Pictures' codes, and captions', as float64 [rows, d_sae]."""
    image, text = (evidence.codes[name].matrix().toarray() for name in (IMAGE, TEXT))
    return image, text


def test_a_row_is_what_the_codes_say(table: LanguageTable, evidence: Evidence) -> None:
    image, text = dense(evidence)
    language = evidence.streams[TEXT].language
    parts = [image] + [text[language == i] for i in range(len(evidence.languages))]
    sharing = evidence.sharing
    for feature in range(0, evidence.trained.d_sae, 9):
        row = table.row(feature)
        assert row.columns == ("image", *evidence.languages)
        z = [part[:, feature] for part in parts]
        rate = np.array([(values > 0).mean() for values in z])
        np.testing.assert_allclose(row.rate, rate, rtol=1e-6)
        np.testing.assert_allclose(row.energy, [(values**2).mean() for values in z], rtol=1e-5)
        count = np.array([(values > 0).sum() for values in z])
        largest = max([r for r, n in zip(rate, count, strict=True) if n >= 5], default=np.inf)
        wanted = [
            2 if n >= 5 and r >= 0.1 * largest else int(n > 0)
            for r, n in zip(rate, count, strict=True)
        ]
        assert row.level.tolist() == wanted
        p = rate[1:] / rate[1:].sum() if rate[1:].any() else np.full(len(rate) - 1, np.nan)
        entropy = -sum(x * np.log(x) for x in p if x != 0)
        assert row.entropy == pytest.approx(entropy, abs=1e-6, nan_ok=True)
        assert row.relative_entropy == pytest.approx(
            entropy / np.log(len(p)), abs=1e-6, nan_ok=True
        )
        mean = np.array([values.mean() for values in z[1:]])
        others = [np.delete(mean, i).mean() for i in range(len(mean))]
        np.testing.assert_allclose(row.specificity, mean - others, atol=1e-5)
        np.testing.assert_array_equal(row.p, sharing.p[feature])
        np.testing.assert_array_equal(row.effect, sharing.lower[feature])
        either = sharing.n_image + sharing.n_text - sharing.overlap
        with np.errstate(invalid="ignore"):
            jaccard = (sharing.overlap / either)[feature]
        np.testing.assert_allclose(row.measures["jaccard"].value, jaccard, rtol=1e-6)
        for name in MEASURES:
            estimate = row.measures[name]
            known = ~np.isnan(estimate.value)
            assert (estimate.low[known] <= estimate.value[known] + 1e-6).all()
            assert (estimate.high[known] >= estimate.value[known] - 1e-6).all()


def test_the_matrices_are_those_of_a_plain_loop_over_units(
    table: LanguageTable, evidence: Evidence
) -> None:
    units = evidence.units
    same = same_text(evidence.acts, evidence.corpus.captions.text)
    fires = [matrix.toarray() > 0 for matrix in units.text]
    busiest = np.argsort(-sum(matrix.sum(0) for matrix in fires))[:4]
    jaccards = np.full((evidence.trained.d_sae, len(fires), len(fires)), np.nan)
    for a, b in combinations(range(len(fires)), 2):
        rows = units.has_text[:, a] & units.has_text[:, b] & ~same[a, b]
        for feature in range(len(jaccards)):
            x, y = fires[a][rows, feature], fires[b][rows, feature]
            if (x | y).any():
                value = (x & y).sum() / (x | y).sum()
                jaccards[feature, a, b] = jaccards[feature, b, a] = value
    for feature in busiest.tolist():
        row = table.row(feature)
        np.testing.assert_allclose(row.jaccard[1:, 1:], jaccards[feature], rtol=1e-6)
        np.testing.assert_array_equal(row.jaccard[0, 1:], row.measures["jaccard"].value)
        np.testing.assert_array_equal(row.pair_p[1:, 0], row.p)
        np.testing.assert_array_equal(row.pair_p, row.pair_p.T)
        wanted = [np.nanmean(jaccards[feature, i]) for i in range(len(fires))]
        np.testing.assert_allclose(row.consistency[1:], wanted, rtol=1e-5)
    found = table.similarity()
    np.testing.assert_allclose(found.matrix[1, 2], np.nanmean(jaccards[:, 0, 1]), rtol=1e-6)
    chosen = busiest[[2, 0, 3, 0]]
    some = table.similarity_of(chosen)
    np.testing.assert_allclose(
        some.matrix[3, 5], np.nanmean(jaccards[np.unique(chosen), 2, 4]), rtol=1e-6
    )
    assert sorted(some.order.tolist()) == list(range(len(fires) + 1))


def test_a_selection_of_all_is_the_whole(table: LanguageTable, evidence: Evidence) -> None:
    whole, selected = table.similarity(), table.similarity_of(np.arange(evidence.trained.d_sae))
    np.testing.assert_allclose(selected.matrix, whole.matrix, rtol=1e-6)
    assert selected.order.tolist() == whole.order.tolist()
    mean, counted = table.means()["jaccard"]
    np.testing.assert_allclose(whole.matrix[0, 1:], mean.value, rtol=1e-6)
    assert (counted > 0).all() and set(table.means()) == set(AVERAGED)
    nothing = table.similarity_of(np.zeros(0, np.int64)).matrix
    assert np.isnan(nothing[0, 1]) and nothing[0, 0] == 1


def test_scores_classes_and_facts_fit_the_rows(table: LanguageTable, evidence: Evidence) -> None:
    d_sae = evidence.trained.d_sae
    facts = table.facts(0, d_sae)
    kinds = table.classes
    for feature in range(0, d_sae, 7):
        row, known = table.row(feature), facts[feature]
        fires = [tag for tag, own in known.captions.items() if own == Level.FIRES]
        assert known.pictures == row.level[0] and known.reach == row.reach
        assert list(known.captions.values()) == row.level[1:].tolist()
        assert known.shared == evidence.sharing.shared[feature]
        assert known.testable == evidence.sharing.testable[feature]
        assert known.shared_languages == evidence.sharing.shared_in_language[feature].sum()
        if known.weakest:
            assert evidence.languages.index(known.weakest) == np.argmin(row.rate[1:])
        assert kinds["one_language"][feature] == (len(fires) == 1)
        assert kinds["pictures_only"][feature] == (not fires and row.level[0] == Level.FIRES)
        assert table.scores["reach"][feature] == row.reach
        assert sentence(known).startswith("Fires ") and sentence(known, "ko").endswith(".")
    assert table.facts(3, 5) == facts[3:5]
    n = len(evidence.languages)
    assert (table.scores["n_consistent"] <= table.scores["n_pairs"]).all()
    assert table.scores["n_pairs"].max() <= n * (n - 1) // 2
    assert {Reach(value) for value in table.scores["reach"].tolist()} >= {Reach.NONE}


def test_without_test_units_the_rest_of_the_table_is_there(
    evidence: Evidence, tmp_path: Path
) -> None:
    d_sae, n = evidence.trained.d_sae, len(evidence.languages)
    nothing = sparse.csc_array((0, d_sae), dtype=np.int64)
    units = UnitFiring(nothing, [nothing] * n, np.zeros(0, bool), np.zeros((0, n), bool))
    empty = replace(
        evidence,
        units=units,
        sharing=units.sharing(),
        test=replace(evidence.test, same_text=np.zeros((n, n, 0), bool)),
    )
    data = CheckedFile(write_table(tmp_path / "train-only.h5", empty), KIND)
    table = LanguageTable(data, d_sae, evidence.languages)
    row = table.row(0)
    assert np.isnan(row.jaccard).all() and np.isnan(row.measures["phi"].high).all()
    assert np.isfinite(row.rate).all() and np.isfinite(row.entropy) == bool(row.rate[1:].any())
    assert np.isnan(table.similarity().matrix[0, 1]) and table.means()["jaccard"][1].sum() == 0
    data.close()


def test_what_does_not_exist_is_refused(table: LanguageTable, evidence: Evidence) -> None:
    d_sae = evidence.trained.d_sae
    for feature in (-1, d_sae):
        with pytest.raises(MmfeatError, match=f"no feature {feature}; give one from 0 to"):
            table.row(feature)
        with pytest.raises(MmfeatError, match="no feature"):
            table.similarity_of(np.array([0, feature]))
    with pytest.raises(MmfeatError, match=f"has {d_sae} features, not 0 to {d_sae + 1}"):
        table.facts(0, d_sae + 1)


@pytest.mark.parametrize(
    ("name", "value", "what"),
    [
        ("by_pair/languages", lambda old: old[::-1], "not the pairs of its languages"),
        ("by_language/level", lambda old: old + 5, "a value that means nothing"),
        ("by_language/reach", lambda old: old - 9, "a value that means nothing"),
        ("language_similarity/order", lambda old: old * 0, "no order of its columns"),
        ("by_pair/jaccard", lambda old: old[:, 1:], "its shape is"),
        ("by_language/phi_low", lambda old: old.astype(np.int64), "its type is int64"),
        ("by_language/consistency", None, "it is missing"),
    ],
)
def test_a_file_that_lies_is_refused_by_name(
    path: Path, evidence: Evidence, tmp_path: Path, name: str, value, what: str
) -> None:
    target = tmp_path / "lies.h5"
    target.write_bytes(path.read_bytes())
    with h5py.File(target, "r+") as file:
        old = file[name][()]
        del file[name]
        if value:
            file[name] = value(np.nan_to_num(old))
    data = CheckedFile(target, KIND)
    try:
        with pytest.raises(MmfeatError, match=f"damaged at /{name}: .*{what}"):
            table = LanguageTable(data, evidence.trained.d_sae, evidence.languages)
            table.similarity()
            table.row(0)
    finally:
        data.close()


def test_a_page_reads_little_of_a_packed_dataset(path: Path, evidence: Evidence) -> None:
    with h5py.File(path, "r") as file:
        n = len(evidence.languages)
        for name, width in (("by_pair/jaccard", n * (n - 1) // 2), ("by_language/phi_low", n)):
            dataset = file[name]
            assert dataset.compression == "gzip"
            assert dataset.chunks[1] == width and dataset.chunks[0] * width <= 1 << 14
        assert all(
            file[group].attrs["encoding-version"] == "1.0"
            for group in ("by_language", "by_language/means", "by_pair", "language_similarity")
        )


def test_pairs_are_those_of_the_row(table: LanguageTable, evidence: Evidence) -> None:
    for feature in (0, evidence.trained.d_sae - 1):
        row, pairs = table.row(feature), table.pairs(feature)
        np.testing.assert_array_equal(pairs.jaccard, row.jaccard)
        np.testing.assert_array_equal(pairs.p, row.pair_p)
        np.testing.assert_array_equal(pairs.effect[0, 1:], row.effect)
        np.testing.assert_array_equal(pairs.effect, pairs.effect.T)
        np.testing.assert_array_equal(pairs.with_pictures.low, row.measures["jaccard"].low)
