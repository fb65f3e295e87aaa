"""The engine's process with real requests, and with ones that do what a process can do wrong."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest
from PIL import Image
from pytestqt.qtbot import QtBot

from mmfeat.atlas.encoder import open_encoder
from mmfeat.atlas.lookup import picture_of
from mmfeat.atlas.probe import Fires, fires_on_picture, fires_on_text
from mmfeat.atlas.query import search_atlas
from mmfeat.atlas.reader import Atlas
from mmfeat_gui.resources import strings
from mmfeat_gui.state.probe import Probed
from mmfeat_gui.state.sources import ItemSource, PictureSource, TextSource
from mmfeat_gui.state.steering import Steer
from mmfeat_gui.workers.engine import Engine
from mmfeat_gui.workers.engine_child import Model
from mmfeat_gui.workers.probe import BackboneCheck, ProbeRequest, SearchRequest
from mmfeat_gui.workers.steer import SteerRequest
from tests.gui.workers.engine_requests import Ask, Die, Err, Say, Sleep, Unpicklable

SEVERAL = 60_000  # ms in which a process begins and loads torch on a busy machine


@pytest.fixture
def engine(qtbot: QtBot) -> Iterator[Engine]:
    strings.use("en")
    made = Engine()
    yield made
    made.close()
    assert not [one for one in threading.enumerate() if one.name == "mmfeat-engine"]
    assert not children()


def children() -> list[psutil.Process]:
    """Return the engine's processes; not the one by which Python frees what is shared."""
    found = []
    for child in psutil.Process().children(recursive=True):
        try:
            if "resource_tracker" not in " ".join(child.cmdline()):
                found.append(child)
        except psutil.NoSuchProcess:
            pass
    return found


class Told:
    """What an engine told."""

    def __init__(self, engine: Engine, qtbot: QtBot) -> None:
        self.engine, self.qtbot = engine, qtbot
        self.results: list[Any] = []
        self.failures: list[str] = []
        self.doings: list[Any] = []

    def ask(self, request: Any) -> Told:
        done, failed = self.results.append, self.failures.append
        self.engine.ask(request, done, failed, self.doings.append)
        return self

    def wait(self) -> Any:
        self.qtbot.waitUntil(lambda: not self.engine.busy, timeout=SEVERAL)
        assert not self.failures, self.failures
        return self.results[-1] if self.results else None

    def fail(self) -> str:
        self.qtbot.waitUntil(lambda: not self.engine.busy, timeout=SEVERAL)
        assert len(self.failures) == 1, (self.failures, self.results)
        return str(self.failures.pop())


@pytest.fixture
def told(engine: Engine, qtbot: QtBot) -> Told:
    return Told(engine, qtbot)


def pid_of(answer: str) -> int:
    return int(answer.rpartition(" ")[2])


def test_nothing_runs_before_the_first_request(engine: Engine) -> None:
    assert not children()
    assert not [one for one in threading.enumerate() if one.name == "mmfeat-engine"]


