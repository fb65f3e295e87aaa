from __future__ import annotations

import shutil
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import h5py
import pytest
from PySide6.QtCore import QThread
from pytestqt.qtbot import QtBot

from mmfeat_gui.resources import strings
from mmfeat_gui.views.main_window import MainWindow
from mmfeat_gui.workers import atlases as kept
from mmfeat_gui.workers.atlases import Atlases
from mmfeat_gui.workers.reader import Reader

READ: list[Any] = []
GATE = threading.Event()


@dataclass(frozen=True)
class Names:
    """Asks for the English name of a feature, and waits at the gate."""

    feature: int
    channel: ClassVar[str] = "page"

    def read(self, atlases: Atlases) -> tuple[int, str, str]:
        READ.append(self.feature)
        GATE.wait(20)
        name = atlases.main.names(self.feature)["en"][0]
        return self.feature, name, threading.current_thread().name


@dataclass(frozen=True)
class Beside:
    """Asks for the path of the atlas beside."""

    channel: ClassVar[str] = "card"

    def read(self, atlases: Atlases) -> Path | None:
        return None if atlases.beside is None else atlases.beside.path


@dataclass(frozen=True)
class Broken:
    channel: ClassVar[str] = "broken"

    def read(self, atlases: Atlases) -> None:
        raise KeyError("no\nsuch thing")


@dataclass(frozen=True)
class Counting:
    """Counts, a number a slice."""

    last: int
    channel: ClassVar[str] = "count"

    def slices(self, atlases: Atlases) -> Iterator[int]:
        for number in range(1, self.last + 1):
            READ.append(f"slice {number}")
            GATE.wait(20)
            yield number


@pytest.fixture
def reader(qtbot: QtBot) -> Iterator[Reader]:
    strings.use("en")
    READ.clear()
    GATE.set()
    made = Reader()
    yield made
    GATE.set()
    made.close()
    assert "mmfeat-reader" not in [thread.name for thread in threading.enumerate()]


@pytest.fixture
def heard(reader: Reader) -> dict[str, list[Any]]:
    """Whatever the reader tells."""
    told: dict[str, list[Any]] = {"opened": [], "beside": [], "failed": [], "names": []}
    reader.opened.connect(lambda summary: told["opened"].append(summary.path))
    reader.beside_ready.connect(lambda summary: told["beside"].append(summary.path))
    reader.failed.connect(told["failed"].append)
    return told


def _opened(qtbot: QtBot, reader: Reader, path: Path) -> None:
    with qtbot.waitSignal(reader.idle, timeout=30_000):
        reader.open(path)


def test_answers_arrive_on_the_thread_that_asks(
    qtbot: QtBot, reader: Reader, heard: dict[str, list[Any]], atlas_path: Path
) -> None:
    _opened(qtbot, reader, atlas_path)
    threads = []

    def done(answer: tuple[int, str, str]) -> None:
        heard["names"].append(answer)
        threads.append(QThread.currentThread())

    with qtbot.waitSignal(reader.idle, timeout=30_000):
        reader.ask(Names(3), done)
    with h5py.File(atlas_path) as file:
        languages = file["languages"].asstr()[()].tolist()
        expected = file["names/text"].asstr()[3, languages.index("en")]
    assert heard["opened"] == [atlas_path]
    assert heard["names"] == [(3, expected, "mmfeat-reader")]
    assert threads == [QThread.currentThread()]


def test_the_last_atlas_and_the_one_beside_change_sides(
    qtbot: QtBot, reader: Reader, heard: dict[str, list[Any]], atlas_path: Path, tmp_path: Path
) -> None:
    other = Path(shutil.copy(atlas_path, tmp_path / "other.h5"))
    _opened(qtbot, reader, atlas_path)
    with qtbot.waitSignal(reader.idle, timeout=30_000):
        reader.open_beside(other)
    assert heard["beside"] == [other]
    found: list[Path] = []
    with qtbot.waitSignal(reader.idle, timeout=30_000):
        reader.ask(Beside(), found.append)
    _opened(qtbot, reader, other)
    with qtbot.waitSignal(reader.idle, timeout=30_000):
        reader.ask(Beside(), found.append)
    assert found == [other, atlas_path]


def test_an_atlas_asked_for_beside_one_that_has_gone_is_not_delivered(
    qtbot: QtBot, reader: Reader, heard: dict[str, list[Any]], atlas_path: Path, tmp_path: Path
) -> None:
    other = Path(shutil.copy(atlas_path, tmp_path / "other.h5"))
    third = Path(shutil.copy(atlas_path, tmp_path / "third.h5"))
    _opened(qtbot, reader, atlas_path)
    with qtbot.waitSignal(reader.idle, timeout=30_000):
        reader.open(third)
        reader.open_beside(other)
    assert heard["opened"] == [atlas_path, third]
    assert heard["beside"] == []


def test_only_the_last_of_a_channel_is_read(
    qtbot: QtBot, reader: Reader, heard: dict[str, list[Any]], atlas_path: Path
) -> None:
    _opened(qtbot, reader, atlas_path)
    GATE.clear()
    reader.ask(Names(1), heard["names"].append)
    qtbot.waitUntil(lambda: 1 in READ)
    for feature in (2, 3, 4):
        reader.ask(Names(feature), heard["names"].append)
    with qtbot.waitSignal(reader.idle, timeout=30_000):
        GATE.set()
    # 1 was being read already, so it is read but not delivered; 2 and 3 are never read.
    assert READ == [1, 4]
    assert [answer[0] for answer in heard["names"]] == [4]


