from __future__ import annotations

import json
from pathlib import Path

import pytest

from mmfeat.errors import MmfeatError
from mmfeat.extraction import ExtractSettings, plan
from mmfeat.training import recipe
from mmfeat_gui.resources import strings
from mmfeat_gui.state import orders

strings.use("en")


def filled(kind: str, **values: str) -> dict[str, str]:
    """Return what a form holds at first, with some values put in."""
    return {field.key: field.default for field in orders.fields(kind)} | values


@pytest.mark.parametrize("kind", orders.FORMS)
def test_every_field_has_a_name_and_an_explanation_in_both_languages(kind: str) -> None:
    for field in orders.fields(kind):
        for table in strings.tables().values():
            assert table[f"field.{field.key}"]
            assert table[f"field.{field.key}_tip"]


def test_an_extraction_says_only_what_differs_from_the_command() -> None:
    values = filled("extract", corpus="c.h5", activations_out="a.h5")
    (command,) = orders.order("extract", values).commands
    assert command == ("extract", "--corpus", "c.h5", "--out", "a.h5")
    changed = values | {"hooks": "joint vision.1", "streams": "image.pooled", "batch_size": "8"}
    (command,) = orders.order("extract", changed | {"rows_per_item": "4"}).commands
    assert command[5:] == (
        *("--hook", "joint", "--hook", "vision.1", "--stream", "image.pooled"),
        *("--batch-size", "8", "--rows-per-item", "4"),
    )


def test_defaults_are_those_of_the_settings() -> None:
    usual = ExtractSettings()
    values = filled("extract")
    assert values["backbone"] == usual.backbone
    assert values["streams"].split() == list(usual.streams)
    assert values["batch_size"] == str(usual.batch_size)
    found = orders.usual("matryoshka")
    settings = recipe("matryoshka")
    assert found["d_sae"] == str(settings.sae.d_sae)
    assert float(found["lr"]) == settings.optimiser.lr
    assert orders.usual("gated")["k"] == ""
    assert orders.recipes()[0] == "shared-topk"


def test_a_training_sets_what_was_filled_in(activations_path: Path, tmp_path: Path) -> None:
    values = filled(
        "train",
        activations=str(activations_path),
        sae_out=str(tmp_path / "sae"),
        recipe="naive-topk",
        d_sae="64",
        lr="1e-3",
        more="sae.decoders=modality sae.encoders=modality",
    )
    orders.check("train", values)
    (command,) = orders.order("train", values).commands
    assert command == (
        *("train", "--activations", str(activations_path), "--out", str(tmp_path / "sae")),
        *("--recipe", "naive-topk", "--set", "sae.d_sae=64", "--set", "optimiser.lr=1e-3"),
        *("--set", "sae.decoders=modality", "--set", "sae.encoders=modality"),
    )


def test_an_atlas_is_built_and_mapped() -> None:
    values = filled("atlas", activations="a.h5", sae="sae", atlas_out="atlas.h5")
    order = orders.order("atlas", values)
    assert order.text == (
        "mmfeat atlas --activations a.h5 --sae sae --out atlas.h5 && mmfeat map atlas.h5"
    )
    alone = orders.order("atlas", values | {"map": "", "thumbnails": ""})
    assert alone.commands == (
        (
            *("atlas", "--activations", "a.h5", "--sae", "sae", "--out", "atlas.h5"),
            "--no-thumbnails",
        ),
    )


def test_a_scoreboard_names_each_sae() -> None:
    values = filled("evaluate", activations="a.h5", saes="one\n two words \n", board="b.csv")
    (command,) = orders.order("evaluate", values).commands
    assert command == (
        *("evaluate", "--activations", "a.h5", "--sae", "one", "--sae", "two words"),
        *("--out", "b.csv"),
    )


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"activations": ""}, "Activations is empty; fill it in."),
        ({"activations": "none.h5"}, "Activations: there is no file none.h5; choose another."),
        ({"d_sae": "many"}, "Features: many is no number that fits; mend it."),
        ({"d_sae": "0"}, "Features: 0 is no number that fits; mend it."),
        ({"lr": "0"}, "Learning rate: 0 is no number that fits; mend it."),
        ({"k": "100", "d_sae": "8"}, "k is 100, more than d_sae 8"),
        ({"more": "sae.colour=red"}, "sae.colour"),
        ({"hook": "nowhere"}, "nowhere"),
    ],
)
def test_a_form_that_cannot_be_done_says_why(
    values: dict[str, str], sentence: str, activations_path: Path, tmp_path: Path
) -> None:
    whole = filled("train", activations=str(activations_path), sae_out=str(tmp_path / "sae"))
    orders.check("train", whole)
    with pytest.raises(MmfeatError) as refused:
        orders.check("train", whole | values)
    assert sentence in str(refused.value)


def test_files_of_another_kind_are_refused(
    corpus_path: Path, activations_path: Path, tmp_path: Path
) -> None:
    whole = filled("extract", corpus=str(corpus_path), activations_out=str(tmp_path / "a.h5"))
    orders.check("extract", whole)
    with pytest.raises(MmfeatError, match="mmfeat-corpus is needed"):
        orders.check("extract", whole | {"corpus": str(activations_path)})
    with pytest.raises(MmfeatError, match="would be lost"):
        orders.check("extract", whole | {"activations_out": str(corpus_path)})
    with pytest.raises(MmfeatError, match=r"image\.whole is not a stream"):
        orders.check("extract", whole | {"streams": "image.whole"})
    atlas = filled(
        "atlas",
        activations=str(activations_path),
        sae=str(tmp_path),
        atlas_out=str(tmp_path / "atlas.h5"),
    )
    with pytest.raises(MmfeatError, match="holds no SAE"):
        orders.check("atlas", atlas)


def test_a_form_begins_with_files_that_are_there_and_free_names(
    activations_path: Path, sae_path: Path
) -> None:
    folder = activations_path.parent
    found = orders.suggestions("train", folder, [])
    assert found["activations"] == str(activations_path)
    assert found["sae_out"] == str(folder / "sae-2")  # sae is there
    found = orders.suggestions("atlas", folder, [sae_path])
    assert found["sae"] == str(sae_path)
    assert "second" not in found


def test_the_answer_on_what_an_extraction_takes_has_the_figures_of_the_plan(
    corpus_path: Path, tmp_path: Path
) -> None:
    values = filled("extract", corpus=str(corpus_path), activations_out=str(tmp_path / "a.h5"))
    question = orders.dry_run(values)
    assert question.aside
    assert question.commands[0][-1] == "--dry-run"
    found = json.loads(json.dumps(plan(corpus_path, tmp_path / "a.h5")))
    text = orders.dry_run_text(found)
    assert text.startswith(f"{sum(found['rows'].values()):,} rows, {found['bytes'] / 1e9:,.2f} GB")
    assert "does not fit" in orders.dry_run_text(found | {"fits": False})
