from __future__ import annotations

import shlex
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from mmfeat.atlas.encoder import open_encoder
from mmfeat.atlas.lookup import picture_of
from mmfeat.atlas.probe import fires_on_picture
from mmfeat.atlas.reader import Atlas
from mmfeat.atlas.steer import Steering, ablating
from mmfeat_gui.resources import strings
from mmfeat_gui.state.history import Place
from mmfeat_gui.state.selection import Selection
from mmfeat_gui.state.sources import ItemSource, TextSource
from mmfeat_gui.state.steering import Steer
from mmfeat_gui.views.context import Context
from mmfeat_gui.views.steer_panel import SteerPanel
from mmfeat_gui.views.steer_results import GalleryView
from mmfeat_gui.views.steer_written import WrittenView
from tests.gui.views.engine_context import made_context, open_atlas, settled, spin, unnamed

SHOWN = 10


@pytest.fixture(scope="module")
def context(qapp: QApplication, atlas_path: Path) -> Iterator[Context]:
    """A context whose engine stays for all tests."""
    strings.use("en")
    made = made_context()
    yield made
    made.close()


@pytest.fixture(scope="module")
def steering(atlas_path: Path) -> Iterator[Steering]:
    with Atlas(atlas_path) as atlas:
        yield Steering(atlas, device="cpu")


@pytest.fixture(scope="module")
def feature(steering: Steering) -> int:
    """The feature that fires most often on pictures and captions."""
    known = steering.atlas.features()
    return int(np.minimum(known["firing_rate_image"], known["firing_rate_text"]).argmax())


@pytest.fixture
def said(context: Context) -> Iterator[list[str]]:
    found: list[str] = []
    context.said.connect(found.append)
    yield found
    context.said.disconnect(found.append)


@pytest.fixture
def panel(context: Context, atlas_path: Path, qtbot: QtBot) -> Iterator[SteerPanel]:
    open_atlas(context, atlas_path, qtbot)
    shown = SteerPanel(context)
    qtbot.addWidget(shown)
    shown.resize(884, 1000)
    shown.show()
    spin(lambda: shown.ready, qtbot)
    yield shown
    shown.cancel_all()


def names(steering: Steering) -> list[str]:
    return steering.atlas.items().item_id


def view_of(panel: SteerPanel, place: int) -> GalleryView:
    view = panel.views[place]
    assert isinstance(view, GalleryView)
    return view


def column(panel: SteerPanel, place: int, at: int) -> list[str]:
    table = view_of(panel, place).table
    found = []
    for row in range(table.rowCount()):
        item = table.item(row, at)
        assert item is not None
        found.append(item.text())
    return found


def test_both_columns_are_what_the_library_retrieves(
    panel: SteerPanel, context: Context, steering: Steering, feature: int, qtbot: QtBot
) -> None:
    item = names(steering)[7]
    panel.query.set_source(ItemSource(item))
    panel.add_features([feature])
    settled(context, qtbot)
    assert panel.languages.languages == ("en", "ko")
    query = steering.item(item)
    expected = steering.steer(
        query, [feature], steering.clamping(query, 5.0), languages=["en", "ko"], top=100_000
    )["results"]
    for place, tag in enumerate(("en", "ko")):
        view, own = view_of(panel, place), expected[tag]
        assert tag in view.heading.text()
        assert column(panel, place, 1) == [row["text"] for row in own["before"][:SHOWN]]
        assert column(panel, place, 4) == [row["text"] for row in own["after"][:SHOWN]]
        # Where each stood before, counted from the whole gallery; equal captions count apart.
        before = [(row["item_id"], row["text"]) for row in own["before"]]
        for row, moved in zip(own["after"][:SHOWN], column(panel, place, 5), strict=True):
            rank = own["after"].index(row) + 1
            was = before.index((row["item_id"], row["text"])) + 1
            if was > 200:
                assert moved == "▲ from beyond 200"
            elif was == rank:
                assert moved == "＝ same rank"
            else:
                arrow = "▲" if was > rank else "▼"
                assert moved == f"{arrow} {abs(was - rank)} (was {was})"
        words, toward = view.words.text(), own["towards"]
        assert f"({100 * toward['change']:+.1f} points)" in words
        assert f"{toward['exceeded']:.0%} do less (p = {toward['p']:.3f})" in words
        assert f"Without a change: {100 * toward['noop']:+.1f} points" in words
        assert f"means: {100 * toward['difference_of_means']:+.1f} points" in words
        ranks = own["own_before"]["rank"], own["own_after"]["rank"]
        assert view.own.text() == f"Its own concept: rank {ranks[0]} before, {ranks[1]} after."
        assert view.strip.controls is not None
        assert view.strip.controls.random == pytest.approx(toward["controls"], abs=1e-4)


