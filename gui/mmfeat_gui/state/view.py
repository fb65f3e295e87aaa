"""What a window shows: the one value that undo, sessions and second windows are made of."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from mmfeat_gui.state.history import Place
from mmfeat_gui.state.query import Query
from mmfeat_gui.state.selection import NOTHING, Selection
from mmfeat_gui.state.settings import UNFOLDED
from mmfeat_gui.state.viewport import Viewport


@dataclass(frozen=True)
class ViewState:
    """A view of an atlas; nothing of the atlas itself.

    Attributes
    ----------
    place : Place or None
        The page shown.
    query : Query
        Filters and order of the table.
    features, items : Selection
        What was brushed: linked between maps, table, histograms and matrix.
    colouring : str
        What the feature map's colours show: a colouring or score, or ``tag:`` and a tag.
    sizing : str
        The score that dots are sized by; empty where all are alike.
    hidden : frozenset of str
        Categories of the legend that are switched off.
    thumbnails, labels : bool
        Whether the map shows pictures when near, and names of clusters.
    viewport, samples_viewport : Viewport or None
        The part of the feature map and of the samples map that is seen; None for all.
    samples_colouring : str
        The column that colours the samples map, or ``activation``; empty for the usual one.
    samples_every : bool
        Whether brushed features light the items on which all of them fire, not any.
    joint : str
        Path of the comparison whose joint map is shown; empty for that beside the atlas.
    joint_viewport : Viewport or None
        The part of it that is seen; None for all.
    matrix : tuple of str
        What the matrix of languages shows: the other side, over which features, and which measure.
    heat, bands, aligned : bool
        Whether pictures bear heat maps, whether captions of all bands are shown, and whether
        instead those of the same items stand in rows.
    languages : tuple of str
        The columns of a feature page; empty for all.
    unfolded : tuple of str
        The sections of a feature page that are unfolded.
    panels : tuple of str
        The keys of the panels in front.
    """

    place: Place | None = None
    query: Query = field(default_factory=Query)
    features: Selection = NOTHING
    items: Selection = NOTHING
    colouring: str = "modality_score"
    sizing: str = ""
    hidden: frozenset[str] = frozenset()
    thumbnails: bool = True
    labels: bool = True
    viewport: Viewport | None = None
    samples_viewport: Viewport | None = None
    samples_colouring: str = ""
    samples_every: bool = False
    joint: str = ""
    joint_viewport: Viewport | None = None
    matrix: tuple[str, str, str] = ("languages", "all", "rate")
    heat: bool = True
    bands: bool = False
    aligned: bool = False
    languages: tuple[str, ...] = ()
    unfolded: tuple[str, ...] = UNFOLDED
    panels: tuple[str, ...] = ()

    def fitting(self, features: int, items: int) -> ViewState:
        """Return the view without what an atlas of so many features and items does not have."""
        place = self.place
        sizes = {"feature": features, "item": items}
        if place is not None and place.of_atlas and not 0 <= place.index < sizes[place.kind]:
            place = None
        return replace(
            self,
            place=place,
            features=self.features.within(features),
            items=self.items.within(items),
        )
