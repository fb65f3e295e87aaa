from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mmfeat.errors import MmfeatError
from mmfeat.figures import draw, export
from mmfeat.figures.scoreboard import read_scoreboard, write_scoreboard
from tests.unit.figures.kinds.drawn import check_pages

# name, FVU of pictures and of captions, share of alive, share of all, L0, d_sae
SAES = [
    ("=naive", 0.10, 0.12, 0.2, 0.10, 16.0, 512),
    ("balanced", 0.15, 0.20, 0.5, 0.45, 16.0, 512),
    ("worse", 0.16, 0.21, 0.4, 0.42, 16.0, 1024),
    ("shared دو 共有", 0.20, 0.25, 0.9, 0.90, 16.0, 512),
    ("captions only", 0.30, 0.11, 0.1, 0.10, 16.0, 256),
    ("dense", 0.05, 0.06, 0.95, 0.95, 32.0, 512),
]


def row(
    name: str, image: float, text: float, shared: float, of_d_sae: float, l0: float, d_sae: int
) -> dict[str, Any]:
    def by(value: float, languages: dict[str, float]) -> dict[str, Any]:
        return {"image.pooled": {"all": value}, "text.pooled": languages}

    return {
        "name": name, "path": "p", "architecture": "topk", "d_sae": d_sae, "one_decoder": True,
        "seed": 0, "recipe": "r", "fvu": by(image, {"ar": text - 0.01, "en": text + 0.01}),
        "l0": by(l0, {"ar": l0, "en": l0}), "shared": shared, "shared_of_d_sae": of_d_sae,
        "notes": [],
    }  # fmt: skip


@pytest.fixture
def board(tmp_path: Path) -> Path:
    out = tmp_path / "scores.csv"
    write_scoreboard([row(*own) for own in SAES], out)
    return out


def test_a_scoreboard_is_read_as_it_was_written(board: Path) -> None:
    found = read_scoreboard(board)
    assert [own.name for own in found] == [own[0] for own in SAES]  # without the guard
    for own, (_, image, text, shared, of_d_sae, l0, d_sae) in zip(found, SAES, strict=True):
        assert own.fvu_image == image
        assert own.fvu_text == pytest.approx(text)  # mean of two languages
        assert (own.shared, own.shared_of_d_sae) == (shared, of_d_sae)
        assert (own.l0_image, own.l0_text, own.d_sae) == (l0, l0, d_sae)


def beaten(cost: float, gain: float, others: list[tuple[float, float]]) -> bool:
    return any(c <= cost and g >= gain and (c, g) != (cost, gain) for c, g in others)


@pytest.mark.parametrize("most_l0", [None, 16.5])
def test_the_frontier_is_what_no_other_beats(
    most_l0: float | None, board: Path, tmp_path: Path
) -> None:
    found = export("frontier", board, tmp_path / "f.svg", most_l0=most_l0)
    kept = [own for own in SAES if most_l0 is None or own[5] <= most_l0]
    for side, at in (("pictures", 1), ("captions", 2)):
        others = [(own[at], own[3]) for own in kept]
        best = [own[0] for own in kept if not beaten(own[at], own[3], others)]
        assert sorted(found["frontier"][side]) == sorted(best)
    assert found["saes"] == len(kept)
    assert found["left_out"] == len(SAES) - len(kept)
    if most_l0:
        assert found["frontier"]["pictures"] == ["shared دو 共有", "balanced", "=naive"]


def test_points_and_stairs_are_where_the_scores_are(board: Path) -> None:
    axes = draw("frontier", board, most_l0=16.5).axes[0]
    drawn = np.concatenate([own.get_offsets() for own in axes.collections])
    expected = [(own[1], own[3]) for own in SAES[:-1]]
    assert sorted(map(tuple, drawn.tolist())) == sorted(expected)
    (stairs,) = axes.lines
    np.testing.assert_allclose(stairs.get_xdata()[:3], [0.10, 0.15, 0.20])
    np.testing.assert_allclose(stairs.get_ydata()[:3], [0.2, 0.5, 0.9])
    assert stairs.get_drawstyle() == "steps-post"
    whole = draw("frontier", board, of_d_sae=True).axes[0]
    assert whole.get_ylabel() == "shared features, of all"
    heights = np.concatenate([own.get_offsets()[:, 1] for own in whole.collections])
    assert sorted(heights) == sorted(own[4] for own in SAES)


def test_pages_are_whole_and_list_the_frontier(board: Path, tmp_path: Path) -> None:
    text = check_pages("frontier", board, tmp_path, most_l0=16.5)
    for word in ("balanced", "共有", "0.900", "5 SAEs", "1 of larger L0 are left out", "d_sae"):
        assert word in text
    assert "worse" not in text


def test_saes_without_a_score_of_sharing_are_left_out(tmp_path: Path) -> None:
    rows = [row(*own) for own in SAES[:3]]
    rows[1]["shared"] = None
    board = tmp_path / "scores.csv"
    write_scoreboard(rows, board)
    found = export("frontier", board, tmp_path / "f.svg")
    assert (found["saes"], found["left_out"]) == (2, 1)
    write_scoreboard([{**own, "shared": None} for own in rows], board)
    with pytest.raises(MmfeatError, match="scores no sharing; evaluate SAEs"):
        draw("frontier", board)


def changed(board: Path, column: str, value: str | None) -> Path:
    """Return the file with one cell of its first row replaced, or a column gone."""
    with board.open(encoding="utf-8", newline="") as handle:
        rows = list(csv.DictReader(handle))
    for own in rows[:1] if value is not None else rows:
        own[column] = value or ""
        if value is None:
            del own[column]
    other = board.with_name("other.csv")
    with other.open("w", encoding="utf-8", newline="") as handle:
        writer = csv.DictWriter(handle, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return other


@pytest.mark.parametrize(
    ("column", "value", "message"),
    [
        ("fvu[image.pooled][all]", "much", "row 2: could not convert string to float: 'much'"),
        ("fvu[image.pooled][all]", "inf", "row 2: 'inf' is out of range"),
        ("fvu[image.pooled][all]", "nan", "row 2: 'nan' is out of range"),
        ("fvu[image.pooled][all]", "", r"the column fvu\[image.pooled\] is missing or empty"),
        ("shared", "1.5", "row 2: '1.5' is out of range"),
        ("d_sae", "0", "row 2: '0' is out of range"),
        ("shared", None, "the column shared is missing or empty"),
        ("name", None, "the column name is missing or empty"),
    ],
)
def test_numbers_that_cannot_be_are_refused(
    column: str, value: str | None, message: str, board: Path
) -> None:
    with pytest.raises(MmfeatError, match=message) as raised:
        draw("frontier", changed(board, column, value))
    assert str(raised.value).endswith("give the CSV that mmfeat evaluate --out wrote.")


def test_files_that_are_no_scoreboard_are_refused(board: Path, tmp_path: Path) -> None:
    with pytest.raises(MmfeatError, match="cannot be read as CSV"):
        draw("frontier", tmp_path / "none.csv")
    other = tmp_path / "other.csv"
    other.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(MmfeatError, match="cannot be read as CSV"):
        draw("frontier", other)
    other.write_text("name\n")
    with pytest.raises(MmfeatError, match="holds no SAE"):
        draw("frontier", other)
    with other.open("wb") as handle:
        handle.truncate((32 << 20) + 1)
    with pytest.raises(MmfeatError, match="is larger than 32 MiB"):
        draw("frontier", other)
    with pytest.raises(MmfeatError, match="has an L0 of 1 or less; give a larger --most-l0"):
        draw("frontier", board, most_l0=1)
