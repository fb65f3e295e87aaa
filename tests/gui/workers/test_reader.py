from __future__ import annotations

import shutil
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import h5py
import pytest
from PySide6.QtCore import QObject, QThread
from pytestqt.qtbot import QtBot

from mmfeat_gui.views.main_window import MainWindow
from mmfeat_gui.workers import pages
from mmfeat_gui.workers.pages import PageStore
from mmfeat_gui.workers.reader import Reader


class Heard(QObject):
    """Remembers what a reader delivers, and on which thread."""

    def __init__(self, reader: Reader) -> None:
        super().__init__()
        self.opened: list[Any] = []
        self.features: list[int] = []
        self.items: list[int] = []
        self.cards: list[int] = []
        self.failures: list[tuple[str, str]] = []
        self.threads: set[QThread] = set()
        reader.opened.connect(self.on_opened)
        reader.feature_ready.connect(self.on_feature)
        reader.item_ready.connect(self.on_item)
        reader.card_ready.connect(self.on_card)
        reader.failed.connect(self.on_failed)

    def on_opened(self, summary: Any) -> None:
        self.threads.add(QThread.currentThread())
        self.opened.append(summary)

    def on_feature(self, loaded: Any) -> None:
        self.threads.add(QThread.currentThread())
        self.features.append(loaded.page.feature)

    def on_item(self, loaded: Any) -> None:
        self.items.append(loaded.page.item)

    def on_card(self, card: Any) -> None:
        self.cards.append(card.feature)

    def on_failed(self, channel: str, sentence: str) -> None:
        self.failures.append((channel, sentence))


@pytest.fixture
def reader(qtbot: QtBot) -> Iterator[Reader]:
    made = Reader()
    yield made
    made.close()
    assert "mmfeat-reader" not in [thread.name for thread in threading.enumerate()]


@pytest.fixture
def gate(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[threading.Event, list[Any]]]:
    """Holds the reading thread before each answer, and lists what it reads."""
    event, read = threading.Event(), []
    answer = PageStore.answer

    def slow(self: PageStore, what: str, argument: Any) -> Any:
        read.append((what, argument))
        event.wait(20)
        return answer(self, what, argument)

    monkeypatch.setattr(PageStore, "answer", slow)
    yield event, read
    event.set()


def test_answers_arrive_on_the_thread_that_asks(
    qtbot: QtBot, reader: Reader, atlas_path: Path
) -> None:
    heard = Heard(reader)
    with qtbot.waitSignal(reader.idle, timeout=30_000):
        reader.open(atlas_path)
    with qtbot.waitSignal(reader.idle, timeout=30_000):
        reader.show_feature(3)
        reader.show_card(5)
    assert heard.opened[0].path == atlas_path
    assert (heard.features, heard.cards) == ([3], [5])
    assert heard.threads == {QThread.currentThread()}


def test_the_atlas_beside_has_cards_of_its_own(
    qtbot: QtBot, reader: Reader, atlas_path: Path, tmp_path: Path
) -> None:
    other = Path(shutil.copy(atlas_path, tmp_path / "other.h5"))
    with h5py.File(other, "r+") as file:
        file["examples/image.pooled/top"][3] = -1  # so that feature 3 has no picture
    heard, pictures, beside = Heard(reader), [], []
    reader.card_ready.connect(lambda card: pictures.append(card.picture))
    reader.beside_ready.connect(beside.append)
    with qtbot.waitSignal(reader.idle, timeout=30_000):
        reader.open(atlas_path)
    with qtbot.waitSignal(reader.idle, timeout=30_000):
        reader.open_beside(other)
    assert [summary.path for summary in beside] == [other]
    for ask in (reader.show_card, reader.show_card_beside):
        with qtbot.waitSignal(reader.idle, timeout=30_000):
            ask(3)
    assert heard.cards == [3, 3]
    assert pictures[1] is None and pictures[0] is not None
    # Changing to the other one turns the sides.
    with qtbot.waitSignal(reader.idle, timeout=30_000):
        reader.open(other)
    for ask in (reader.show_card, reader.show_card_beside):
        with qtbot.waitSignal(reader.idle, timeout=30_000):
            ask(3)
    assert pictures[2] is None and pictures[3] is not None


def test_an_atlas_asked_for_beside_one_that_has_gone_is_not_delivered(
    qtbot: QtBot, reader: Reader, atlas_path: Path, tmp_path: Path
) -> None:
    other = Path(shutil.copy(atlas_path, tmp_path / "other.h5"))
    third = Path(shutil.copy(atlas_path, tmp_path / "third.h5"))
    heard, beside = Heard(reader), []
    reader.beside_ready.connect(beside.append)
    with qtbot.waitSignal(reader.idle, timeout=30_000):
        reader.open(atlas_path)
    with qtbot.waitSignal(reader.idle, timeout=30_000):
        reader.open(third)
        reader.open_beside(other)
    assert [summary.path for summary in heard.opened] == [atlas_path, third]
    assert beside == []


def test_only_the_last_page_asked_for_is_read(
    qtbot: QtBot, reader: Reader, atlas_path: Path, gate: tuple[threading.Event, list[Any]]
) -> None:
    heard, (event, read) = Heard(reader), gate
    event.set()
    with qtbot.waitSignal(reader.idle, timeout=30_000):
        reader.open(atlas_path)
    event.clear()
    reader.show_feature(1)
    qtbot.waitUntil(lambda: ("feature", 1) in read)
    for feature in (2, 3, 4):
        reader.show_feature(feature)
    with qtbot.waitSignal(reader.idle, timeout=30_000):
        event.set()
    # 1 was being read already, so it is read but not delivered; 2 and 3 are never read.
    assert [entry for entry in read if entry[0] == "feature"] == [("feature", 1), ("feature", 4)]
    assert heard.features == [4]


