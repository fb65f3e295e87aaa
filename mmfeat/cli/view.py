"""``mmfeat view``: start the desktop viewer."""

from __future__ import annotations

import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated

import typer

from mmfeat.cli.common import AsJson, show
from mmfeat.errors import MmfeatError


def view(
    atlas: Annotated[Path | None, typer.Argument(help="The atlas to open.")] = None,
    screenshot: Annotated[
        Path | None,
        typer.Option(metavar="FILE.png", help="Write a picture of the window and end."),
    ] = None,
    feature: Annotated[int | None, typer.Option(help="Begin at this feature.")] = None,
    item: Annotated[str | None, typer.Option(help="Begin at the item of this id.")] = None,
    beside: Annotated[
        Path | None, typer.Option(metavar="ATLAS", help="Begin by comparing with this atlas.")
    ] = None,
    size: Annotated[
        str | None, typer.Option(metavar="WxH", help="Pixels of the picture. [1440x900]")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Open the desktop viewer, or write a picture of it."""
    if screenshot is not None and (atlas is None or screenshot.suffix.lower() != ".png"):
        raise MmfeatError("--screenshot needs an atlas, and the name of a .png file.")
    for package in ("mmfeat_gui", "PySide6"):
        if find_spec(package) is None:
            raise MmfeatError(
                f"The viewer needs {package}, which is not here; install mmfeat with all it needs: "
                "pip install and its wheel or checkout."
            )
    command = [sys.executable, "-m", "mmfeat_gui"]
    options = {
        "screenshot": screenshot,
        "feature": feature,
        "item": item,
        "beside": beside,
        "size": size,
    }
    for option, value in options.items():
        if value is not None:
            command.append(f"--{option}={value}")
    if atlas is not None:
        command += ["--", str(atlas)]
    status = subprocess.run(command, check=False).returncode
    if as_json and status == 0:
        show({"atlas": atlas, "screenshot": screenshot}, as_json)
    raise typer.Exit(status)
