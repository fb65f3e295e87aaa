#!/usr/bin/env python3
"""Pictures of every view of the viewer, light and dark, as they stand in docs/viewer.md.

    python scripts/screenshots.py ATLAS [--beside ATLAS] --out docs/images/viewer

Drawn without a display, at a feature that fires for pictures and in many languages.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

os.environ["QT_QPA_PLATFORM"] = "offscreen"

if TYPE_CHECKING:
    from PySide6.QtGui import QPalette

    from mmfeat_gui.views.main_window import MainWindow

_QUIET_S = 1.2  # nothing moves any more; panels wait that long for more to be typed
_MOST_S = 120


def dark_palette() -> QPalette:
    """Return the palette of a dark desktop, which no display would give here."""
    from PySide6.QtGui import QColor, QPalette

    palette = QPalette(QColor("#2b2b2e"))
    for role, colour in (
        (QPalette.ColorRole.Window, "#2b2b2e"),
        (QPalette.ColorRole.Base, "#1e1e20"),
        (QPalette.ColorRole.AlternateBase, "#26262a"),
        (QPalette.ColorRole.Text, "#f0f0f0"),
        (QPalette.ColorRole.WindowText, "#f0f0f0"),
        (QPalette.ColorRole.ButtonText, "#f0f0f0"),
        (QPalette.ColorRole.PlaceholderText, "#a8a8ac"),
        (QPalette.ColorRole.ToolTipBase, "#38383c"),
        (QPalette.ColorRole.ToolTipText, "#f0f0f0"),
        (QPalette.ColorRole.Highlight, "#4a8fd8"),
        (QPalette.ColorRole.HighlightedText, "#ffffff"),
    ):
        palette.setColor(role, QColor(colour))
    return palette


def settle(window: MainWindow) -> None:
    """Wait until everything asked for is shown."""
    from PySide6.QtWidgets import QApplication

    quiet, begun = time.monotonic(), time.monotonic()
    while time.monotonic() - quiet < _QUIET_S and time.monotonic() - begun < _MOST_S:
        QApplication.processEvents()
        time.sleep(0.005)
        if window.busy:
            quiet = time.monotonic()


def probe(window: MainWindow) -> None:
    """Show what fires on one word in two languages."""
    window.bring("probe")
    settle(window)
    panel: Any = window.bench.panel("probe")
    for given, text in zip(panel.inputs, ("fire", "불"), strict=True):
        given.editor.setPlainText(text)


def steer(window: MainWindow) -> None:
    """Show what clamping the feature shown does to the results of a text."""
    window.bring("steer")
    settle(window)
    panel: Any = window.bench.panel("steer")
    panel.query.editor.setPlainText("lion")
    settle(window)
    panel.add_shown()


def views(beside: Path | None) -> dict[str, Callable[[MainWindow], object]]:
    """Return what leads to each view, by the name of its picture."""
    from mmfeat_gui.state.history import Place
    from mmfeat_gui.views.registry import PANELS

    def panel(key: str) -> Callable[[MainWindow], object]:
        return lambda window: window.bring(key)

    found = {made.key: panel(made.key) for made in PANELS if made.key != "joint"}
    found["probe"], found["steer"] = probe, steer
    found["item"] = lambda window: window.open_item(4)
    if beside is not None:
        found["comparison"] = lambda window: window.open_beside(beside)
    found["runs"] = lambda window: window.context.store.change("undo.place", place=Place("runs"))
    return found


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("atlas", type=Path)
    parser.add_argument("--beside", type=Path, help="another atlas, for the comparison")
    parser.add_argument("--out", type=Path, required=True, help="folder for the pictures")
    parser.add_argument("--feature", type=int, help="whose page is shown")
    parser.add_argument("--only", nargs="*", help="names of pictures")
    parser.add_argument("--language", default="en", choices=("en", "ko"))
    args = parser.parse_args()

    from mmfeat_gui.resources import strings
    from mmfeat_gui.state.settings import Settings
    from mmfeat_gui.views.application import make_application
    from mmfeat_gui.views.main_window import MainWindow

    strings.use(args.language)
    application = make_application()
    for theme in ("light", "dark"):
        if theme == "dark":
            application.setPalette(dark_palette())
        for name, lead in views(args.beside).items():
            if args.only and name not in args.only:
                continue
            window = MainWindow(Settings())
            window.resize(1440, 900)
            window.show()
            window.open_atlas(args.atlas, args.feature)
            settle(window)
            lead(window)
            settle(window)
            out = args.out / theme / f"{name}.png"
            out.parent.mkdir(parents=True, exist_ok=True)
            window.grab().save(str(out), "PNG")
            window.close()
            window.deleteLater()
            print(out)
    return 0


if __name__ == "__main__":  # a process of ours is made by running this file again
    sys.exit(main())