def test_the_slider_steers_when_it_rests(
    panel: SteerPanel, context: Context, steering: Steering, feature: int, qtbot: QtBot
) -> None:
    item = names(steering)[11]
    panel.query.set_source(ItemSource(item))
    panel.add_features([feature])
    settled(context, qtbot)
    assert panel.steered is not None and panel.steered.steer.amount == 5.0
    asked = context.engine._number
    for value in (-20, -40, -60, -80):
        panel.amount.slider.setValue(value)
    assert panel.amount.box.value() == -8.0
    settled(context, qtbot)
    assert context.engine._number == asked + 1
    assert panel.steered.steer == Steer(ItemSource(item), (feature,), "clamp", -8.0, ("en", "ko"))
    query = steering.item(item)
    own = steering.steer(query, [feature], steering.clamping(query, -8.0), languages=["ko"])
    after = [row["text"] for row in own["results"]["ko"]["after"]]
    assert column(panel, 1, 4) == after
    # What the slider does not reach, the box does.
    panel.amount.box.setValue(42.0)
    assert panel.amount.slider.value() == panel.amount.slider.maximum()
    assert panel.amount.amount == 42.0


def test_features_are_ablated_and_added_to(
    panel: SteerPanel, context: Context, steering: Steering, qtbot: QtBot
) -> None:
    item = names(steering)[3]
    encoder = open_encoder(steering.atlas, steering.backbone)
    fires = fires_on_picture(steering.atlas, encoder, picture_of(steering.atlas, 3))
    panel.query.set_source(ItemSource(item))
    settled(context, qtbot)
    # What fires on the query is offered, and a click takes it.
    offered = [tile.feature for tile in panel.firing._tiles]
    assert offered == fires.features[:8].tolist()
    spot = panel.firing.tile_rect(1).center()
    qtbot.mouseClick(panel.firing, Qt.MouseButton.LeftButton, pos=spot)
    assert panel.features.features == (offered[1],)
    assert [tile.marked for tile in panel.firing._tiles].index(True) == 1
    assert panel.query.view.feature == offered[1]
    panel.amount.kinds.setCurrentIndex(panel.amount.kinds.findData("ablate"))
    assert not panel.amount.slider.isEnabled() and not panel.amount.box.isEnabled()
    assert "--ablate" in panel.command.line.text()
    settled(context, qtbot)
    query = steering.item(item)
    own = steering.steer(query, [offered[1]], ablating, languages=["en"])["results"]["en"]
    assert column(panel, 0, 4) == [row["text"] for row in own["after"]]
    panel.amount.kinds.setCurrentIndex(panel.amount.kinds.findData("add"))
    panel.amount.box.setValue(2.5)
    assert "--add 2.5" in panel.command.line.text()
    settled(context, qtbot)
    assert panel.steered is not None and panel.steered.steer.kind == "add"


def test_a_text_retrieves_pictures_which_are_shown(
    panel: SteerPanel, context: Context, steering: Steering, feature: int, qtbot: QtBot
) -> None:
    panel.query.set_source(TextSource("손"))
    panel.add_features([feature])
    settled(context, qtbot)
    assert len(panel.views) == 1
    view = view_of(panel, 0)
    assert view.heading.text() == "Pictures"
    query = steering.text("손")
    own = steering.steer(query, [feature], steering.clamping(query, 5.0))["results"]["pictures"]
    assert column(panel, 0, 4) == [row["item_id"] for row in own["after"]]
    for row in range(SHOWN):
        item = view.table.item(row, 1)
        assert item is not None and not item.icon().isNull()
    assert "--text '손'" in panel.command.line.text()
    assert "--language" not in panel.command.line.text()


def test_a_result_opens_the_page_of_its_item(
    panel: SteerPanel, context: Context, steering: Steering, feature: int, qtbot: QtBot
) -> None:
    panel.query.set_source(ItemSource(names(steering)[5]))
    panel.add_features([feature])
    settled(context, qtbot)
    table = view_of(panel, 0).table
    table.cellActivated.emit(2, 4)
    wanted = table.found.after[2].item_id
    assert context.store.state.place == Place("item", names(steering).index(wanted))
    spot = table.visualRect(table.model().index(1, 1)).center()
    qtbot.mouseClick(table.viewport(), Qt.MouseButton.LeftButton, pos=spot)
    wanted = table.found.before[1].item_id
    assert context.store.state.place == Place("item", names(steering).index(wanted))


