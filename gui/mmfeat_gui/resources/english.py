"""English texts of the interface. Names in braces are filled in."""

from __future__ import annotations

ENGLISH = {
    "action.back": "&Back",
    "action.compare": "Com&pare with another atlas…",
    "action.comparison": "&Comparison",
    "action.escape": "&Clear filters",
    "action.find": "&Find a feature",
    "action.fit": "Show the &whole map",
    "action.forward": "&Forward",
    "action.heat": "&Heat maps on pictures",
    "action.next_pane": "&Next pane",
    "action.open": "&Open…",
    "action.quit": "&Quit",
    "action.reload": "&Read the file again",
    "card.languages": "fires in: {languages}",
    "card.no_language": "no language",
    "card.no_picture": "no picture",
    "colour.firing_rate": "firing rate",
    "colour.modality_score": "modality score",
    "colour.n_languages": "number of languages",
    "colour.shared": "shared",
    "column.accessible": "Captions in {language}: {count}",
    "column.no_name": "no good name",
    "column.rate": "fires on {rate:.2%}",
    "column.rate_tip": "Share of the captions of this language on which the feature fires.",
    "column.silent": "Fires on no caption.",
    "compare.accessible": "Two atlases side by side",
    "compare.all": "in the SAE",
    "compare.axis": "modality score: share of a feature's energy from pictures",
    "compare.bar_tip": (
        "{low:.2f} to {high:.2f}: {shared:,} shared, {not_shared:,} not shared, "
        "{untestable:,} untestable"
    ),
    "compare.bimodal": "bimodal",
    "compare.colour_maps": "Colour the maps by",
    "compare.name.alive": "alive",
    "compare.name.features": "features",
    "compare.name.shared": "shared",
    "compare.name.testable": "testable",
    "compare.of": "{count:,} of {total:,}",
    "compare.of_alive": "{count:,} of {total:,} alive",
    "compare.open": "Open",
    "compare.open_tip": "Look at the features of this atlas",
    "compare.share_axis": "of alive features",
    "compare.tip.alive": "Features that fire on a picture or a caption.",
    "compare.tip.features": "Latents of the SAE.",
    "compare.tip.shared": (
        "Features that fire jointly on pictures and their captions in at least 70 % of the "
        "languages: q <= 0.05, with a lower bound of the effect of at least 0.1."
    ),
    "compare.tip.testable": (
        "Features that fire on at least 5 pictures and 5 captions of the test, in enough languages."
    ),
    "compare.title": "Choose the atlas to compare with",
    "error.display": (
        "There is no display to show a window on; set DISPLAY, or write a picture with "
        "--screenshot FILE.png."
    ),
    "error.feature": "{file} has no feature {feature}; give one from 0 to {last}.",
    "error.item": "{file} has no item {item!r}; give the id of one of its items.",
    "error.libraries": "Qt needs {libraries}; run: {mend}",
    "error.no_atlas": "--feature, --item and --beside need an atlas; give its path too.",
    "error.picture": "{file} could not be written; choose a folder you may write.",
    "error.qt": "Qt could not be loaded ({reason}); run: pip install PySide6-Essentials",
    "error.read": "{file} could not be read ({reason}); copy or build it again.",
    "error.same": "{file} is open already; choose another atlas to compare it with.",
    "example.label": "{activation:.2f} · {split}",
    "item.both": "Fire for the picture and for captions",
    "item.both_tip": "Features that fire for the picture and for a caption of this item.",
    "item.captions": "Captions",
    "item.concept": "concept: {concept}",
    "item.id": "item: {id}",
    "item.many_languages": "{count} lang., max {activation:.1f}",
    "item.no_captions": "This item has no captions.",
    "item.none": "None.",
    "item.one_language": "{language} {activation:.2f}",
    "item.picture_activation": "picture {activation:.2f}",
    "item.picture_only": "Fire for the picture only",
    "item.picture_only_tip": "Features that fire for the picture and for no caption.",
    "item.several": "Fire for captions in several languages, not for the picture",
    "item.several_tip": "Features that fire for captions of two languages or more.",
    "item.single_only": "Fire for captions in one language only",
    "item.single_only_tip": "Features that fire for captions of one language alone.",
    "item.split": "split: {split}",
    "legend.image": "pictures only",
    "legend.text": "captions only",
    "list.accessible": "Table of features",
    "list.count": "{shown:,} of {total:,} features",
    "list.languages_accessible": "Least number of languages",
    "list.languages_after": "languages",
    "list.languages_before": "fires in at least",
    "list.search": "Search names in any language",
    "list.search_tip": "Part of a name in any language, or # and the number of a feature.",
    "list.shared_only": "shared only",
    "list.shared_tip": "Show only features that are shared by pictures and languages.",
    "map.accessible": "Map of features",
    "map.colour_by": "Colour by",
    "map.fit": "Show all",
    "map.fit_tip": "Show the whole map (Home)",
    "map.none": ("This atlas has no map yet.\n\nMake one with: mmfeat map ATLAS\nThen press F5."),
    "menu.file": "&File",
    "menu.go": "&Go",
    "menu.no_recent": "none yet",
    "menu.recent": "Open &recent",
    "menu.view": "&View",
    "modality.image": "pictures {share:.0%}",
    "modality.silent": "never fires",
    "modality.text": "captions {share:.0%}",
    "modality.tip": (
        "Mean squared activation: pictures {image:.3g}, captions {text:.3g} (mean over "
        "languages). Modality score = pictures / (pictures + captions)."
    ),
    "notice.close": "Close",
    "notice.fonts": ("No installed font can draw: {languages}. Install the package: {packages}"),
    "open.all": "All files",
    "open.filter": "Atlas",
    "open.title": "Open an atlas",
    "page.band": "{low:.0%}–{high:.0%} of the maximum ({count})",
    "page.bands": "Pictures from all levels of activation",
    "page.bands_tip": "Drawn at random from four even bands between 0 and the maximum.",
    "page.captions": "Captions by language",
    "page.captions_bands": "all levels",
    "page.captions_bands_tip": "Drawn at random from four even bands of activation.",
    "page.captions_top": "strongest",
    "page.cosine": "cosine {cosine:.2f}",
    "page.feature_number": "feature {feature}",
    "page.heat": "heat maps",
    "page.heat_tip": "Activation on the patches of each picture; all share one scale.",
    "page.modality": "Pictures against captions (energy)",
    "page.neighbours": "Neighbours (similar directions)",
    "page.no_pictures": "Fires for no picture.",
    "page.numbers": "Numbers",
    "page.pictures": "Pictures with the largest activations",
    "page.rates": "Firing rate on pictures and in each language",
    "rates.picture": "img",
    "rates.pictures": "Pictures",
    "rates.tip": "{name}: fires on {rate:.2%}",
    "shared.not_shared": "not shared",
    "shared.shared": "shared",
    "shared.untestable": "untestable",
    "split.test": "test",
    "split.train": "train",
    "status.counts": (
        "{file}  |  {features:,} features · {items:,} items · {languages} languages  |  {source}"
    ),
    "status.opening": "Opening {file} …",
    "table.feature": "No.",
    "table.feature_tip": "Number of the feature in its SAE.",
    "table.firing_rate_image": "Img rate",
    "table.firing_rate_image_tip": "Share of pictures on which it fires (activation > 0).",
    "table.firing_rate_text": "Txt rate",
    "table.firing_rate_text_tip": (
        "Share of captions on which it fires (activation > 0), mean over languages."
    ),
    "table.modality_score": "Modality",
    "table.modality_score_tip": (
        "energy of pictures / (energy of pictures + energy of captions); energy is the mean "
        "squared activation. 0: captions only, 1: pictures only."
    ),
    "table.n_languages": "Lang.",
    "table.n_languages_tip": "Languages in which it fires on at least 5 captions.",
    "table.shared": "Shared",
    "table.shared_q": "q",
    "table.shared_q_tip": (
        "p of the partial-conjunction test of sharing, after Benjamini-Hochberg over testable "
        "features."
    ),
    "table.shared_tip": (
        "Fires jointly on pictures and their captions in at least 70 % of the languages: "
        "q <= 0.05, with a lower bound of the effect of at least 0.1."
    ),
    "table.title": "Name",
    "welcome.demo": "No atlas yet? This makes one from bundled data, in a few minutes:",
    "welcome.open": "Open an atlas…",
    "welcome.recent": "Opened before",
    "welcome.title": "Open an atlas to see its features",
    "welcome.what": (
        "An atlas is the file that “mmfeat atlas” writes: all that is known of the features of "
        "one sparse autoencoder. Press Ctrl+O, or drop the file onto this window."
    ),
}
