from __future__ import annotations

import csv
import json
from itertools import product
from pathlib import Path

import numpy as np
import pymupdf
import pytest
from typer.testing import CliRunner

from mmfeat.analysis.scaling import scaling
from mmfeat.cli.app import app
from mmfeat.errors import MmfeatError
from mmfeat.figures import draw, export
from mmfeat.figures.kinds.scaling import figure, text
from mmfeat.sae.settings import TrainSettings
from tests.unit.figures.kinds.drawn import check_pages

STREAMS = ("image.pooled", "text.pooled")


def write_sweep(
    folder: Path, train_rows: int = 100_000, rates: tuple[float, ...] = (1e-3,), slope: float = -0.4
) -> Path:
    entries = []
    rng = np.random.default_rng(0)
    for d_sae, steps, lr in product((64, 128, 256, 512), (100, 200, 400), rates):
        values = {"sae": {"d_sae": d_sae}, "optimiser": {"steps": steps, "lr": lr}}
        name = f"=d_sae={d_sae},steps={steps},lr={lr}"
        entries.append(
            {
                "name": name,
                "folder": name,
                "d_in": 8,
                "train_rows": train_rows,
                "settings": TrainSettings.model_validate(values).model_dump(mode="json"),
            }
        )
        loss = 0.1 * (d_sae / 64) ** slope + 0.1 * (steps / 100) ** -0.4
        loss *= np.exp(0.1 * np.log(lr / 1e-3 * (d_sae / 200) ** 0.5) ** 2 * (len(rates) > 1))
        loss *= np.exp(0.01 * rng.standard_normal())
        scores = {"fvu": {"all": loss}, "l0": {"all": 12.0}, "dead": {"all": 0.25}}
        (folder / name).mkdir(parents=True)
        (folder / name / "scores.json").write_text(json.dumps(dict.fromkeys(STREAMS, scores)))
    (folder / "sweep.json").write_text(json.dumps({"runs": entries}))
    return folder


def titles(folder: Path) -> list[str]:
    return [axes.get_title() for axes in figure(scaling(folder), "sweep", 6.9).axes]


def foot(folder: Path) -> str:
    return " ".join(line.get_text() for line in figure(scaling(folder), "sweep", 6.9).texts)


def test_the_command_prints_json_and_writes_a_figure_and_a_table(tmp_path: Path) -> None:
    sweep = write_sweep(tmp_path / "sweep", rates=(5e-4, 1e-3, 2e-3))
    out = tmp_path / "new folder" / "laws.pdf"
    result = CliRunner().invoke(app, ["scaling", str(sweep), "--out", str(out), "--json"])
    assert result.exit_code == 0, result.output
    found = json.loads(result.stdout)
    assert found.keys() == {
        "figure", "table", "manifest", "missing_fonts", "runs", "unfinished", "loss_exponent",
        "features_exponent", "steps_exponent", "lr_exponent", "loss_floor", "multi_epoch", "notes",
    }  # fmt: skip
    assert found["figure"] == str(out)
    assert found["table"] == str(out.with_suffix(".csv"))
    assert found["unfinished"] == 0
    assert found["multi_epoch"] is True
    assert len(found["runs"]) == 36
    assert {"name", "d_sae", "steps", "lr", "compute", "epochs", "loss", "fvu", "l0", "dead"} <= (
        set(found["runs"][0])
    )
    for key in ("loss", "features", "steps", "lr"):
        law = found[f"{key}_exponent"]
        assert set(law) == {"value", "low", "high"}
        assert law["low"] <= law["value"] <= law["high"]
    assert found["features_exponent"]["value"] + found["steps_exponent"]["value"] == pytest.approx(
        1
    )
    with out.with_suffix(".csv").open(encoding="utf-8", newline="") as handle:
        rows = list(csv.DictReader(handle))
    assert len(rows) == 36
    for row, run in zip(rows, found["runs"], strict=True):
        assert row["name"] == f"'{run['name']}"  # a spreadsheet must not run it
        assert float(row["fvu[text.pooled]"]) == run["fvu"]["text.pooled"]
        assert row["multi_epoch"] == ("true" if run["epochs"] > 1 else "false")
        for key in ("d_sae", "steps", "lr", "compute", "epochs", "loss", "l0", "dead"):
            assert float(row[key]) == run[key]
    with pymupdf.open(out) as document:
        shown = document[0].get_text()
        record = json.loads(document.metadata["subject"])
    value = found["features_exponent"]["value"]
    assert f"features* ~ C^{value:.3f} [" in shown
    assert f"lr* ~ C^{found['lr_exponent']['value']:.3f} [" in shown
    assert "multi-epoch" in shown
    assert record["command"] == "mmfeat export scaling sweep --out laws.pdf --width 2"
    assert record["inputs"]["source"]["name"] == "sweep"