def test_features_are_typed_brushed_shown_and_taken_away(
    panel: SteerPanel, context: Context, qtbot: QtBot, said: list[str]
) -> None:
    qtbot.keyClicks(panel.features.numbers, "12, 40 12")
    qtbot.keyClick(panel.features.numbers, Qt.Key.Key_Return)
    assert panel.features.features == (12, 40)
    assert panel.features.numbers.text() == ""
    qtbot.keyClicks(panel.features.numbers, "7 96")
    qtbot.keyClick(panel.features.numbers, Qt.Key.Key_Return)
    assert panel.features.features == (12, 40, 7)
    assert "96" in said[-1] and "95" in said[-1]
    qtbot.mouseClick(panel.features.brushed, Qt.MouseButton.LeftButton)
    assert "No features are selected" in said[-1]
    context.store.change("undo.brush", features=Selection.of([3, 7]))
    qtbot.mouseClick(panel.features.brushed, Qt.MouseButton.LeftButton)
    assert panel.features.features == (12, 40, 7, 3)
    context.store.change("undo.brush", features=Selection.of(range(90)))
    qtbot.mouseClick(panel.features.brushed, Qt.MouseButton.LeftButton)
    assert "90 features are too many" in said[-1] and len(panel.features.features) == 4
    qtbot.mouseClick(panel.features.shown, Qt.MouseButton.LeftButton)
    assert "No feature is shown" in said[-1]
    context.go(Place("feature", 55))
    qtbot.mouseClick(panel.features.shown, Qt.MouseButton.LeftButton)
    assert panel.features.features == (12, 40, 7, 3, 55)
    numbers = [int(label.split()[0]) for label in panel.features.chips.labels]
    assert numbers == [12, 40, 7, 3, 55]
    panel.grab()
    qtbot.keyClick(panel.features.chips, Qt.Key.Key_Right)
    qtbot.keyClick(panel.features.chips, Qt.Key.Key_Delete)
    assert panel.features.features == (12, 7, 3, 55)
    spot = panel.features.chips.tile_rect(0).center()
    qtbot.mouseClick(panel.features.chips, Qt.MouseButton.LeftButton, pos=spot)
    assert panel.features.features == (7, 3, 55)
    qtbot.mouseClick(panel.features.none, Qt.MouseButton.LeftButton)
    assert panel.features.features == () and panel.steer() is None


def test_languages_are_chosen_and_none_means_all(
    panel: SteerPanel, context: Context, steering: Steering, feature: int, qtbot: QtBot
) -> None:
    panel.query.set_source(ItemSource(names(steering)[5]))
    panel.add_features([feature])
    actions = {str(one.data()): one for one in panel.languages.menu().actions()}
    assert list(actions) == list(steering.atlas.languages)
    actions["en"].setChecked(False)
    actions["ar"].setChecked(True)
    settled(context, qtbot)
    assert panel.steered is not None
    assert set(panel.steered.result["results"]) == {"ko", "ar"}
    assert panel.languages.accessibleName() == panel.languages.text() == "Languages: ar, ko"
    item = view_of(panel, 0).table.item(0, 1)
    assert item is not None
    assert Qt.AlignmentFlag.AlignRight in Qt.AlignmentFlag(item.textAlignment())
    actions["ar"].setChecked(False)
    actions["ko"].setChecked(False)
    assert panel.languages.text() == "Languages: all"
    settled(context, qtbot)
    assert set(panel.steered.result["results"]) == set(steering.atlas.languages)


def test_the_command_does_what_the_panel_does(
    panel: SteerPanel, context: Context, steering: Steering, feature: int, qtbot: QtBot
) -> None:
    from typer.testing import CliRunner

    from mmfeat.cli.app import app

    panel.query.set_source(ItemSource(names(steering)[9]))
    panel.add_features([feature, 4])
    panel.amount.box.setValue(3.0)
    settled(context, qtbot)
    words = shlex.split(panel.command.line.text())
    assert words[:2] == ["mmfeat", "steer"]
    result = CliRunner().invoke(app, [*words[1:], "--json"])
    assert result.exit_code == 0, result.output
    import json

    found = json.loads(result.stdout.strip().splitlines()[-1])
    assert list(found["results"]) == ["en", "ko"]
    for place, tag in enumerate(found["results"]):
        assert column(panel, place, 4) == [row["text"] for row in found["results"][tag]["after"]]


def test_a_feature_that_never_fires_there_is_a_sentence(
    panel: SteerPanel, context: Context, steering: Steering, qtbot: QtBot
) -> None:
    silent = np.flatnonzero(steering.atlas.features()["max_activation_image"] == 0)
    if not len(silent):
        pytest.skip("all features fire on pictures")
    panel.query.set_source(ItemSource(names(steering)[2]))
    panel.add_features([int(silent[0])])
    settled(context, qtbot)
    assert "never fires" in panel.status.label.text()


