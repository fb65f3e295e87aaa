from __future__ import annotations

import json
import math
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import typer
from typer.testing import CliRunner

from mmfeat import hdf5
from mmfeat.analysis.codes import Codes, encode_stream, load_matching
from mmfeat.analysis.explainers import ChatExplainer
from mmfeat.analysis.held_out import held_out
from mmfeat.analysis.naming.combine import FLOOR
from mmfeat.analysis.naming.ngrams import segment
from mmfeat.analysis.units import pooled_firing, unit_of_items
from mmfeat.atlas import explanations, names
from mmfeat.atlas.checked import CheckedFile
from mmfeat.atlas.evidence import IMAGE, TEXT, Evidence
from mmfeat.atlas.explanations import add_explanations
from mmfeat.atlas.layout import KIND
from mmfeat.cli.names import explain
from mmfeat.corpus.file import open_corpus
from mmfeat.errors import MmfeatError
from mmfeat.progress import SILENT, ignore
from mmfeat.store.activations import open_activations
from tests.unit.analysis.chat_server import Reply, chat_server, says


def evidence_of(activations: Path, sae: Path, corpus: Path, tested: bool = True) -> Evidence:
    acts, items = open_activations(activations), open_corpus(corpus)
    if not tested:
        acts.split[:] = "train"
    trained, hook = load_matching(sae, acts)
    streams = {name: acts.stream(hook, name) for name in (IMAGE, TEXT)}
    codes = {name: encode_stream(trained, stream, ignore) for name, stream in streams.items()}
    units = pooled_firing(acts, streams[IMAGE], streams[TEXT], codes[IMAGE], codes[TEXT])
    count = np.zeros(trained.d_sae, int)
    for name, stream in streams.items():
        train = np.flatnonzero(acts.split[stream.item] == "train")
        count += np.bincount(codes[name].select(train).indices, minlength=trained.d_sae)
    return Evidence(
        acts=acts,
        hook=hook,
        trained=trained,
        corpus=items,
        streams=streams,
        codes=codes,
        units=units,
        sharing=units.sharing(),
        alive=count >= 5,
        test=held_out(acts, hook, items) if tested else None,
    )


@pytest.fixture(scope="module")
def evidence(activations_path: Path, sae_path: Path, corpus_path: Path) -> Iterator[Evidence]:
    found = evidence_of(activations_path, sae_path, corpus_path)
    yield found
    found.acts.close()
    found.corpus.close()