def test_one_process_answers_all_requests_and_has_no_display(
    told: Told, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DISPLAY", ":77")
    monkeypatch.setenv("WAYLAND_DISPLAY", "wayland-77")
    first = told.ask(Ask()).wait()
    second = told.ask(Say("hello")).wait()
    assert first["pid"] == pid_of(second) != os.getpid()
    assert first["display"] == [] and first["qt"] == []
    assert [child.pid for child in children()] == [first["pid"]]


def test_progress_is_told_while_it_goes_on(told: Told) -> None:
    told.ask(Say("done", steps=20)).wait()
    assert {doing.what for doing in told.doings} == {"counting sheep"}
    assert {doing.total for doing in told.doings} == {20}
    counts = [doing.done for doing in told.doings]
    assert counts == sorted(counts) and counts[-1] > 5


def test_a_newer_request_of_a_channel_makes_the_older_ones_stale(told: Told) -> None:
    told.ask(Say("warm")).wait()
    for word in ("one", "two", "three"):
        told.ask(Say(word, steps=500))
    pid = pid_of(told.ask(Say("four")).wait())
    # The first was given up between two steps, in the process that goes on.
    assert [result.split(" ")[0] for result in told.results] == ["warm", "four"]
    assert pid == pid_of(told.results[0])


def test_requests_of_other_channels_are_all_answered(told: Told) -> None:
    for number in range(4):
        told.ask(Say(str(number), channel=f"channel {number}"))
    told.wait()
    assert [result.split(" ")[0] for result in told.results] == ["0", "1", "2", "3"]


def test_what_is_cancelled_ends_even_where_it_does_not_listen(
    told: Told, engine: Engine, qtbot: QtBot
) -> None:
    before = pid_of(told.ask(Say("warm")).wait())
    told.ask(Sleep())
    qtbot.wait(100)
    engine.cancel("sleep")
    qtbot.waitUntil(lambda: not engine.busy, timeout=SEVERAL)
    assert not psutil.pid_exists(before)
    assert pid_of(told.ask(Say("again")).wait()) != before


def test_what_listens_is_cancelled_without_ending_the_process(
    told: Told, engine: Engine, qtbot: QtBot
) -> None:
    before = pid_of(told.ask(Say("warm")).wait())
    told.ask(Say("long", steps=2000))
    qtbot.wait(100)
    engine.cancel("say")
    qtbot.waitUntil(lambda: not engine.busy, timeout=SEVERAL)
    assert pid_of(told.ask(Say("again")).wait()) == before
    assert len(told.results) == 2


def test_a_process_that_dies_is_one_sentence_and_the_next_request_begins_another(
    told: Told,
) -> None:
    before = pid_of(told.ask(Say("warm")).wait())
    assert "SIGKILL" in told.ask(Die()).fail()
    assert pid_of(told.ask(Say("again")).wait()) != before


def test_a_process_that_is_killed_while_it_rests_is_replaced_silently(
    told: Told, qtbot: QtBot
) -> None:
    before = pid_of(told.ask(Say("warm")).wait())
    os.kill(before, signal.SIGKILL)
    qtbot.waitUntil(lambda: not psutil.pid_exists(before), timeout=SEVERAL)
    assert pid_of(told.ask(Say("again")).wait()) != before


def test_errors_are_sentences(told: Told) -> None:
    assert told.ask(Err(foreseen=True)).fail() == "There is no such thing; give another."
    assert told.ask(Err(foreseen=False)).fail() == (
        "The backbone could not answer: division by zero"
    )
    assert "pickle" in told.ask(Unpicklable()).fail()


def test_closing_in_the_midst_of_work_leaves_nothing(told: Told, engine: Engine) -> None:
    told.ask(Say("warm")).wait()
    told.ask(Sleep())
    time.sleep(0.1)
    started = len(children())
    engine.close()
    assert started == 1 and not children()
    told.ask(Say("after"))  # is not heard
    assert not engine._thread or not engine._thread.is_alive()


def test_the_process_ends_with_a_window_that_was_killed() -> None:
    code = """
import sys, time
sys.path[:0] = [{gui!r}, {root!r}]
from PySide6.QtCore import QCoreApplication
from mmfeat_gui.workers.engine import Engine
from tests.gui.workers.engine_requests import Say, Sleep
if __name__ == "__main__":
    application = QCoreApplication([])
    engine = Engine()
    def told(answer):
        engine.ask(Sleep(), print)
        print(answer.rpartition(" ")[2], flush=True)
    engine.ask(Say("begun"), told)
    application.exec()
"""
    root = Path(__file__).parents[3]
    source = code.format(gui=str(root / "gui"), root=str(root))
    window = subprocess.Popen([sys.executable, "-c", source], stdout=subprocess.PIPE, text=True)
    assert window.stdout is not None
    child = int(window.stdout.readline())
    time.sleep(0.2)  # it sleeps in its request now
    assert psutil.pid_exists(child)
    window.kill()
    window.wait()
    for _ in range(200):
        if not psutil.pid_exists(child) or psutil.Process(child).status() == "zombie":
            break
        time.sleep(0.05)
    else:
        pytest.fail("the process has outlived its window")


# With an atlas ----------------------------------------------------------------------


@pytest.fixture(scope="module")
def truth(atlas_path: Path) -> Iterator[tuple[Atlas, Any]]:
    with Atlas(atlas_path) as atlas:
        yield atlas, open_encoder(atlas, device="cpu")


def same(found: Fires, expected: Fires) -> None:
    assert found.language == expected.language
    assert found.grid == expected.grid and found.spans == expected.spans
    for name in ("features", "cell", "cell_feature"):
        np.testing.assert_array_equal(getattr(found, name), getattr(expected, name))
    for name in ("activation", "share", "cell_activation", "highest"):
        np.testing.assert_allclose(getattr(found, name), getattr(expected, name), rtol=1e-4)


def test_probes_are_those_of_the_library(
    told: Told, truth: tuple[Atlas, Any], atlas_path: Path, tmp_path: Path
) -> None:
    atlas, encoder = truth
    model = Model(atlas_path)
    picture = picture_of(atlas, 5)
    file = tmp_path / "picture.png"
    picture.save(file)
    expected = fires_on_picture(atlas, encoder, picture)
    found: Probed = told.ask(ProbeRequest(model, PictureSource(file.name, file), "A")).wait()
    same(found.fires, expected)
    assert found.picture is not None and found.picture.shape == (96, 96, 3)
    np.testing.assert_array_equal(found.picture, np.asarray(picture))
    by_data = PictureSource("pasted", data=file.read_bytes())
    same(told.ask(ProbeRequest(model, by_data, "A")).wait().fires, expected)
    item = ItemSource(atlas.items().item_id[5])
    same(told.ask(ProbeRequest(model, item, "B")).wait().fires, expected)
    text: Probed = told.ask(ProbeRequest(model, TextSource("빨간 불"), "A")).wait()
    assert text.fires.language == "ko"
    same(text.fires, fires_on_text(atlas, encoder, "빨간 불"))
    chosen: Probed = told.ask(ProbeRequest(model, TextSource("hand", "de"), "A")).wait()
    assert chosen.fires.language == "de"
    same(chosen.fires, fires_on_text(atlas, encoder, "hand", "de"))


def test_searches_are_those_of_the_command(
    told: Told, truth: tuple[Atlas, Any], atlas_path: Path
) -> None:
    ids = truth[0].items().item_id
    request = SearchRequest(
        Model(atlas_path), (TextSource("불"), ItemSource(ids[3])), (ItemSource(ids[9]),), top=7
    )
    found = told.ask(request).wait()
    expected = search_atlas(atlas_path, texts=["불"], items=[ids[3]], not_items=[ids[9]], top=7)[
        "features"
    ]
    assert [one.feature for one in found] == [one["feature"] for one in expected]
    for name in ("score", "positive", "negative", "positive_rate", "image_rate"):
        own = [getattr(one, name) for one in found]
        assert own == pytest.approx([one[name] for one in expected], rel=1e-4)


def test_steering_is_that_of_the_library(
    told: Told, truth: tuple[Atlas, Any], atlas_path: Path
) -> None:
    from mmfeat.atlas.steer import Steering, ablating

    atlas = truth[0]
    item = atlas.items().item_id[7]
    scores = atlas.features()
    feature = int(np.minimum(scores["firing_rate_image"], scores["firing_rate_text"]).argmax())
    steering = Steering(atlas, truth[1].backbone)
    query = steering.item(item)
    for kind, amount, how in (
        ("clamp", 3.0, steering.clamping(query, 3.0)),
        ("ablate", 0.0, ablating),
    ):
        steer = Steer(ItemSource(item), (feature,), kind, amount, ("en", "ko"))
        found = told.ask(SteerRequest(Model(atlas_path), steer)).wait()
        expected = steering.steer(query, [feature], how, languages=["en", "ko"], top=200)
        assert list(found.result["results"]) == ["en", "ko"]
        for tag, own in expected["results"].items():
            got = found.result["results"][tag]
            assert got["towards"]["change"] == pytest.approx(own["towards"]["change"], abs=1e-5)
            assert got["towards"]["controls"] == pytest.approx(own["towards"]["controls"], abs=1e-4)
            assert [row["item_id"] for row in got["after"][:5]] == [
                row["item_id"] for row in own["after"][:5]
            ]
            for when in ("before", "after"):
                for row in got[when][:10]:
                    assert atlas.items().item_id[found.items[row["item_id"]]] == row["item_id"]
    assert {doing.what for doing in told.doings} >= {
        "loading the backbone",
        "encoding captions in ko",
    }


def test_a_text_that_is_steered_retrieves_pictures(
    told: Told, truth: tuple[Atlas, Any], atlas_path: Path
) -> None:
    steer = Steer(TextSource("fire"), (0,), "add", 1.5)
    found = told.ask(SteerRequest(Model(atlas_path), steer)).wait()
    assert list(found.result["results"]) == ["pictures"]
    shown = {row["item_id"] for row in found.result["results"]["pictures"]["after"][:10]}
    assert shown <= set(found.pictures)
    assert all(pixels.shape == (96, 96, 3) for pixels in found.pictures.values())


def hostile(folder: Path) -> dict[str, PictureSource]:
    """Return pictures that must not be opened, each with a word of its sentence."""
    import struct
    import zlib

    def chunk(kind: bytes, data: bytes) -> bytes:
        checksum = struct.pack(">I", zlib.crc32(kind + data))
        return struct.pack(">I", len(data)) + kind + data + checksum

    head = struct.pack(">IIBBBBB", 60_000, 60_000, 8, 2, 0, 0, 0)
    bomb = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(b"")) + b""
    whole = folder / "whole.png"
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (64, 64, 3), np.uint8)).save(whole)
    (folder / "bomb.png").write_bytes(bomb)
    (folder / "cut.png").write_bytes(whole.read_bytes()[:900])
    (folder / "text.png").write_text("no picture")
    (folder / "empty.png").write_bytes(b"")
    return {
        "more than 64,000,000 pixels": PictureSource("bomb.png", folder / "bomb.png"),
        "truncated": PictureSource("cut.png", folder / "cut.png"),
        "not a readable picture": PictureSource("text.png", folder / "text.png"),
        "empty": PictureSource("empty.png", folder / "empty.png"),
        "missing": PictureSource("gone.png", folder / "gone.png"),
        "is empty (zero bytes)": PictureSource("The pasted picture", data=b""),
    }


