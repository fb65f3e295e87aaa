from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QAbstractItemModelTester
from PySide6.QtWidgets import QComboBox, QLineEdit, QMessageBox, QPlainTextEdit
from pytestqt.qtbot import QtBot

from mmfeat.analysis.scaling import scaling
from mmfeat.sweep import sweep
from mmfeat_gui.models.board import BoardModel, score_name
from mmfeat_gui.resources import strings
from mmfeat_gui.state.jobs import Order
from mmfeat_gui.state.runs import Board
from mmfeat_gui.state.settings import Settings
from mmfeat_gui.views import runs_jobs
from mmfeat_gui.views.context import Context
from mmfeat_gui.views.main_window import MainWindow
from mmfeat_gui.views.runs_forms import FormDialog
from mmfeat_gui.views.runs_page import RunsPage
from mmfeat_gui.views.runs_plots import MOST, CurvesPlot, ScalingPlot
from mmfeat_gui.workers import jobs as kept
from mmfeat_gui.workers.jobs import Jobs

LONG = 120_000


@pytest.fixture(scope="module")
def swept(activations_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a sweep of nine trainings."""
    folder = tmp_path_factory.mktemp("runs")
    plan = folder / "plan.toml"
    plan.write_text(
        f'activations = "{activations_path}"\nrecipe = "naive-topk"\n'
        '[set]\n"batch.size" = 32\n"sae.k" = 4\n'
        '[grid]\n"sae.d_sae" = [16, 32, 64]\n"optimiser.steps" = [50, 100, 200]\n'
    )
    sweep(plan, folder / "sweep")
    return folder


@pytest.fixture
def context(qtbot: QtBot) -> Iterator[Context]:
    strings.use("en")
    made = Context(Settings())
    yield made
    made.close()


@pytest.fixture
def page(
    qtbot: QtBot, context: Context, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[RunsPage]:
    jobs = Jobs(tmp_path / "logs")
    monkeypatch.setattr(kept, "_shared", [jobs])
    made = RunsPage(context)
    qtbot.addWidget(made)
    made.resize(1300, 800)
    yield made
    jobs.stop_all()
    qtbot.waitUntil(lambda: not jobs.busy, timeout=30_000)


def show(qtbot: QtBot, page: RunsPage, folder: Path) -> None:
    """Show the page with the trainings of a folder."""
    page.show_folder(folder)
    with qtbot.waitExposed(page):
        page.show()
    assert page.trainings is not None
    trainings = page.trainings
    qtbot.waitUntil(lambda: trainings.found is not None and not page.context.tasks.busy)


def drawn(plots: CurvesPlot | ScalingPlot, at: int) -> list[tuple[np.ndarray, np.ndarray]]:
    """Return what stands in a plot."""
    return [item.getOriginalDataset() for item in plots.plots[at].listDataItems()]


def test_plots_are_loaded_when_the_page_is_first_seen() -> None:
    code = (
        "import sys; from mmfeat_gui.views.application import make_application;"
        "application = make_application();"
        "from mmfeat_gui.views.main_window import MainWindow;"
        "from mmfeat_gui.state.settings import Settings;"
        "window = MainWindow(Settings()); window.show();"
        "print('pyqtgraph' in sys.modules, 'torch' in sys.modules); window.close()"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.split() == ["False", "False"]


def test_trainings_are_listed_and_the_ticked_ones_drawn(
    qtbot: QtBot, page: RunsPage, swept: Path
) -> None:
    show(qtbot, page, swept)
    trainings = page.trainings
    assert trainings is not None
    assert trainings.list.topLevelItemCount() == 9
    first = trainings.list.topLevelItem(0)
    assert first is not None
    assert first.text(0) == "sweep/sae.d_sae=16,optimiser.steps=100"
    assert first.text(1) == "finished"
    scores = json.loads((swept / first.text(0) / "scores.json").read_text())
    means = [np.mean(list(scores[name]["fvu"].values())) for name in scores]
    assert first.text(2) == f"{np.mean(means):.4f}"
    qtbot.waitUntil(lambda: len(drawn(trainings.curves, 1)) == 6)
    log = [
        json.loads(line)
        for line in (swept / first.text(0) / "metrics.jsonl").read_text().splitlines()
    ]
    steps, loss = drawn(trainings.curves, 0)[0]
    assert steps.tolist() == [one["step"] for one in log] == [50, 100]
    assert loss.tolist() == [one["loss"] for one in log]
    at, fvu = drawn(trainings.curves, 0)[1]  # the mark at its end
    assert (at.tolist(), fvu.tolist()) == ([100], [pytest.approx(np.mean(means))])
    icons = [trainings.list.topLevelItem(row).icon(0).isNull() for row in range(9)]
    assert icons == [False] * 6 + [True] * 3
    first.setCheckState(0, Qt.CheckState.Unchecked)
    assert len(drawn(trainings.curves, 1)) == 5
    assert first.icon(0).isNull()


def test_styles_stay_with_their_training_and_no_two_are_alike(
    qtbot: QtBot, page: RunsPage, swept: Path
) -> None:
    show(qtbot, page, swept)
    trainings = page.trainings
    assert trainings is not None
    before = dict(trainings._styles)
    assert sorted(before.values()) == list(range(6))
    item = trainings.list.topLevelItem(1)
    item.setCheckState(0, Qt.CheckState.Unchecked)
    trainings.list.topLevelItem(8).setCheckState(0, Qt.CheckState.Checked)
    after = trainings._styles
    assert {own: after[own] for own in before if own in after} == {
        own: style for own, style in before.items() if own in after
    }
    assert len(set(after.values())) == len(after) == 6
    pictures = {
        trainings.curves.swatch(style).pixmap(44, 14).toImage().constBits().tobytes()
        for style in range(MOST)
    }
    assert len(pictures) == MOST


def test_the_scaling_of_a_sweep_is_fitted_and_drawn(
    qtbot: QtBot, page: RunsPage, swept: Path
) -> None:
    show(qtbot, page, swept)
    trainings = page.trainings
    assert trainings is not None
    qtbot.waitUntil(trainings.export_button.isEnabled, timeout=LONG)
    truth = scaling(swept / "sweep")
    lines = drawn(trainings.scaling, 0)
    assert len(lines) == 4  # three sizes and the fit
    loss = sorted(value for _, own in lines[:3] for value in own)
    assert loss == pytest.approx(sorted(run.loss for run in truth.best))
    assert truth.surface is not None
    compute, fitted = lines[3]
    np.testing.assert_allclose(fitted, truth.surface.frontier(compute)[0])
    assert "9 runs, 0 unfinished" in trainings.laws.text()
    assert truth.features is not None
    law = f"features ~ C^{truth.features.value:.3f}"
    assert law in trainings.laws.text()


def test_a_training_is_begun_from_its_form_and_its_curve_grows_while_it_runs(
    qtbot: QtBot, page: RunsPage, activations_path: Path, tmp_path: Path
) -> None:
    show(qtbot, page, tmp_path)
    page.open_form("train")
    qtbot.waitUntil(lambda: bool(page.findChildren(FormDialog)))
    (form,) = page.findChildren(FormDialog)
    values = {"activations": str(activations_path), "d_sae": "64", "k": "4", "batch": "64"}
    for key, value in (values | {"steps": "4000"}).items():
        line = form.inputs[key]
        assert isinstance(line, QLineEdit)
        line.setText(value)
    recipes = form.inputs["recipe"]
    assert isinstance(recipes, QComboBox)
    recipes.setCurrentText("naive-topk")
    shown = form.command.text.toPlainText()
    form.start()
    jobs, view = page.jobs, page.jobs_view
    assert view is not None
    qtbot.waitUntil(lambda: bool(jobs.states), timeout=30_000)
    (state,) = jobs.states.values()
    assert state.order.text == shown
    assert view.command.text.toPlainText() == shown
    trainings = page.trainings
    assert trainings is not None
    seen: set[int] = set()

    def grows() -> bool:
        lines = drawn(trainings.curves, 0)
        seen.update(len(steps) for steps, _ in lines)
        return len(seen - {0}) >= 2

    qtbot.waitUntil(grows, timeout=LONG)
    assert jobs.running
    assert view.stop_button.isVisible()
    assert view.progress.maximum() > 0
    view.stop_button.click()
    qtbot.waitUntil(view.again_button.isVisible, timeout=LONG)
    assert view.status.text() == "stopped"
    assert view.sentence.text() == (
        "Interrupted: finished files are whole; run the same command again to go on."
    )
    view.forget_button.click()
    assert view.list.count() == 0
    assert jobs.states == {}


def test_a_form_says_what_is_wrong_and_begins_nothing(
    qtbot: QtBot, page: RunsPage, tmp_path: Path
) -> None:
    show(qtbot, page, tmp_path)
    page.open_form("atlas")
    qtbot.waitUntil(lambda: bool(page.findChildren(FormDialog)))
    (form,) = page.findChildren(FormDialog)
    form.start()
    qtbot.waitUntil(form.start_button.isEnabled)
    assert form.sentence.text() == "Activations is empty; fill it in."
    assert page.jobs.states == {}
    assert all(widget.accessibleName() for widget in form.inputs.values())
    gone: list[bool] = []
    form.destroyed.connect(lambda: gone.append(True))
    form.reject()
    qtbot.waitUntil(lambda: bool(gone))


def test_the_form_of_an_extraction_tells_what_it_would_take(
    qtbot: QtBot, page: RunsPage, corpus_path: Path, tmp_path: Path
) -> None:
    show(qtbot, page, tmp_path)
    page.open_form("extract")
    qtbot.waitUntil(lambda: bool(page.findChildren(FormDialog)))
    (form,) = page.findChildren(FormDialog)
    line = form.inputs["corpus"]
    assert isinstance(line, QLineEdit)
    line.setText(str(corpus_path))
    form.ask()
    qtbot.waitUntil(lambda: "rows, " in form.sentence.text(), timeout=LONG)
    assert "minutes on this machine" in form.sentence.text()
    assert page.jobs_view is not None
    assert page.jobs_view.list.count() == 0
    assert not (tmp_path / "activations.h5").exists()


@pytest.mark.parametrize("answer", ["stay", "stop", "keep"])
def test_closing_asks_what_becomes_of_running_jobs(
    qtbot: QtBot,
    page: RunsPage,
    activations_path: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    answer: str,
) -> None:
    assert page.may_close()  # nothing runs
    out = tmp_path / "sae"
    command = ("train", "--activations", str(activations_path), "--out", str(out))
    sets = ("--set", "sae.d_sae=64", "--set", "batch.size=64", "--set", "optimiser.steps=300")
    number = page.jobs.start(Order("train", ((*command, *sets),), out))
    qtbot.waitUntil(lambda: page.jobs.states[number].step is not None, timeout=LONG)
    asked: list[str] = []

    def execute(box: QMessageBox) -> int:
        asked.append(f"{box.text()} {box.informativeText()}")
        texts = {"stay": "Stay here", "stop": "Stop them", "keep": "Let them go on"}
        (chosen,) = (own for own in box.buttons() if own.text() == texts[answer])
        chosen.click()
        return 0

    monkeypatch.setattr(runs_jobs.QMessageBox, "exec", execute)
    may = page.may_close()
    assert "Jobs that run: 1." in asked[0]
    assert "Training · sae" in asked[0]
    assert may is (answer != "stay")
    if answer == "stay":
        assert page.jobs.states[number].status == "running"
        return
    qtbot.waitUntil(lambda: not page.jobs.busy, timeout=LONG)
    state = page.jobs.states[number]
    if answer == "stop":
        assert state.status == "stopped"
        assert not (out / "scores.json").exists()
    else:
        assert state.status == "kept"
        qtbot.waitUntil(lambda: (out / "scores.json").exists(), timeout=LONG)


def test_jobs_that_were_kept_are_listed_and_can_be_stopped(
    qtbot: QtBot, page: RunsPage, activations_path: Path, tmp_path: Path
) -> None:
    out = tmp_path / "sae"
    command = ("train", "--activations", str(activations_path), "--out", str(out))
    sets = ("--set", "sae.d_sae=64", "--set", "batch.size=64", "--set", "optimiser.steps=50000")
    earlier = Jobs(tmp_path / "logs")
    order = Order("train", ((*command, *sets),), out)
    number = earlier.start(order)
    qtbot.waitUntil(lambda: earlier.states[number].step is not None, timeout=LONG)
    earlier.keep_all()
    show(qtbot, page, tmp_path)
    view = page.jobs_view
    assert view is not None
    qtbot.waitUntil(lambda: view.list.count() == 1)
    assert "Training · sae\ngoes on by itself · training SAE" in view.list.item(0).text()
    assert view.command.text.toPlainText() == order.text
    assert "what it prints goes to" in view.sentence.text() and view.progress.isVisible()
    assert page.may_close()  # nothing is asked: it goes on anyway
    view.stop_button.click()
    qtbot.waitUntil(view.again_button.isVisible, timeout=LONG)
    assert view.status.text() == "stopped"
    view.forget_button.click()
    assert view.list.count() == 0 and Jobs(tmp_path / "logs").find_kept() == []


def test_an_end_is_told_where_the_page_is_not_seen(
    qtbot: QtBot, page: RunsPage, corpus_path: Path
) -> None:
    said: list[str] = []
    page.context.said.connect(said.append)
    out = Path("sweep/scaling.pdf")
    page.jobs.start(Order("scaling", (("info", str(corpus_path)),), out))
    qtbot.waitUntil(lambda: bool(said), timeout=LONG)
    assert said == ["Scaling laws · scaling.pdf: done"]


def test_a_board_sorts_with_what_is_missing_last() -> None:
    model = BoardModel()
    QAbstractItemModelTester(model, QAbstractItemModelTester.FailureReportingMode.Fatal)
    rows = (("b", 0.25, None), ("C", None, 1.0), ("a", 3.0, 12345.0))
    model.show_board(Board(("name", "fvu[image.pooled]", "d_sae"), rows))

    def column(at: int) -> list[str]:
        return [model.index(row, at).data() for row in range(model.rowCount())]

    assert [model.headerData(at, Qt.Orientation.Horizontal) for at in range(3)] == [
        "SAE",
        "FVU · image.pooled",
        "features",
    ]
    model.sort(1, Qt.SortOrder.DescendingOrder)
    assert column(1) == ["3", "0.2500", "–"]
    model.sort(1, Qt.SortOrder.AscendingOrder)
    assert column(0) == ["b", "a", "C"]
    model.sort(0)
    assert column(0) == ["a", "b", "C"]
    assert column(2) == ["12,345", "–", "1"]
    model.show_board(Board(("name", "k"), (("z", 1.0), ("y", 2.0))))
    assert column(0) == ["y", "z"]  # still sorted by name
    assert score_name("unheard_of") == "unheard of"


def test_the_scoreboard_of_a_folder_is_shown(qtbot: QtBot, page: RunsPage, swept: Path) -> None:
    show(qtbot, page, swept)
    trainings = page.trainings
    assert trainings is not None
    assert trainings.board_model.rowCount() == 9
    (swept / "board.csv").write_text(
        "name,path,architecture,d_sae,fvu[image.pooled][all],r1_codes[ko],r1_codes[mean]\n"
        "one,/somewhere,topk,64,0.5,0.1,0.3\n"
    )
    trainings.refresh()
    qtbot.waitUntil(lambda: trainings.boards.count() == 2)
    trainings.show_board(swept / "board.csv")
    qtbot.waitUntil(lambda: trainings.board_model.rowCount() == 1)
    assert trainings.board_model.board.rows == (("one", "topk", 64.0, 0.5, 0.3),)
    (swept / "board.csv").unlink()


def test_every_text_that_takes_the_keyboard_has_a_name(qtbot: QtBot, page: RunsPage) -> None:
    show(qtbot, page, Path(__file__).parent)
    assert page.trainings is not None
    assert page.jobs_view is not None
    texts = page.findChildren(QPlainTextEdit)
    assert texts
    for widget in (*texts, page.trainings.list, page.trainings.board, page.jobs_view.list):
        assert widget.accessibleName()


def test_an_atlas_that_was_made_opens_in_the_window(
    qtbot: QtBot,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    window: MainWindow,
    atlas_path: Path,
) -> None:
    monkeypatch.setattr(kept, "jobs_folder", lambda: tmp_path / "logs")
    page = window.pages["runs"]
    assert isinstance(page, RunsPage)
    window.actions_by_key["runs"].trigger()
    assert page.isVisible()
    view = page.jobs_view
    assert view is not None
    number = page.start(Order("atlas", (("validate", str(atlas_path)),), atlas_path))
    qtbot.waitUntil(view.open_button.isVisible, timeout=LONG)
    view.open_button.click()
    qtbot.waitUntil(lambda: window.summary is not None and window.shows_atlas, timeout=30_000)
    assert window.summary is not None
    assert window.summary.path == atlas_path
    assert page.trainings is not None
    assert page.trainings.folder == atlas_path.parent  # looked at, as no other was chosen
    qtbot.waitUntil(lambda: not window.busy, timeout=30_000)
    page.jobs.forget(number)
