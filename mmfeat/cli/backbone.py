"""`mmfeat backbone`: what a backbone is and where it can be read."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated

import typer

from mmfeat.cli import completion
from mmfeat.cli.common import AsJson, show

if TYPE_CHECKING:
    from mmfeat.backbones.base import HookPoint

app = typer.Typer(help="Look at a backbone.", no_args_is_help=True)
Spec = Annotated[
    str,
    typer.Argument(
        autocompletion=completion.backbones,
        help="openmoji-clip, or FAMILY:NAME, such as open_clip:ViT-B-32/openai or hf:PATH.",
    ),
]


@app.command("hooks")
def hooks(spec: Spec, as_json: AsJson = False) -> None:
    """List the hook points of a backbone, with their width and rows an input."""
    from mmfeat.backbones.registry import load_backbone

    points = load_backbone(spec, "cpu").hook_points
    if as_json:
        show({point.name: _described(point) for point in points}, as_json)
        return
    for line in _lines(points):
        print(line)


@app.command("info")
def info(spec: Spec, as_json: AsJson = False) -> None:
    """Print sizes, preprocessing and number of parameters of a backbone."""
    from mmfeat.backbones.registry import load_backbone

    show(load_backbone(spec, "cpu").info(), as_json)


def _described(point: HookPoint) -> dict[str, object]:
    return {
        "d": point.d,
        "streams": list(point.streams),
        "rows": {stream: point.rows(stream) for stream in point.streams},
        "grid": point.grid,
    }


def _lines(points: Iterable[HookPoint]) -> list[str]:
    """Return a line for the blocks of a tower that are alike."""
    alike: dict[tuple[str, HookPoint], list[int]] = {}
    for point in points:
        numbers = re.findall(r"\d+", point.name)
        name = point.name.replace(numbers[0], "N", 1) if numbers else point.name
        key = (name, replace(point, name=""))
        alike.setdefault(key, []).extend(int(number) for number in numbers[:1])
    table = [("hook point", "N", "width", "rows an input")]
    for (name, point), blocks in alike.items():
        patches = "several" if point.grid is None else f"{point.grid[0]} x {point.grid[1]}"
        amount = {"image.patch": patches, "text.token": "one a token"}
        rows = ", ".join(f"{stream}: {amount.get(stream, '1')}" for stream in point.streams)
        table.append((name, _range(blocks), str(point.d), rows))
    widths = [max(len(row[column]) for row in table) for column in range(3)]
    return [
        f"{name:<{widths[0]}}  {blocks:<{widths[1]}}  {width:>{widths[2]}}  {rows}"
        for name, blocks, width, rows in table
    ]


def _range(numbers: list[int]) -> str:
    if len(numbers) > 1 and numbers == list(range(numbers[0], numbers[-1] + 1)):
        return f"{numbers[0]} to {numbers[-1]}"
    return ", ".join(str(number) for number in numbers)