def test_hostile_pictures_and_texts_are_refused_in_a_sentence(
    told: Told, atlas_path: Path, tmp_path: Path
) -> None:
    model = Model(atlas_path)
    for word, source in hostile(tmp_path).items():
        sentence = told.ask(ProbeRequest(model, source, "A")).fail()
        assert word in sentence and source.name in sentence
    assert "10,000 at most" in told.ask(ProbeRequest(model, TextSource("x" * 10_001), "A")).fail()
    assert "no text" in told.ask(ProbeRequest(model, TextSource(" \n"), "A")).fail()
    assert "no captions in xx" in told.ask(ProbeRequest(model, TextSource("a", "xx"), "A")).fail()
    assert "no item 'nobody'" in told.ask(ProbeRequest(model, ItemSource("nobody"), "A")).fail()


def test_an_atlas_that_has_gone_is_a_sentence(told: Told, tmp_path: Path) -> None:
    request = ProbeRequest(Model(tmp_path / "gone.h5"), TextSource("a"), "A")
    assert "cannot be read" in told.ask(request).fail()


def test_a_backbone_is_looked_for_and_one_that_is_pointed_at_must_fit(
    told: Told, engine: Engine, atlas_path: Path, tmp_path: Path
) -> None:
    from mmfeat.assets import path as asset

    assert told.ask(BackboneCheck(Model(atlas_path), "test")).wait() == "openmoji-clip"
    folder = asset("openmoji-clip")
    spec = told.ask(BackboneCheck(Model(atlas_path, str(folder)), "test")).wait()
    assert spec == f"open_clip:local-dir:{folder}"
    found = told.ask(ProbeRequest(Model(atlas_path, spec), TextSource("fire"), "A")).wait()
    assert len(found.fires.features)
    missing: list[str] = []
    engine.missing.connect(missing.append)
    assert (
        "holds no model" in told.ask(BackboneCheck(Model(atlas_path, str(tmp_path)), "test")).fail()
    )
    sentence = told.ask(ProbeRequest(Model(atlas_path, "hf:nobody"), TextSource("a"), "A")).fail()
    assert missing == [sentence]


