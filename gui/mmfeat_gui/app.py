"""Starts the viewer: ``mmfeat-gui [ATLAS]``, or one picture of it with ``--screenshot``."""

from __future__ import annotations

import argparse
import os
import re
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from mmfeat.doctor import QT_LIBRARIES, QT_X11_LIBRARIES, mend_line, missing_libraries
from mmfeat_gui.resources import strings
from mmfeat_gui.state.settings import Settings, load_settings, save_settings


def _size(text: str) -> tuple[int, int]:
    match = re.fullmatch(r"(\d{2,4})x(\d{2,4})", text)
    if match is None:
        raise argparse.ArgumentTypeError(f"{text!r} is not a size such as 1440x900")
    return int(match[1]), int(match[2])


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="mmfeat-gui", description="Look at the features of an atlas."
    )
    parser.add_argument("atlas", nargs="?", type=Path, metavar="ATLAS", help="file to open")
    place = parser.add_mutually_exclusive_group()
    place.add_argument("--feature", type=int, metavar="N", help="begin at this feature")
    place.add_argument("--item", metavar="ID", help="begin at this item")
    place.add_argument(
        "--beside", type=Path, metavar="ATLAS", help="begin by comparing with this atlas"
    )
    parser.add_argument(
        "--screenshot", type=Path, metavar="FILE.png", help="write a picture of the window and end"
    )
    parser.add_argument(
        "--size", type=_size, default=(1440, 900), metavar="WxH", help="of the screenshot"
    )
    parser.add_argument("--language", choices=strings.LANGUAGES, help="of the interface")
    return parser


def missing_display(environment: Mapping[str, str], platform: str) -> str:
    """Return a sentence where no window can be shown, empty where one can."""
    if not platform.startswith("linux") or environment.get("QT_QPA_PLATFORM"):
        return ""
    if environment.get("WAYLAND_DISPLAY"):
        return ""
    if not environment.get("DISPLAY"):
        return strings.tr("error.display")
    return _missing_libraries(QT_X11_LIBRARIES)


def _missing_libraries(libraries: Mapping[str, str]) -> str:
    lacking = missing_libraries(libraries)
    if not lacking:
        return ""
    mend = mend_line((libraries[name] for name in lacking), lacking)
    return strings.tr("error.libraries", libraries=", ".join(lacking), mend=mend)


def _missing_qt(error: ImportError) -> str:
    """Return a sentence on why Qt cannot be loaded."""
    lacking = _missing_libraries(QT_LIBRARIES) if sys.platform.startswith("linux") else ""
    return lacking or strings.tr("error.qt", reason=error)


def _fail(sentence: str) -> int:
    print(f"Error: {sentence}", file=sys.stderr)
    return 1


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the viewer and return its exit status: 0 done, 1 failed with a sentence, 2 bad usage."""
    try:
        options = _parser().parse_args(arguments)
    except SystemExit as error:
        return int(error.code or 0)
    # A picture shows the same whatever was remembered.
    settings = Settings() if options.screenshot else load_settings()
    strings.use(options.language or settings.language or strings.system_language())
    places = (options.feature, options.item, options.beside)
    if options.atlas is None and any(place is not None for place in places):
        return _fail(strings.tr("error.no_atlas"))
    if options.screenshot:
        os.environ["QT_QPA_PLATFORM"] = "offscreen"
    else:
        sentence = missing_display(os.environ, sys.platform)
        if sentence:
            return _fail(sentence)
    try:
        from mmfeat_gui.views import windows
        from mmfeat_gui.views.application import make_application, quit_on_signals, take_picture
        from mmfeat_gui.views.crash import Crash
        from mmfeat_gui.views.main_window import MainWindow
    except ImportError as error:
        return _fail(_missing_qt(error))
    application = make_application()
    windows.use_language(strings.language())
    if options.screenshot:
        window = MainWindow(settings)
        sentence = take_picture(window, options.screenshot, options.size, options.atlas, *places)
        return _fail(sentence) if sentence else 0
    quit_on_signals(application)
    Crash(application).install()
    windows.use_scheme(settings.appearance)
    window = windows.open_window(settings)
    if options.atlas is not None:
        window.open_file(options.atlas, *places)
    status = int(application.exec())
    save_settings(settings)
    return status
