from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from mmfeat.errors import MmfeatError
from mmfeat_gui.resources import strings
from mmfeat_gui.state.history import Place
from mmfeat_gui.state.query import Query
from mmfeat_gui.state.selection import Selection
from mmfeat_gui.state.session import Session, load_session, save_session
from mmfeat_gui.state.view import ViewState
from mmfeat_gui.state.viewport import Viewport

SESSION = Session(
    atlas="/somewhere/아틀라스.h5",
    fingerprint="sha256:0123",
    beside="/elsewhere/b.h5",
    view=ViewState(
        place=Place("item", 4),
        query=replace(Query(), text="불 'fire\""),
        features=Selection.of([3, 1, 65535]),
        items=Selection.of(range(1000)),
        colouring="tag:나무",
        sizing="energy_image",
        hidden=frozenset({"shared", "untestable"}),
        thumbnails=False,
        labels=False,
        viewport=Viewport(-1.5, 0.25, 2.0, 3.0),
        heat=False,
        bands=True,
        aligned=True,
        samples_colouring="split",
        samples_every=True,
        joint="/somewhere/비교.h5",
        joint_viewport=Viewport(0.0, 0.0, 1.0, 2.0),
        matrix=("features", "brushed", "energy"),
        languages=("ko", "ar"),
        unfolded=("probes",),
        panels=("samples", "table", "page"),
    ),
    geometry="AAAA",
    splitters={"bench": "BBBB"},
)


@pytest.fixture(autouse=True)
def english() -> None:
    strings.use("en")


def test_a_session_comes_back_exactly(tmp_path: Path) -> None:
    path = tmp_path / "s.mmfeat-session"
    save_session(SESSION, path)
    assert load_session(path) == SESSION
    assert [file.name for file in tmp_path.iterdir()] == [path.name]


def test_a_session_without_what_is_remembered_since_has_the_usual_view(tmp_path: Path) -> None:
    new = ("joint", "joint_viewport", "unfolded")
    path = _damaged(tmp_path, lambda data: [data["session"]["view"].pop(name) for name in new])
    usual = {name: getattr(ViewState(), name) for name in new}
    assert load_session(path) == replace(SESSION, view=replace(SESSION.view, **usual))


def test_an_empty_session_comes_back(tmp_path: Path) -> None:
    path = tmp_path / "s.mmfeat-session"
    save_session(Session(), path)
    assert load_session(path) == Session()


def _damaged(tmp_path: Path, change: Any) -> Path:
    path = tmp_path / "s.mmfeat-session"
    save_session(SESSION, path)
    data = json.loads(path.read_text("utf-8"))
    change(data)
    path.write_text(json.dumps(data), "utf-8")
    return path


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda data: data["session"]["view"].update(features=[-1]), "view.features"),
        (lambda data: data["session"]["view"].update(features="x"), "view.features"),
        (lambda data: data["session"]["view"]["place"].update(kind="nowhere"), "view.place.kind"),
        (lambda data: data["session"].update(atlas=7), "atlas"),
        (lambda data: data.update({"encoding-version": "9"}), "version 9 is not known"),
        (lambda data: data.update({"encoding-type": "atlas"}), "it is no session"),
    ],
)
def test_what_is_wrong_with_a_session_is_a_sentence(
    tmp_path: Path, change: Any, reason: str
) -> None:
    path = _damaged(tmp_path, change)
    with pytest.raises(MmfeatError) as caught:
        load_session(path)
    assert reason in str(caught.value)
    assert "s.mmfeat-session cannot be restored" in str(caught.value)


@pytest.mark.parametrize("content", [b"", b"{", b"\xff\xfe", b"[" * 100_000, b"null", b'"x"'])
def test_rubbish_is_no_session(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "s.mmfeat-session"
    path.write_bytes(content)
    with pytest.raises(MmfeatError, match="cannot be restored"):
        load_session(path)


def test_a_missing_or_huge_file_is_refused_without_reading_it(tmp_path: Path) -> None:
    path = tmp_path / "s.mmfeat-session"
    with pytest.raises(MmfeatError, match="No such file"):
        load_session(path)
    with path.open("wb") as file:
        file.truncate(1 << 40)
    with pytest.raises(MmfeatError, match="too large"):
        load_session(path)


def test_a_folder_that_cannot_be_written_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(MmfeatError, match="could not be written|cannot be written"):
        save_session(SESSION, tmp_path / "file" / "s.mmfeat-session")