def test_people_read_exponents_and_notes(tmp_path: Path) -> None:
    sweep = write_sweep(tmp_path / "sweep")
    result = CliRunner().invoke(app, ["scaling", str(sweep)])
    assert result.exit_code == 0, result.output
    assert (sweep / "scaling.pdf").is_file()
    assert (sweep / "scaling.csv").is_file()
    again = CliRunner().invoke(app, ["scaling", str(sweep), "--json"])
    found = json.loads(again.stdout)
    assert result.stdout == text(found) + "\n"
    assert found["figure"] == str(sweep / "scaling.pdf")
    lines = result.stdout.splitlines()
    assert lines[0] == "runs       12 finished, 0 unfinished"
    assert lines[1] == "epochs     0.512 to 2.05 (multi-epoch)"
    law = found["loss_exponent"]
    falls = f"C^{-law['value']:.3f} [{-law['high']:.3f}, {-law['low']:.3f}]"
    assert lines[2] == f"L*         ~ {falls}"
    assert lines[5] == "lr*        -"
    assert lines[-1] == f"Note: {found['notes'][-1]}"


def test_only_several_epochs_are_labelled(tmp_path: Path) -> None:
    several, one = write_sweep(tmp_path / "a"), write_sweep(tmp_path / "b", train_rows=1 << 30)
    assert "multi-epoch: hollow marks, up to 2.05 epochs" in foot(several)
    assert "multi-epoch" not in foot(one)
    assert "12 runs" in foot(one)


def test_every_size_has_a_line_through_its_runs(tmp_path: Path) -> None:
    found = scaling(write_sweep(tmp_path / "sweep"))
    first = figure(found, "sweep", 6.9).axes[0]
    for line, size in zip(first.lines, (64, 128, 256, 512), strict=False):
        runs = sorted((r for r in found.runs if r.d_sae == size), key=lambda r: r.steps)
        np.testing.assert_array_equal(line.get_xdata(), [run.compute for run in runs])
        np.testing.assert_array_equal(line.get_ydata(), [run.loss for run in runs])
        assert line.get_label() == f"{size:,}"
    assert first.get_xscale() == first.get_yscale() == "log"


def test_the_frontier_is_solid_within_the_sweep_and_dotted_beyond(tmp_path: Path) -> None:
    found = scaling(write_sweep(tmp_path / "sweep"))
    second = figure(found, "sweep", 6.9).axes[1]
    solid, dotted = second.lines[0], second.lines[1]
    within, beyond = (np.asarray(line.get_ydata(), float) for line in (solid, dotted))
    assert solid.get_label() == "features"
    assert (solid.get_linestyle(), dotted.get_linestyle()) == ("-", ":")
    assert np.nanmin(within) >= 64
    assert np.nanmax(within) <= 512
    assert np.all(np.isnan(within) ^ np.isnan(beyond))


def test_a_loss_that_does_not_fall_is_drawn_without_laws(tmp_path: Path) -> None:
    sweep = write_sweep(tmp_path / "sweep", slope=0.3)
    assert titles(sweep)[:2] == ["no compute-optimal frontier", "runs of least loss"]
    found = export("scaling", sweep, tmp_path / "laws.svg")
    for key in ("loss", "features", "steps", "lr"):
        assert found[f"{key}_exponent"] is None
    assert found["loss_floor"] is None
    assert "<svg" in (tmp_path / "laws.svg").read_text("utf-8")


@pytest.mark.parametrize("extension", ["pdf", "png"])
def test_the_same_sweep_gives_the_same_bytes(extension: str, tmp_path: Path) -> None:
    sweep = write_sweep(tmp_path / "sweep")
    # The name of the file stands in its provenance.
    outs = [tmp_path / name / f"laws.{extension}" for name in "ab"]
    for out in outs:
        export("scaling", sweep, out)
    assert outs[0].read_bytes() == outs[1].read_bytes()


def test_another_extension_is_refused_before_the_work(tmp_path: Path) -> None:
    with pytest.raises(MmfeatError, match=r"must end in one of \.pdf, \.svg, \.png"):
        export("scaling", tmp_path / "none", tmp_path / "laws.csv")


@pytest.mark.parametrize(("width", "rows"), [("1", 3), ("2", 1)])
def test_panels_stand_below_each_other_where_it_is_narrow(
    width: str, rows: int, tmp_path: Path
) -> None:
    sweep = write_sweep(tmp_path / "sweep", rates=(5e-4, 1e-3, 2e-3))
    panels = draw("scaling", sweep, width=width).axes[:3]
    assert len({axes.get_subplotspec().rowspan.start for axes in panels}) == rows


def test_pages_are_whole_at_both_widths(tmp_path: Path) -> None:
    sweep = write_sweep(tmp_path / "sweep", rates=(5e-4, 1e-3, 2e-3))
    text = check_pages("scaling", sweep, tmp_path)
    for word in ("training compute C (FLOP)", "frontier", "dead share (circles)", "36 runs"):
        assert word in text
