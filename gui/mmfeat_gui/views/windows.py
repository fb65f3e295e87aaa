"""All windows of the viewer: another one, and the same one in another language."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QLibraryInfo, Qt, QTranslator
from PySide6.QtGui import QColor, QGuiApplication, QPalette
from PySide6.QtWidgets import QApplication

from mmfeat_gui.resources import strings
from mmfeat_gui.state.settings import Settings

if TYPE_CHECKING:
    from mmfeat_gui.state.session import Session
    from mmfeat_gui.views.main_window import MainWindow

SCHEMES = {
    "system": Qt.ColorScheme.Unknown,
    "light": Qt.ColorScheme.Light,
    "dark": Qt.ColorScheme.Dark,
}
_windows: set[MainWindow] = set()
_translators: list[QTranslator] = []


def open_window(settings: Settings, session: Session | None = None) -> MainWindow:
    """Open a window, as a session says; it is kept until it is closed."""
    from mmfeat_gui.views.main_window import MainWindow

    window = MainWindow(settings)
    _windows.add(window)
    window.closed.connect(lambda: _windows.discard(window))
    if session is not None:
        window.restore_session(session)
    window.show()
    return window


def windows() -> list[MainWindow]:
    """Return the windows that `open_window` opened and that are still open."""
    return list(_windows)


def use_language(language: str) -> None:
    """Use a language for the interface and for Qt's own dialogs, in windows made from now on."""
    strings.use(language)
    application = QApplication.instance()
    if application is None:
        return
    while _translators:
        application.removeTranslator(_translators.pop())
    translator = QTranslator(application)
    folder = QLibraryInfo.path(QLibraryInfo.LibraryPath.TranslationsPath)
    if strings.language() != "en" and translator.load(f"qtbase_{strings.language()}", folder):
        application.installTranslator(translator)
        _translators.append(translator)


def use_scheme(scheme: str) -> None:
    """Use light or dark colours, or those of the system; what is unknown is the system's."""
    chosen, hints = SCHEMES.get(scheme, Qt.ColorScheme.Unknown), QGuiApplication.styleHints()
    hints.setColorScheme(chosen)
    application = QApplication.instance()
    if isinstance(application, QApplication):
        # Without a desktop's theme (plain X11) Qt cannot: the colours are ours then.
        unheard = chosen == Qt.ColorScheme.Dark and hints.colorScheme() != chosen
        application.setPalette(_dark() if unheard else application.style().standardPalette())


def _dark() -> QPalette:
    """Return dark colours where the desktop has none to offer."""
    palette = QPalette(QColor(53, 53, 53), QColor(42, 42, 42))
    palette.setColor(QPalette.ColorRole.Base, QColor(30, 30, 30))
    for role in ("Text", "WindowText", "ButtonText"):
        palette.setColor(QPalette.ColorRole[role], QColor(235, 235, 235))
        palette.setColor(
            QPalette.ColorGroup.Disabled, QPalette.ColorRole[role], QColor(125, 125, 125)
        )
    return palette


def switch_language(window: MainWindow, language: str) -> MainWindow:
    """Show a window in another language: a new one takes its place, in the same state."""
    session = window.session()
    window.settings.language = language
    use_language(language)
    fresh = open_window(window.settings, session)
    window.close()
    window.deleteLater()
    return fresh
