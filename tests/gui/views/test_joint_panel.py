from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest
from PySide6.QtCore import QPointF, Qt
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from mmfeat.atlas.comparison import CompareSettings, compare
from mmfeat_gui.state.history import Place
from mmfeat_gui.state.selection import Selection
from mmfeat_gui.state.settings import Settings
from mmfeat_gui.views.joint_panel import JointPanel
from mmfeat_gui.views.main_window import MainWindow
from mmfeat_gui.workers.map import FindJointMap, JointMap

Settle = Callable[[MainWindow], None]
EVERYTHING = [QPointF(x, y) for x, y in ((-9, -9), (9999, -9), (9999, 9999), (-9, 9999))]


@pytest.fixture(scope="module")
def folder(atlas_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An atlas, another one that is like it, and their comparison."""
    found = tmp_path_factory.mktemp("joint")
    for name in ("a.h5", "b.h5"):
        shutil.copy(atlas_path, found / name)
    with h5py.File(found / "b.h5", "r+") as file:
        file.attrs["content-digest"] = "another"
        file.attrs["name"] = "other"
    compare([found / "b.h5", found / "a.h5"], found / "compared.h5")
    return found


@pytest.fixture
def joint(window: MainWindow, folder: Path, settle: Settle) -> JointPanel:
    window.open_atlas(folder / "a.h5")
    settle(window)
    window.bring("joint")
    settle(window)
    panel = window.panel(JointPanel)
    assert isinstance(panel, JointPanel)
    return panel


def places(folder: Path) -> tuple[np.ndarray, np.ndarray]:
    with h5py.File(folder / "compared.h5") as file:
        return file["maps/0"][()], file["maps/1"][()]


def shown(panel: JointPanel, at: np.ndarray) -> QPointF:
    view, canvas = panel.canvas.view, panel.canvas
    x = (float(at[0]) - view.x0) / (view.x1 - view.x0) * canvas.width()
    y = (view.y1 - float(at[1])) / (view.y1 - view.y0) * canvas.height()
    return QPointF(x, y)


def test_features_of_all_saes_lie_on_one_map_told_apart_by_colour_and_name(
    joint: JointPanel, folder: Path
) -> None:
    other, own = places(folder)
    every = np.concatenate([other, own])
    for point in range(0, len(every), 13):
        place = joint.canvas.position_of(point)
        if np.isfinite(every[point]).all():
            assert place is not None
            assert (place - shown(joint, every[point])).manhattanLength() < 1e-2
        else:
            assert place is None
    texts = [box.text() for box in joint.legend.boxes]
    assert texts[0] == f"other ({len(other):,})"
    assert texts[1].endswith(f"({len(own):,})")
    assert "compared.h5" in joint.said.text()


def test_a_feature_of_the_open_atlas_is_opened_and_of_another_its_file_is_named(
    window: MainWindow, joint: JointPanel, folder: Path
) -> None:
    said: list[str] = []
    window.context.said.connect(said.append)
    other, own = places(folder)
    feature = int(np.flatnonzero(np.isfinite(own).all(axis=1))[3])
    joint.canvas.activated.emit(len(other) + feature)
    assert window.context.store.state.place == Place("feature", feature)
    joint.canvas.activated.emit(7)
    assert window.context.store.state.place == Place("feature", feature)
    assert "7" in said[-1] and str(folder / "b.h5") in said[-1]


def test_a_selection_brushes_features_of_the_open_atlas(
    window: MainWindow, joint: JointPanel, folder: Path
) -> None:
    store, (other, _) = window.context.store, places(folder)
    joint.canvas.selection_made.emit(np.array([3, len(other) + 2, len(other) + 5]), "replace")
    assert store.state.features == Selection.of([2, 5])
    joint.canvas.selection_made.emit(np.array([len(other) + 2]), "subtract")
    assert store.state.features == Selection.of([5])
    joint.tools.clear_selection.trigger()
    assert len(store.state.features) == 0


def test_an_sae_can_be_switched_off(
    qtbot: QtBot, window: MainWindow, joint: JointPanel, folder: Path
) -> None:
    other, own = places(folder)
    known = np.isfinite(np.concatenate([other, own])).all(axis=1)
    assert joint.canvas.within(EVERYTHING).tolist() == np.flatnonzero(known).tolist()
    qtbot.keyClick(joint.legend.boxes[0], Qt.Key.Key_Space)
    left = joint.canvas.within(EVERYTHING)
    assert left.tolist() == [p for p in np.flatnonzero(known).tolist() if p >= len(other)]
    window.context.store.undo()
    assert len(joint.canvas.within(EVERYTHING)) == known.sum()


def test_hovering_names_the_feature_and_its_sae(
    qtbot: QtBot, joint: JointPanel, folder: Path
) -> None:
    other, _ = places(folder)
    point = int(np.flatnonzero(np.isfinite(other).all(axis=1))[0])
    place = joint.canvas.position_of(point)
    assert place is not None
    found = joint.canvas.point_at(place)
    joint.canvas.hovered.emit(found, place.toPoint())
    assert joint.card.isVisible()
    source = int(found >= len(other))
    assert f"#{found - source * len(other)}" in joint.card._facts.text()
    joint.canvas.hovered.emit(-1, place.toPoint())
    assert not joint.card.isVisible()


def test_without_a_comparison_beside_it_the_panel_says_how_to_make_one(
    window: MainWindow, atlas_path: Path, tmp_path: Path, settle: Settle
) -> None:
    window.open_atlas(Path(shutil.copy(atlas_path, tmp_path / "alone.h5")))
    settle(window)
    window.bring("joint")
    settle(window)
    panel = window.panel(JointPanel)
    assert isinstance(panel, JointPanel)
    assert panel.first_focus() is panel.choose
    assert panel.canvas.position_of(0) is None and not panel.legend.isVisible()


def test_a_box_drawn_where_no_map_is_brushes_nothing(window: MainWindow, settle: Settle) -> None:
    panel = window.panel(JointPanel)
    before = window.context.store.state.features
    panel.canvas.selection_made.emit(np.zeros(0, np.int64), "replace")
    assert window.context.store.state.features == before


def test_a_comparison_without_a_map_is_refused_in_a_sentence(
    window: MainWindow, joint: JointPanel, folder: Path, tmp_path: Path, settle: Settle
) -> None:
    flat = tmp_path / "flat.h5"
    compare([folder / "b.h5", folder / "a.h5"], flat, CompareSettings(map=None))
    refused: list[str] = []
    window.context.refused.connect(refused.append)
    joint.open_file(flat)
    settle(window)
    assert refused == [
        "The comparison flat.h5 has no joint map; make it anew with: mmfeat compare --map"
    ]
    assert len(joint.canvas.within(EVERYTHING)) > 0  # what was shown stays
    joint.open_file(folder / "a.h5")
    settle(window)
    assert "a.h5" in refused[-1]


@pytest.fixture
def elsewhere(folder: Path, tmp_path: Path) -> Path:
    """A comparison that does not lie beside the atlas."""
    return Path(shutil.copy(folder / "compared.h5", tmp_path / "elsewhere.h5"))


def choose(window: MainWindow, joint: JointPanel, path: Path, settle: Settle) -> None:
    joint.open_file(path)
    settle(window)
    assert path.name in joint.said.text()


def test_the_map_that_was_chosen_can_be_undone_and_done_again(
    window: MainWindow, joint: JointPanel, elsewhere: Path, settle: Settle
) -> None:
    store = window.context.store
    assert store.state.joint == ""
    joint.canvas.zoom(4)
    joint.canvas._rest()
    near = store.state.joint_viewport
    assert near is not None
    choose(window, joint, elsewhere, settle)
    assert store.state.joint == str(elsewhere) and joint.canvas.shows_everything
    store.undo()
    settle(window)
    assert "compared.h5" in joint.said.text() and joint.canvas.part == near
    store.undo()
    assert joint.canvas.shows_everything
    store.redo()
    store.redo()
    settle(window)
    assert "elsewhere.h5" in joint.said.text() and joint.canvas.shows_everything


def test_a_session_and_reading_again_keep_the_map_that_was_chosen(
    qtbot: QtBot, window: MainWindow, joint: JointPanel, elsewhere: Path, settle: Settle
) -> None:
    window.resize(780, 740)  # the screen without a display has 800
    choose(window, joint, elsewhere, settle)
    QApplication.processEvents()  # the legend takes its room
    joint.canvas.zoom(4)
    joint.canvas._rest()
    view = window.context.store.state.joint_viewport
    window.reload()
    settle(window)
    qtbot.waitUntil(lambda: joint.canvas.part == view)
    assert "elsewhere.h5" in joint.said.text()
    fresh = MainWindow(Settings())
    qtbot.addWidget(fresh)
    with qtbot.waitExposed(fresh):
        fresh.show()
    fresh.restore_session(window.session())
    settle(fresh)
    other = fresh.panel(JointPanel)
    assert isinstance(other, JointPanel) and other.isVisible()
    assert "elsewhere.h5" in other.said.text()
    assert fresh.context.store.state.joint_viewport == view
    fresh.close()


def test_a_session_whose_joint_map_is_gone_says_so_and_keeps_the_rest(
    window: MainWindow, joint: JointPanel, elsewhere: Path, settle: Settle
) -> None:
    choose(window, joint, elsewhere, settle)
    window.context.store.change(
        "undo.select_features", features=Selection.of([3]), place=Place("feature", 5)
    )
    session = window.session()
    elsewhere.unlink()
    refused: list[str] = []
    window.context.refused.connect(refused.append)
    window.restore_session(session)
    settle(window)
    (sentence,) = refused
    assert "elsewhere.h5" in sentence and "\n" not in sentence and sentence.endswith(".")
    assert window.context.store.state == session.view
    assert not joint.legend.isVisible() and joint.first_focus() is joint.choose


def test_points_are_numbered_through_all_saes(
    window: MainWindow, joint: JointPanel, folder: Path, settle: Settle
) -> None:
    asked: list[JointMap | None] = []
    window.context.reader.ask(FindJointMap(folder / "compared.h5"), asked.append)
    settle(window)
    found = asked[0]
    assert found is not None and found.own == 1
    size = found.atlases[0].d_sae
    assert [found.feature(point) for point in (0, size - 1, size, size + 4)] == [0, size - 1, 0, 4]
    assert found.point(4) == size + 4 and found.point(10**6) == -1
    assert found.file_of(0) == folder / "b.h5"
