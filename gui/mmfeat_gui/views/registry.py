"""All panels, pages and actions of a window: a new one is a line here, and its import."""

from __future__ import annotations

from mmfeat_gui.views import (
    export_dialog,
    histograms_panel,
    joint_panel,
    languages_panel,
    map_panel,
    notes_actions,
    notes_panel,
    page_panel,
    probe_actions,
    probe_panel,
    runs_page,
    samples_panel,
    steer_panel,
    table_panel,
    window_actions,
)
from mmfeat_gui.views.actions import Action
from mmfeat_gui.views.panel import Page, Panel

# In the order of their tabs, and of the keys that bring them to the front.
PANELS: tuple[type[Panel], ...] = (
    map_panel.MapPanel,
    joint_panel.JointPanel,
    samples_panel.SamplesPanel,
    languages_panel.LanguagesPanel,
    table_panel.TablePanel,
    histograms_panel.HistogramsPanel,
    notes_panel.NotesPanel,
    page_panel.PagePanel,
    probe_panel.ProbePanel,
    steer_panel.SteerPanel,
)
# What takes the whole window, by the kind of place.
PAGES: dict[str, type[Page]] = {"runs": runs_page.RunsPage}
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
