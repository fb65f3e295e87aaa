from __future__ import annotations

import csv
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from mmfeat.analysis.scoreboard import evaluate
from mmfeat.cli import evaluate as command
from mmfeat.errors import MmfeatError
from mmfeat.figures.scoreboard import latex, summary, text, write_scoreboard


@pytest.fixture(scope="module")
def rows(activations_path: Path, sae_path: Path) -> list[dict[str, Any]]:
    return evaluate(activations_path, [sae_path])


def numbers(row: dict[str, Any], name: str = "") -> dict[str, float]:
    """All numbers of a row, by the name of the column each must have."""
    found: dict[str, float] = {}
    for key, value in row.items():
        column = f"{name}[{key}]" if name else key
        if isinstance(value, dict):
            found |= numbers(value, column)
        elif isinstance(value, (int, float)) and not isinstance(value, bool):
            found[column] = value
    return found


def test_a_csv_holds_every_number_of_every_sae(rows: list, tmp_path: Path) -> None:
    other = {**rows[0], "name": "=cmd", "shared": None, "notes": ["a", "b"], "one_decoder": False}
    out = tmp_path / "new folder" / "board.csv"
    write_scoreboard([*rows, other], out)
    with out.open(encoding="utf-8", newline="") as handle:
        found = list(csv.DictReader(handle))
    assert len(found) == 2
    expected = numbers(rows[0])
    assert "fvu[text.pooled][ko]" in expected
    assert "r10_codes[mean]" in expected
    for column, value in expected.items():
        assert float(found[0][column]) == value
    assert found[0]["one_decoder"] == "true"
    assert found[0]["seed_stability"] == ""
    assert found[0]["name"] == "sae"
    assert found[1]["name"] == "'=cmd"  # a spreadsheet must not run it
    assert found[1]["shared"] == ""
    assert found[1]["notes"] == "a; b"
    assert found[1]["one_decoder"] == "false"


def test_the_summary_takes_means_over_languages(rows: list) -> None:
    row = rows[0]
    found = summary(row)
    fvu = list(row["fvu"]["text.pooled"].values())
    assert found["FVU, text"] == pytest.approx(sum(fvu) / len(fvu))
    assert found["FVU, image"] == row["fvu"]["image.pooled"]["all"]
    assert found["R@10, codes"] == row["r10_codes"]["mean"]
    assert found["monosemanticity, across"] == row["monosemanticity"]["across"]
    assert summary({**row, "dead": {}})["dead, text"] is None


def test_latex_is_a_table_of_the_same_numbers(rows: list, tmp_path: Path) -> None:
    tricky = {**rows[0], "name": "a_b & 50% {x} \\ #1", "notes": ["no corpus"]}
    out = tmp_path / "board.tex"
    write_scoreboard([*rows, tricky], out)
    source = out.read_text("utf-8")
    lines = source.splitlines()
    assert "% no corpus" in lines
    body = [line for line in lines if line.endswith(r" \\")]
    assert body[0] == r" & sae & a\_b \& 50\% \{x\} \textbackslash{} \#1 \\"
    shared = rows[0]["shared"]
    assert rf"shared & {shared:.3f} & {shared:.3f} \\" in body
    assert rf"shared, of d\_sae & {rows[0]['shared_of_d_sae']:.3f} & " in source
    assert r"seed stability & -- & -- \\" in body
    assert source.count(r"\begin{tabular}{lrr}") == source.count(r"\end{tabular}") == 1
    assert all(line.replace(r"\&", "").count("&") == 2 for line in body)


def test_many_saes_go_into_several_tabulars_and_blocks(rows: list) -> None:
    many = [{**rows[0], "name": f"sae-{i}"} for i in range(10)]
    source = latex(many)
    assert source.count(r"\toprule") == 2
    assert r"\begin{tabular}{lrrrrrrrr}" in source
    shown = text(many, 60)
    assert all(len(line) <= 60 for line in shown.splitlines())
    for i in range(10):
        assert shown.count(f"sae-{i}") == 1
    assert shown.count("R@10, codes") == shown.count("\n\n") + 1


def test_text_shows_scores_down_and_notes_below(rows: list) -> None:
    noted = {**rows[0], "name": "other", "notes": ["no corpus"], "shared_within_group": None}
    lines = text([*rows, noted, noted], 200).splitlines()
    assert lines[0].split() == ["sae", "other", "other"]
    by_label = {line[:24].strip(): line[24:].split() for line in lines[1:]}
    assert by_label["shared"] == [f"{rows[0]['shared']:.3f}"] * 3
    assert by_label["shared within group"][1:] == ["-", "-"]
    assert lines[-1] == "Note: no corpus"
    assert lines[-2].startswith("seed stability")


def test_another_extension_is_refused(rows: list, tmp_path: Path) -> None:
    with pytest.raises(MmfeatError, match=r"must end in one of \.csv, \.tex"):
        write_scoreboard(rows, tmp_path / "board.xlsx")


@pytest.fixture(scope="module")
def app() -> typer.Typer:
    app = typer.Typer()
    app.command("evaluate")(command.evaluate)
    app.command("other")(lambda: None)  # so that the name of the command is needed
    return app


def test_the_command_prints_json_and_writes_a_table(
    app: typer.Typer, rows: list, activations_path: Path, sae_path: Path, tmp_path: Path
) -> None:
    out = tmp_path / "board.csv"
    arguments = ["evaluate", "--activations", str(activations_path), "--sae", str(sae_path)]
    result = CliRunner().invoke(app, [*arguments, "--out", str(out), "--json"])
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout) == {"saes": rows, "out": str(out)}
    assert out.read_text("utf-8").startswith("name,path,architecture,")
    shown = CliRunner().invoke(app, arguments)
    assert shown.stdout == text(rows, 80) + "\n"  # a single SAE fits every width


def test_an_unknown_extension_is_refused_before_the_work(app: typer.Typer, tmp_path: Path) -> None:
    result = CliRunner().invoke(
        app,
        ["evaluate", "--activations", "none.h5", "--sae", "none", "--out", str(tmp_path / "b.md")],
    )
    assert isinstance(result.exception, MmfeatError)
    assert "must end in one of .csv, .tex" in str(result.exception)


def test_the_command_loads_no_torch_before_it_is_called() -> None:
    code = "import sys, mmfeat.cli.evaluate; print('torch' in sys.modules)"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "False"