def test_another_atlas_begins_without_features(
    panel: SteerPanel,
    context: Context,
    steering: Steering,
    feature: int,
    qtbot: QtBot,
    tmp_path: Path,
) -> None:
    import shutil

    panel.query.set_source(ItemSource(names(steering)[2]))
    panel.add_features([feature])
    settled(context, qtbot)
    assert panel.views
    other = tmp_path / "other.h5"
    shutil.copy(steering.atlas.path, other)
    open_atlas(context, other, qtbot)
    settled(context, qtbot)
    assert panel.features.features == () and not panel.views and panel.steered is None
    assert panel.query.source == ItemSource(names(steering)[2])


def test_whatever_has_the_keyboard_has_a_name(
    panel: SteerPanel, context: Context, steering: Steering, feature: int, qtbot: QtBot
) -> None:
    panel.query.set_source(ItemSource(names(steering)[2]))
    panel.add_features([feature])
    settled(context, qtbot)
    assert not ", ".join(unnamed(panel))


# A model that writes ----------------------------------------------------------------


@pytest.fixture(scope="module")
def writing(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The atlas of a small generative model, made by the real path."""
    from PIL import Image

    from mmfeat.atlas.build import build_atlas
    from mmfeat.corpus.file import write_corpus
    from mmfeat.corpus.model import ItemRow
    from mmfeat.extraction import ExtractSettings, extract
    from mmfeat.training import recipe, train
    from tests.unit.backbones import vlm_models

    folder: Path = tmp_path_factory.mktemp("written")
    spec = f"hf:{vlm_models.save('llava', folder / 'model')}"
    rows = []
    for number in range(24):
        rng = np.random.default_rng(number)
        pixels = rng.integers(0, 255, (4, 4, 3), dtype=np.uint8)
        Image.fromarray(pixels).resize((32, 32), 0).save(folder / f"{number}.png")
        captions = (("en", f"text {number}"), ("ko", f"글 {number}"))
        rows.append(
            ItemRow(
                f"{number}",
                f"{number}.png",
                captions,
                split="train" if number % 2 else "test",
            )
        )
    corpus, acts = folder / "corpus.h5", folder / "acts.h5"
    write_corpus(corpus, rows, name="c", attribution="", image_root=folder, provenance="{}")
    settings = ExtractSettings(backbone=spec, hooks=("lm.layers.1",), batch_size=8)
    extract(corpus, acts, settings)
    changes = {
        "hook": "lm.layers.1",
        "sae.d_sae": 48,
        "sae.k": 6,
        "batch.size": 32,
        "optimiser.steps": 40,
    }
    train(acts, folder / "sae", recipe("naive-topk", changes))
    build_atlas(acts, folder / "sae", folder / "atlas.h5")
    return folder / "atlas.h5"


def test_a_model_that_writes_writes_before_and_after(
    panel: SteerPanel, context: Context, writing: Path, qtbot: QtBot
) -> None:
    from mmfeat.atlas.generation import steer_generation

    open_atlas(context, writing, qtbot)
    spin(lambda: panel.ready, qtbot)
    assert panel.writes and panel.prompt.isVisibleTo(panel)
    assert not panel.languages.isVisibleTo(panel)
    with Atlas(writing) as atlas:
        scores = atlas.features()
        both = np.minimum(scores["firing_rate_image"], scores["firing_rate_text"])
        feature = int(both.argmax())
        panel.query.set_source(ItemSource("3"))
        panel.add_features([feature])
        panel.amount.box.setValue(8.0)
        settled(context, qtbot)
        assert not panel.views  # it waits for the button
        panel.prompt.setText("a red")
        qtbot.mouseClick(panel.write, Qt.MouseButton.LeftButton)
        settled(context, qtbot)
        expected = steer_generation(
            atlas, None, "a red", [feature], "clamp", 8.0, picture=picture_of(atlas, 3)
        )
    (view,) = panel.views
    assert isinstance(view, WrittenView)
    assert view.texts["before"].text() == expected["before"]["text"]
    assert view.texts["after"].text() == expected["after"]["text"]
    assert view.texts["before"].textFormat() == Qt.TextFormat.PlainText
    tokens = expected["continuation"]["tokens"]
    assert view.tokens.rowCount() == len(tokens)
    for at, token in enumerate(tokens):
        item = view.tokens.item(at, 3)
        assert item is not None and item.text() == f"{token['change']:+.2f}"
    assert f"{expected['continuation']['change']:+.2f}" in view.words.text()
    assert panel.command.line.text().endswith("--item 3 --prompt 'a red' --clamp 8")