def test_an_item_makes_a_feature_asked_for_before_stale(
    qtbot: QtBot, reader: Reader, atlas_path: Path, gate: tuple[threading.Event, list[Any]]
) -> None:
    heard, (event, _) = Heard(reader), gate
    event.set()
    with qtbot.waitSignal(reader.idle, timeout=30_000):
        reader.open(atlas_path)
    event.clear()
    reader.show_feature(1)
    reader.show_item(2)
    with qtbot.waitSignal(reader.idle, timeout=30_000):
        event.set()
    assert (heard.features, heard.items) == ([], [2])


def test_a_page_of_the_atlas_before_is_not_read_from_the_new_one(
    qtbot: QtBot,
    reader: Reader,
    atlas_path: Path,
    tmp_path: Path,
    gate: tuple[threading.Event, list[Any]],
) -> None:
    other = Path(shutil.copy(atlas_path, tmp_path / "other.h5"))
    heard, (event, _) = Heard(reader), gate
    event.set()
    with qtbot.waitSignal(reader.idle, timeout=30_000):
        reader.open(atlas_path)
    event.clear()
    reader.open(other)
    reader.show_feature(1)  # means the atlas that is still shown
    with qtbot.waitSignal(reader.idle, timeout=30_000):
        event.set()
    assert [summary.path for summary in heard.opened] == [atlas_path, other]
    assert heard.features == []
    with qtbot.waitSignal(reader.idle, timeout=30_000):
        reader.show_feature(1)
    assert heard.features == [1]


def test_a_file_that_cannot_be_opened_leaves_the_one_before(
    qtbot: QtBot, reader: Reader, atlas_path: Path, tmp_path: Path
) -> None:
    heard, broken = Heard(reader), tmp_path / "broken.h5"
    broken.write_bytes(b"not an atlas")
    with qtbot.waitSignal(reader.idle, timeout=30_000):
        reader.open(atlas_path)
    with qtbot.waitSignal(reader.idle, timeout=30_000):
        reader.open(broken)
    with qtbot.waitSignal(reader.idle, timeout=30_000):
        reader.show_feature(0)
    assert heard.features == [0]
    ((channel, sentence),) = heard.failures
    assert channel == "open"
    assert "broken.h5" in sentence
    assert "Traceback" not in sentence


def test_an_unforeseen_error_becomes_a_sentence_and_the_thread_lives(
    qtbot: QtBot, reader: Reader, atlas_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    heard = Heard(reader)
    with qtbot.waitSignal(reader.idle, timeout=30_000):
        reader.open(atlas_path)
    with monkeypatch.context() as patch:

        def fail(*_: object) -> None:
            raise KeyError("no\nsuch thing")

        patch.setattr(pages, "feature_page", fail)
        with qtbot.waitSignal(reader.idle, timeout=30_000):
            reader.show_feature(0)
    ((channel, sentence),) = heard.failures
    assert channel == "page"
    assert atlas_path.name in sentence and "\n" not in sentence
    with qtbot.waitSignal(reader.idle, timeout=30_000):
        reader.show_feature(0)
    assert heard.features == [0]


def test_pages_seen_lately_are_not_read_again(
    atlas_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[int] = []
    make = pages.feature_page

    def counted(atlas: Any, feature: int) -> Any:
        read.append(feature)
        return make(atlas, feature)

    monkeypatch.setattr(pages, "feature_page", counted)
    monkeypatch.setattr(pages, "_PAGES", 2)
    store = PageStore()
    store.answer("open", atlas_path)
    for feature in (0, 1, 0, 2, 0, 1):
        store.answer("feature", feature)
    store.close()
    assert read == [0, 1, 2, 1]


def test_hdf5_is_touched_on_the_reading_thread_only(
    window: MainWindow,
    atlas_path: Path,
    settle: Callable[[MainWindow], None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    threads: dict[str, int] = {}

    def watch(kind: type, method: str) -> None:
        original = getattr(kind, method)

        def watched(self: Any, *args: Any, **kwargs: Any) -> Any:
            name = threading.current_thread().name
            threads[name] = threads.get(name, 0) + 1
            return original(self, *args, **kwargs)

        monkeypatch.setattr(kind, method, watched)

    watch(h5py.File, "__init__")
    watch(h5py.Group, "__getitem__")
    watch(h5py.Dataset, "__getitem__")
    watch(h5py.AttributeManager, "__getitem__")
    window.open_atlas(atlas_path)
    settle(window)
    window.open_feature(2)
    window.open_item(1)
    settle(window)
    window.map.canvas.hovered.emit(4, window.rect().center())
    window.list.search.setText("a")
    window.list.view.sortByColumn(3, window.list.view.horizontalHeader().sortIndicatorOrder())
    settle(window)
    window.grab()
    window.close()
    assert set(threads) == {"mmfeat-reader"}
    assert threads["mmfeat-reader"] > 50


def test_closing_waits_for_what_is_being_read(
    qtbot: QtBot, reader: Reader, atlas_path: Path, gate: tuple[threading.Event, list[Any]]
) -> None:
    heard, (event, read) = Heard(reader), gate
    reader.open(atlas_path)
    qtbot.waitUntil(lambda: bool(read))
    threading.Timer(0.2, event.set).start()
    reader.close()
    assert not [thread for thread in threading.enumerate() if thread.name == "mmfeat-reader"]
    qtbot.wait(20)
    assert heard.opened == []
    h5py.File(atlas_path, "r+").close()  # nobody holds it any more
