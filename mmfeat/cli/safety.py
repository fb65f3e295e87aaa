"""`mmfeat probe`: features that tell safety-relevant categories."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from mmfeat.cli.common import PROGRESS, AsJson, show


def probe(
    atlas: Annotated[Path, typer.Argument(metavar="ATLAS", help="Atlas file.")],
    lists: Annotated[
        list[Path] | None,
        typer.Option("--list", metavar="FILE.yaml", help="Probe list; repeatable. [all bundled]"),
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", help="JSON file to write the report to.")
    ] = None,
    backbone: Annotated[
        str | None,
        typer.Option("--backbone", metavar="SPEC", help="The atlas's backbone, where it moved."),
    ] = None,
    top: Annotated[int, typer.Option("--top", min=1, max=100, help="Features a category.")] = 5,
    as_json: AsJson = False,
) -> None:
    """Find the features that tell categories such as weapons, and check them against controls.

    A feature's existence is no evidence of behaviour.
    """
    from mmfeat.atlas.safety import probe_atlas

    report = probe_atlas(atlas, lists or (), out=out, backbone=backbone, top=top, progress=PROGRESS)
    if as_json:
        show(report, True)
        return
    for category in report["categories"]:
        print(
            f"{category['category']}: {len(category['languages'])} languages, "
            f"{category['images']['positive']} + {category['images']['negative']} pictures, "
            f"{category['discoveries']} of {category['tested']} tested features at q <= 0.05"
        )
        for found in category["features"]:
            names, q = found["names"], found["q"]
            print(
                f"  {found['feature']:>7}  AUROC {found['score']:.2f}",
                f" q {q:.3g}" if q is not None else " q  -",
                f" gaps {', '.join(found['gaps']) or 'none'}",
                f" {names.get('en') or next(iter(names.values()), '')}",
            )
    print(report["caution"])
