"""All panels, pages and actions of a window: a new one is a line here."""

from __future__ import annotations

from mmfeat_gui.views import (
    export_dialog,
    joint_panel,
    map_panel,
    notes_actions,
    page_panel,
    probe_actions,
    runs_page,
    table_panel,
    window_actions,
)
from mmfeat_gui.views.actions import Action
from mmfeat_gui.views.histograms_panel import HistogramsPanel
from mmfeat_gui.views.joint_panel import JointPanel
from mmfeat_gui.views.languages_panel import LanguagesPanel
from mmfeat_gui.views.map_panel import MapPanel
from mmfeat_gui.views.notes_panel import NotesPanel
from mmfeat_gui.views.page_panel import PagePanel
from mmfeat_gui.views.panel import Page, Panel
from mmfeat_gui.views.probe_panel import ProbePanel
from mmfeat_gui.views.runs_page import RunsPage
from mmfeat_gui.views.samples_panel import SamplesPanel
from mmfeat_gui.views.steer_panel import SteerPanel
from mmfeat_gui.views.table_panel import TablePanel

# In the order of their tabs, and of the keys that bring them to the front.
PANELS: tuple[type[Panel], ...] = (
    MapPanel,
    JointPanel,
    SamplesPanel,
    LanguagesPanel,
    TablePanel,
    HistogramsPanel,
    NotesPanel,
    PagePanel,
    ProbePanel,
    SteerPanel,
)
# What takes the whole window, by the kind of place.
PAGES: dict[str, type[Page]] = {"runs": RunsPage}
ACTIONS: tuple[Action, ...] = (
    *window_actions.ACTIONS,
    *window_actions.panel_actions(PANELS),
    *map_panel.ACTIONS,
    *joint_panel.ACTIONS,
    *table_panel.ACTIONS,
    *notes_actions.ACTIONS,
    *page_panel.ACTIONS,
    *probe_actions.ACTIONS,
    *export_dialog.ACTIONS,
    *runs_page.ACTIONS,
)
