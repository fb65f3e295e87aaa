"""Results of steering without a window: ranks, controls, commands."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Any

from pytestqt.qtbot import QtBot

from mmfeat_gui.resources import strings
from mmfeat_gui.state.sources import PictureSource, TextSource
from mmfeat_gui.state.steering import Controls, Ranked, Steer, retrieval, steer_command
from mmfeat_gui.views.steer_controls import ControlsStrip, sentence
from mmfeat_gui.views.steer_results import left_text, moved_text

# Without a window -------------------------------------------------------------------


def row(item: str, text: str = "") -> dict[str, Any]:
    return {"item_id": item, "text": text, "cosine": 0.5}


def test_ranks_are_found_though_captions_are_equal() -> None:
    moved = {"before": 0.5, "after": 0.6, "change": 0.1, "noop": 0.0, "controls": []}
    found = retrieval(
        {
            "before": [row("a", "x"), row("a", "x"), row("b", "x"), row("c", "y")],
            "after": [row("c", "y"), row("a", "x"), row("d", "z"), row("a", "x")],
            "towards": {**moved, "exceeded": float("nan"), "p": 1.0},
        },
        shown=3,
    )
    assert [(one.rank, one.other) for one in found.after] == [(1, 4), (2, 1), (3, None)]
    assert [(one.rank, one.other) for one in found.before] == [(1, 2), (2, 4), (3, None)]
    assert [one.moved for one in found.after] == [3, -1, None]
    strings.use("en")
    assert [moved_text(one) for one in found.after] == [
        "▲ 3 (was 4)",
        "▼ 1 (was 1)",
        "▲ from beyond 200",
    ]
    assert moved_text(Ranked("a", "", 0.0, 2, 2)) == "＝ same rank"
    assert [left_text(one) for one in found.before] == ["→ 2", "→ 4", "→ beyond 200"]
    assert found.own is None


def test_controls_stand_where_they_are(qtbot: QtBot) -> None:
    strings.use("en")
    strip = ControlsStrip()
    qtbot.addWidget(strip)
    strip.resize(224, 50)
    strip.show_controls(Controls(0.4, 0.6, 0.2, 0.0, -0.4, (0.1, -0.1), 1.0, 0.33))
    assert strip.span() == 0.4
    assert [strip.place(value) for value in (-0.4, 0.0, 0.2, 0.4)] == [12, 112, 162, 212]
    assert strip.accessibleName() == sentence(strip.controls) if strip.controls else False
    before = strip.grab().toImage()
    strip.show_controls(Controls(0.4, 0.3, -0.1, 0.0, -0.4, (0.1, -0.1), 0.0, 1.0))
    assert strip.grab().toImage() != before
    nothing = Controls(0.0, 0.0, float("nan"), 0.0, None, (), float("nan"), float("nan"))
    strip.show_controls(nothing)
    assert not strip.isVisibleTo(strip.parentWidget()) and "nothing to measure" in sentence(nothing)


def test_commands_quote_what_a_shell_would_change() -> None:
    atlas = Path("/a b/atlas.h5")
    picture = PictureSource("it's.png", Path("/p/it's.png"))
    command = steer_command(atlas, "hf:x y", Steer(picture, (3, 5), "ablate", 0.0, ("ko",)))
    assert shlex.split(command) == [
        "mmfeat",
        "steer",
        "/a b/atlas.h5",
        "--feature",
        "3",
        "--feature",
        "5",
        "--image",
        "/p/it's.png",
        "--ablate",
        "--language",
        "ko",
        "--backbone",
        "hf:x y",
    ]
    text = Steer(TextSource("불", "ko"), (1,), "clamp", -2.5, ("en",))
    assert steer_command(atlas, "", text).endswith("--text '불' --clamp -2.5 --language ko")
    prompt = Steer(None, (1,), "add", 2.0, prompt="a red")
    assert steer_command(atlas, "", prompt).endswith("--prompt 'a red' --add 2")