def test_what_is_forgotten_is_not_delivered(
    qtbot: QtBot, reader: Reader, heard: dict[str, list[Any]], atlas_path: Path
) -> None:
    _opened(qtbot, reader, atlas_path)
    GATE.clear()
    reader.ask(Names(1), heard["names"].append)
    reader.forget("page")
    with qtbot.waitSignal(reader.idle, timeout=30_000):
        GATE.set()
    assert heard["names"] == [] and not reader.busy


def test_between_two_slices_of_something_long_a_page_is_read(
    qtbot: QtBot, reader: Reader, heard: dict[str, list[Any]], atlas_path: Path
) -> None:
    _opened(qtbot, reader, atlas_path)
    GATE.clear()
    counted: list[int] = []
    ended: list[str] = []
    reader.follow(Counting(3), counted.append, lambda: ended.append("counted"))
    qtbot.waitUntil(lambda: "slice 1" in READ)
    reader.ask(Names(2), heard["names"].append)
    with qtbot.waitSignal(reader.idle, timeout=30_000):
        GATE.set()
    assert counted == [1, 2, 3] and ended == ["counted"]
    assert READ == ["slice 1", 2, "slice 2", "slice 3"]


def test_something_long_ends_when_it_is_asked_for_anew_or_forgotten(
    qtbot: QtBot, reader: Reader, atlas_path: Path
) -> None:
    _opened(qtbot, reader, atlas_path)
    GATE.clear()
    counted: list[int] = []
    reader.follow(Counting(10**6), counted.append)
    qtbot.waitUntil(lambda: bool(READ))
    reader.follow(Counting(2), counted.append)
    with qtbot.waitSignal(reader.idle, timeout=30_000):
        GATE.set()
    assert counted == [1, 2]
    reader.follow(Counting(10**6), counted.append)
    qtbot.waitUntil(lambda: len(counted) > 5)
    with qtbot.waitSignal(reader.idle, timeout=30_000):
        reader.forget("count")


def test_a_page_of_the_atlas_before_is_not_read_from_the_new_one(
    qtbot: QtBot, reader: Reader, heard: dict[str, list[Any]], atlas_path: Path, tmp_path: Path
) -> None:
    other = Path(shutil.copy(atlas_path, tmp_path / "other.h5"))
    _opened(qtbot, reader, atlas_path)
    with qtbot.waitSignal(reader.idle, timeout=30_000):
        reader.open(other)
        reader.ask(Names(1), heard["names"].append)  # means the atlas that is still shown
    assert heard["opened"] == [atlas_path, other]
    assert heard["names"] == [] and READ == []
    with qtbot.waitSignal(reader.idle, timeout=30_000):
        reader.ask(Names(1), heard["names"].append)
    assert len(heard["names"]) == 1


def test_a_file_that_cannot_be_opened_leaves_the_one_before(
    qtbot: QtBot, reader: Reader, heard: dict[str, list[Any]], atlas_path: Path, tmp_path: Path
) -> None:
    broken = tmp_path / "broken.h5"
    broken.write_bytes(b"not an atlas")
    _opened(qtbot, reader, atlas_path)
    _opened(qtbot, reader, broken)
    with qtbot.waitSignal(reader.idle, timeout=30_000):
        reader.ask(Names(0), heard["names"].append)
    assert len(heard["names"]) == 1
    (sentence,) = heard["failed"]
    assert "broken.h5" in sentence and "Traceback" not in sentence


def test_an_unforeseen_error_becomes_a_sentence_and_the_thread_lives(
    qtbot: QtBot, reader: Reader, heard: dict[str, list[Any]], atlas_path: Path
) -> None:
    _opened(qtbot, reader, atlas_path)
    own: list[str] = []
    with qtbot.waitSignal(reader.idle, timeout=30_000):
        reader.ask(Broken(), heard["names"].append)
    with qtbot.waitSignal(reader.idle, timeout=30_000):
        reader.ask(Broken(), heard["names"].append, own.append)
    assert heard["failed"] == own
    (sentence,) = own
    assert atlas_path.name in sentence and "\n" not in sentence
    with qtbot.waitSignal(reader.idle, timeout=30_000):
        reader.ask(Names(0), heard["names"].append)
    assert len(heard["names"]) == 1


def test_without_an_atlas_a_page_is_a_sentence(
    qtbot: QtBot, reader: Reader, heard: dict[str, list[Any]]
) -> None:
    with qtbot.waitSignal(reader.idle, timeout=30_000):
        reader.ask(Names(0), heard["names"].append)
    assert heard["failed"] == ["No atlas is open; open one first."]


def test_what_was_read_lately_is_not_made_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kept, "_KEPT", 2)
    atlases, made = Atlases(), []

    def make(key: int) -> Callable[[], int]:
        def run() -> int:
            made.append(key)
            return 10 * key

        return run

    assert [atlases.cached(key, make(key)) for key in (0, 1, 0, 2, 0, 1)] == [0, 10, 0, 20, 0, 10]
    assert made == [0, 1, 2, 1]


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
    settle(window)
    window.open_item(1)
    for panel in window.bench.panels:
        window.bring(panel.key)
        settle(window)
    window.grab()
    window.close()
    assert set(threads) == {"mmfeat-reader"}
    assert threads["mmfeat-reader"] > 50


def test_closing_waits_for_what_is_being_read(
    qtbot: QtBot, reader: Reader, heard: dict[str, list[Any]], atlas_path: Path
) -> None:
    _opened(qtbot, reader, atlas_path)
    GATE.clear()
    reader.ask(Names(1), heard["names"].append)
    qtbot.waitUntil(lambda: bool(READ))
    threading.Timer(0.2, GATE.set).start()
    reader.close()
    assert not [thread for thread in threading.enumerate() if thread.name == "mmfeat-reader"]
    qtbot.wait(20)
    assert heard["names"] == []
    h5py.File(atlas_path, "r+").close()  # nobody holds it any more