@pytest.fixture
def homeless(atlas_path: Path, tmp_path: Path) -> Path:
    """The atlas of a backbone that is not on this machine."""
    import shutil

    import h5py

    path = tmp_path / "homeless.h5"
    shutil.copy(atlas_path, path)
    with h5py.File(path, "r+") as file:
        file.attrs["backbone"] = f"open_clip:local-dir:{tmp_path / 'nowhere'}"
    return path


def test_a_backbone_that_is_not_at_hand_is_told_by_name(told: Told, homeless: Path) -> None:
    sentence = told.ask(BackboneCheck(Model(homeless), "test")).fail()
    assert "nowhere" in sentence and "not on this machine" in sentence
    request = ProbeRequest(Model(homeless, "openmoji-clip"), TextSource("fire"), "A")
    assert len(told.ask(request).wait().fires.features)


def test_an_atlas_that_is_built_again_is_read_again(
    told: Told, atlas_path: Path, tmp_path: Path
) -> None:
    import shutil

    path = tmp_path / "again.h5"
    shutil.copy(atlas_path, path)
    assert told.ask(BackboneCheck(Model(path), "test")).wait() == "openmoji-clip"
    path.unlink()
    path.write_bytes(b"no atlas")
    assert "again.h5" in told.ask(BackboneCheck(Model(path), "test")).fail()