@pytest.fixture(scope="module")
def written(evidence: Evidence, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("names") / "atlas.h5"
    with hdf5.create(path, KIND, "{}") as file:
        names.write(file, evidence, SILENT)
    return path


def reader(path: Path, evidence: Evidence) -> names.Names:
    return names.Names(CheckedFile(path, KIND), evidence.trained.d_sae, evidence.languages)


def dense(codes: Codes) -> np.ndarray:
    return codes.matrix().toarray()


def as_seen(evidence: Evidence, stream: str, rows: np.ndarray) -> np.ndarray:
    """Standardised rows to norm 1, in float64."""
    own = evidence.streams[stream]
    x = evidence.trained.standardise(stream, own.x[:][rows].astype(np.float32), own.group[rows])
    wide = x.numpy().astype(np.float64)
    return wide / np.linalg.norm(wide, axis=1, keepdims=True)


def test_names_come_from_train_captions_of_their_language(
    written: Path, evidence: Evidence
) -> None:
    stream, captions = evidence.streams[TEXT], evidence.corpus.captions.text
    train = evidence.acts.split[stream.item] == "train"
    with h5py.File(written) as file:
        texts, scores = file["names/text"].asstr()[:], file["names/score"][:]
    assert texts.shape == scores.shape == (96, 14)
    assert ((texts == "") == np.isnan(scores)).all()
    assert (scores[texts != ""] > 0).all() and (scores[texts != ""] <= 1).all()
    assert (texts[evidence.alive] != "").mean() > 0.9
    assert (texts[~evidence.alive] == "").all()
    for number in range(14):
        own = {captions[i] for i in stream.caption[train & (stream.language == number)]}
        grams = set().union(*map(segment, own))
        assert set(texts[:, number]) - {""} <= own | grams


def test_candidates_say_which_methods_agree_and_the_best_is_the_name(
    written: Path, evidence: Evidence
) -> None:
    found = reader(written, evidence)
    with h5py.File(written) as file:
        texts, scores = file["names/text"].asstr()[:], file["names/score"][:]
    agreed = 0
    for feature in range(0, 96, 5):
        for number, (tag, candidates) in enumerate(found.candidates(feature).items()):
            assert tag == evidence.languages[number] and len(candidates) <= 3
            if not candidates:
                assert texts[feature, number] == ""
                continue
            assert candidates[0].text == texts[feature, number]
            assert candidates[0].score == scores[feature, number]
            assert len({one.text for one in candidates}) == len(candidates)
            for one in candidates:
                assert one.methods and one.auroc >= FLOOR
                agreed += len(one.methods) > 1
    assert agreed > 20


def test_the_nearest_entry_is_scored_by_its_cosine_to_the_decoder_row(
    written: Path, evidence: Evidence
) -> None:
    stream, captions = evidence.streams[TEXT], evidence.corpus.captions.text
    own = stream.language == evidence.languages.index("en")
    rows = np.flatnonzero(own & (evidence.acts.split[stream.item] == "train"))
    decoder = evidence.trained.sae_of(TEXT).W_dec.detach().numpy().astype(np.float64)
    decoder /= np.linalg.norm(decoder, axis=1, keepdims=True)
    cosine = decoder @ as_seen(evidence, TEXT, rows).T
    text = [captions[i] for i in stream.caption[rows]]
    found, checked = reader(written, evidence), 0
    for feature in np.flatnonzero(evidence.alive):
        best = {text[i] for i in np.argsort(-cosine[feature])[:3]}
        for one in found.candidates(feature)["en"]:
            if "nearest" in one.methods:
                assert one.text in best
                expected = max(cosine[feature, i] for i, t in enumerate(text) if t == one.text)
                assert one.methods["nearest"] == pytest.approx(expected, abs=1e-5)
                checked += 1
    assert checked > 50


def test_measures_are_those_of_the_name_on_test_units(written: Path, evidence: Evidence) -> None:
    image, text = evidence.streams[IMAGE], evidence.streams[TEXT]
    unit, captions = unit_of_items(evidence.acts) >= 0, evidence.corpus.captions.text
    number = evidence.languages.index("ko")
    tests = {
        "image": (IMAGE, np.flatnonzero(unit[image.item])),
        "text": (TEXT, np.flatnonzero(unit[text.item] & (text.language == number))),
    }
    train = (text.language == number) & (evidence.acts.split[text.item] == "train")
    row_of = {captions[text.caption[r]]: r for r in np.flatnonzero(train)[::-1]}
    with h5py.File(written) as file:
        texts = file["names/text"].asstr()[:, number]
        measured = {name: file[f"names/evaluation/{name}"][:, number] for name in names.MEASURES}
    checked = 0
    for kind, (stream, rows) in tests.items():
        x, z = as_seen(evidence, stream, rows), dense(evidence.codes[stream])[rows]
        for feature in range(96):
            if texts[feature] not in row_of:
                continue
            name = as_seen(evidence, TEXT, np.array([row_of[texts[feature]]]))[0]
            cosine, on = x @ name, z[:, feature] > 0
            if not on.any() or on.all():
                assert np.isnan(measured[f"auroc_{kind}"][feature])
                continue
            difference = cosine[on][:, None] - cosine[~on]
            auroc = ((difference > 1e-9) + 0.5 * (abs(difference) <= 1e-9)).mean()
            assert measured[f"auroc_{kind}"][feature] == pytest.approx(auroc, abs=2e-4)
            correlation = np.corrcoef(cosine, z[:, feature])[0, 1]
            assert measured[f"simulation_{kind}"][feature] == pytest.approx(correlation, abs=1e-4)
            checked += 1
    assert checked > 80


def test_the_evaluation_sums_up_what_was_measured(written: Path, evidence: Evidence) -> None:
    found = reader(written, evidence)
    with h5py.File(written) as file:
        auroc = file["names/evaluation/auroc_text"][:]
        texts = file["names/text"].asstr()[:]
    english = found.evaluation["languages"]["en"]
    own = auroc[:, evidence.languages.index("en")]
    assert english["auroc_text"] == pytest.approx(np.nanmean(own), abs=1e-6)
    assert english["auroc_text_good"] == pytest.approx((own[~np.isnan(own)] >= 0.8).mean())
    assert english["features"] == evidence.alive.sum()
    assert english["named"] == (texts[:, evidence.languages.index("en")] != "").sum()
    mean = found.evaluation["mean"]
    each = [one["auroc_text"] for one in found.evaluation["languages"].values()]
    assert mean["auroc_text"] == pytest.approx(np.mean(each))
    assert mean["auroc_text"] > 0.75
    assert 0.5 < mean["auroc_dissect"] < 1 and 0.5 < mean["auroc_ngrams"] < 1
    assert found.measured(3)["en"]["auroc_text"] == pytest.approx(own[3], nan_ok=True)


def test_writing_again_gives_the_same(written: Path, evidence: Evidence, tmp_path: Path) -> None:
    again = tmp_path / "again.h5"
    with hdf5.create(again, KIND, "{}") as file:
        names.write(file, evidence, SILENT)
    assert hdf5.stored_digest(again) == hdf5.stored_digest(written)


def test_without_test_concepts_there_are_names_but_no_measures(
    activations_path: Path, sae_path: Path, corpus_path: Path, tmp_path: Path
) -> None:
    evidence = evidence_of(activations_path, sae_path, corpus_path, tested=False)
    path = tmp_path / "atlas.h5"
    with evidence.acts, hdf5.create(path, KIND, "{}") as file:
        names.write(file, evidence, SILENT)
    with h5py.File(path) as file:
        assert (file["names/text"].asstr()[:] != "").mean() > 0.8
        assert np.isnan(file["names/evaluation/auroc_image"][:]).all()
        assert json.loads(file["names"].attrs["json"])["mean"]["auroc_text"] is None


def change(path: Path, name: str, values: np.ndarray) -> None:
    with h5py.File(path, "r+") as file:
        del file[name]
        file[name] = values


def test_what_does_not_fit_is_refused_by_name(
    written: Path, evidence: Evidence, tmp_path: Path
) -> None:
    path = tmp_path / "bad.h5"
    shutil.copyfile(written, path)
    change(path, "names/candidates/index", np.full((96, 14, 3), 10**6, np.int32))
    with pytest.raises(MmfeatError, match=r"/names/candidates/index: names of feature 4"):
        reader(path, evidence).candidates(4)
    change(path, "names/candidates/index", np.zeros((96, 14, 2), np.int32))
    with pytest.raises(MmfeatError, match="names/candidates/index: its shape is"):
        reader(path, evidence)
    shutil.copyfile(written, path)
    with h5py.File(path, "r+") as file:
        file["names"].attrs["json"] = "[1]"
    with pytest.raises(MmfeatError, match="/names, attribute json: a JSON object is needed"):
        reader(path, evidence)


# Explanations ------------------------------------------------------------------------


@pytest.fixture
def atlas(atlas_path: Path, written: Path, tmp_path: Path) -> Path:
    """An atlas with names and their evidence, to be changed."""
    path = tmp_path / "atlas.h5"
    shutil.copyfile(atlas_path, path)
    with h5py.File(path, "r+") as file, h5py.File(written) as source:
        del file["names"]
        source.copy("names", file)
    return path


def answer(number: int, body: dict[str, Any]) -> Reply:
    if len(body["messages"]) == 1:
        return says({"name": f"name {number // 2}", "confidence": 0.25})
    count = int(body["messages"][-1]["content"].split("each of the ")[1].split()[0])
    return says({"scores": [2] * count})


def test_explanations_are_written_into_the_atlas(atlas: Path, evidence: Evidence) -> None:
    with h5py.File(atlas) as file:
        before = file["names/text"].asstr()[:].tolist(), file["codes/image.pooled/by_row/data"][:]
    with chat_server(answer) as server:
        explainer = ChatExplainer(server.url, "model a")
        result = add_explanations(atlas, explainer, languages=["en", "ko"], limit=3)
    assert result == {
        "out": str(atlas),
        "model": "model a",
        "explained": 3,
        "skipped": 0,
        "reasons": {},
    }
    prompts = [body["messages"][0]["content"] for body in server.asked[::2]]
    assert all("caption (ko): " in text and "picture of (en): " in text for text in prompts)
    assert all("<<" in text and "Level 4" in text for text in prompts)
    found = reader(atlas, evidence)
    explained = [feature for feature in range(96) if found.explanation(feature)]
    assert len(explained) == 3
    one = found.explanation(explained[1])
    assert one is not None and (one.name, one.confidence, one.model) == ("name 1", 0.25, "model a")
    assert len(one.rubric) == 4 and {2.0} >= {v for v in one.rubric if not math.isnan(v)}
    with h5py.File(atlas) as file:
        assert hdf5.content_digest(file) == hdf5.stored_digest(atlas)
        assert file["names/text"].asstr()[:].tolist() == before[0]
        np.testing.assert_array_equal(file["codes/image.pooled/by_row/data"][:], before[1])


def test_the_same_call_goes_on_and_features_asked_for_are_explained_again(
    atlas: Path, evidence: Evidence
) -> None:
    with chat_server(answer) as server:
        explainer = ChatExplainer(server.url, "m")
        add_explanations(atlas, explainer, limit=2)
        first = [f for f in range(96) if reader(atlas, evidence).explanation(f)]
        add_explanations(atlas, explainer, limit=2)
        second = [f for f in range(96) if reader(atlas, evidence).explanation(f)]
        assert len(second) == 4 and set(first) < set(second) and second[:2] == first
        add_explanations(atlas, ChatExplainer(server.url, "n"), features=[first[1], first[1]])
    models = {f: getattr(reader(atlas, evidence).explanation(f), "model", "") for f in second}
    assert models == {f: "n" if f == first[1] else "m" for f in second}


def test_bad_replies_are_counted_and_skipped(atlas: Path, evidence: Evidence) -> None:
    def mostly(number: int, body: dict[str, Any]) -> Reply:
        return says("no idea") if number == 0 else answer(number, body)

    with chat_server(mostly) as server:
        result = add_explanations(atlas, ChatExplainer(server.url, "m"), limit=3)
    assert (result["explained"], result["skipped"]) == (2, 1)
    assert result["reasons"] == {"it holds no JSON object": 1}


def test_what_was_explained_before_the_server_failed_is_kept(
    atlas: Path, evidence: Evidence
) -> None:
    def fails(number: int, body: dict[str, Any]) -> Reply:
        return answer(number, body) if number < 4 else Reply(b"", 400)

    with (
        chat_server(fails) as server,
        pytest.raises(MmfeatError, match="it answers 400 .*; check that the server runs"),
    ):
        add_explanations(atlas, ChatExplainer(server.url, "m"), limit=9)
    found = reader(atlas, evidence)
    assert sum(found.explanation(f) is not None for f in range(96)) == 2


def test_where_nothing_was_explained_the_file_is_not_touched(atlas: Path) -> None:
    before = atlas.read_bytes()
    with chat_server(lambda number, body: Reply(b"", 404)) as server:
        explainer = ChatExplainer(server.url, "m")
        with pytest.raises(MmfeatError, match="404"):
            add_explanations(atlas, explainer)
        with pytest.raises(MmfeatError, match="no feature 96; give some from 0 to 95"):
            add_explanations(atlas, explainer, features=[96])
        with pytest.raises(MmfeatError, match="no captions in nl; give some of ar, de"):
            add_explanations(atlas, explainer, languages=["nl"])
    assert atlas.read_bytes() == before
    assert sorted(p.name for p in atlas.parent.glob("*.h5*")) == [atlas.name]


def test_examples_are_the_strongest_and_then_lower_bands(atlas: Path) -> None:
    from mmfeat.atlas.reader import Atlas

    with Atlas(atlas) as opened:
        feature = int(np.argmax(opened.features()["firing_rate_text"]))
        found = explanations.shown(opened, feature, ["en"])
        strongest = opened.text_examples(feature)["en"][0]
        assert len(found.bands) == 4
        captions = [one for one in found.bands[0] if not one.picture]
        assert captions[0].text == opened.caption(strongest.caption).text
        assert captions[0].tokens
        low = [one.strength for one in found.bands[3]]
        assert low and max(low) < min(one.strength for one in captions)


def test_the_command_prints_its_results(atlas: Path) -> None:
    app = typer.Typer()
    app.command()(explain)
    with chat_server(answer) as server:
        options = ["--endpoint", server.url, "--model", "m", "--feature", "2", "--json"]
        result = CliRunner().invoke(app, [str(atlas), *options])
    assert result.exit_code == 0
    shown = json.loads(result.stdout.splitlines()[-1])
    assert shown["explained"] + shown["skipped"] == 1 and shown["model"] == "m"
