"""`mmfeat compare`: which features several SAEs have in common."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from mmfeat.cli.common import PROGRESS, AsJson, show


def compare(
    atlases: Annotated[list[Path], typer.Argument(metavar="ATLAS...", help="Atlas files.")],
    out: Annotated[Path, typer.Option("--out", help="Comparison to write.")],
    min_cosine: Annotated[
        float, typer.Option("--min-cosine", min=0, max=1, help="Cosine that makes partners.")
    ] = 0.7,
    min_correlation: Annotated[
        float,
        typer.Option("--min-correlation", min=0, max=1, help="Correlation that makes partners."),
    ] = 0.5,
    joint_map: Annotated[
        bool, typer.Option("--map/--no-map", help="Lay out all features on one map.")
    ] = True,
    as_json: AsJson = False,
) -> None:
    """Compare SAEs: matching and unique features, stability, and how features split."""
    from mmfeat.analysis.maps import MapSettings
    from mmfeat.atlas.comparison import CompareSettings
    from mmfeat.atlas.comparison import compare as compare_atlases

    settings = CompareSettings(
        min_cosine=min_cosine,
        min_correlation=min_correlation,
        map=MapSettings() if joint_map else None,
    )
    result = compare_atlases(atlases, out, settings, progress=PROGRESS)
    if as_json:
        show(result, True)
    else:
        print("\n".join(_lines(result)))


def _lines(result: dict[str, Any]) -> list[str]:
    lines = []
    for atlas in result["atlases"]:
        what = f"{atlas['d_sae']:,} features, {atlas['alive']:,} alive"
        lines.append(f"{atlas['file']}: {what} ({atlas['backbone']}, {atlas['hook']})")
    for pair in result["pairs"]:
        a, b = pair["a"], pair["b"]
        lines.append(f"\n{a} and {b}: {pair['items']:,} items, {pair['rows']:,} rows in common")
        for by in ("cosine", "correlation"):
            if (found := pair[by]) is None:
                lines.append(f"  by {by}: cannot be compared")
                continue
            lines.append(
                f"  by {by}: mean {found['stability']:.3f} over {found['matched']:,} matched "
                f"features, {found['share_matched']:.0%} at {found['bar']:.2f} or above; unique: "
                f"{found['unique_a']:,} to {a}, {found['unique_b']:,} to {b} "
                f"(chance: {max(found['chance_a'], found['chance_b']):.2f})"
            )
    for step in result["splitting"]:
        lines.append(
            f"\n{step['parent']} to {step['child']}: {step['share_with_parent']:.0%} of the alive "
            f"features come from {step['parents']:,} parents, {step['split']:,} of which split "
            f"({step['mean_children']:.1f} children each, at most {step['most_children']:,})"
        )
    return [*lines, f"\nwritten to {result['out']}"]
