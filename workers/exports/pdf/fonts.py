"""The fonts of a page: they come as Python packages, so that a page looks the same on every machine and needs no network.

Inter for Latin, Greek and Cyrillic; Noto Sans for what else people write: Arabic, Hebrew, Devanagari, Bengali, Tamil, Telugu,
Thai, Lao, Khmer, Myanmar, Ethiopic, Chinese, Japanese and Korean, and symbols.
"""

from __future__ import annotations

from functools import cache
from importlib.util import find_spec
from pathlib import Path

import typst
from fontTools.ttLib import TTFont

# Where each family lies: the package, the folder in it, and the family's name in the order in which a glyph is looked for.
_FAMILIES = (
    ("justmytype_western_core", "fonts/ofl/inter", "Inter"),
    ("justmytype_western_core", "fonts/ofl/notosans", "Noto Sans"),
    ("justmytype_intl_rtl", "fonts/ofl/notosansarabic", "Noto Sans Arabic"),
    ("justmytype_intl_rtl", "fonts/ofl/notosanshebrew", "Noto Sans Hebrew"),
    ("justmytype_intl_south_asia", "fonts/ofl/notosansdevanagari", "Noto Sans Devanagari"),
    ("justmytype_intl_south_asia", "fonts/ofl/notosansbengali", "Noto Sans Bengali"),
    ("justmytype_intl_south_asia", "fonts/ofl/notosanstamil", "Noto Sans Tamil"),
    ("justmytype_intl_south_asia", "fonts/ofl/notosanstelugu", "Noto Sans Telugu"),
    ("justmytype_intl_sea", "fonts/ofl/notosansthai", "Noto Sans Thai"),
    ("justmytype_intl_sea", "fonts/ofl/notosanslao", "Noto Sans Lao"),
    ("justmytype_intl_sea", "fonts/ofl/notosanskhmer", "Noto Sans Khmer"),
    ("justmytype_intl_sea", "fonts/ofl/notosansmyanmar", "Noto Sans Myanmar"),
    ("justmytype_intl_africa", "fonts/ofl/notosansethiopic", "Noto Sans Ethiopic"),
    ("noto_cjk_sans_otc", "", "Noto Sans CJK SC"),
    ("justmytype_western_core", "fonts/ofl/notosanssymbols2", "Noto Sans Symbols 2"),
)

FAMILIES = tuple(family for _, _, family in _FAMILIES)


@cache
def folders() -> tuple[Path, ...]:
    """The folders of the families, in their order. LookupError names a package that is not installed."""
    return tuple(_package(package) / folder for package, folder, _ in _FAMILIES)


@cache
def typst_fonts() -> typst.Fonts:
    """The families for Typst, and nothing that this machine happens to have."""
    return typst.Fonts(
        include_system_fonts=False, include_embedded_fonts=False, font_paths=[str(folder) for folder in folders()]
    )


@cache
def covered() -> frozenset[int]:
    """The code points that one of the families has a glyph for."""
    points: set[int] = set()
    for folder in folders():
        for path in folder.iterdir():
            points.update(_code_points(path))
    return frozenset(points)


def _package(name: str) -> Path:
    # Looked up, not imported: of these packages only the files are wanted.
    spec = find_spec(name)
    if spec is None or not spec.submodule_search_locations:
        raise LookupError(f"the fonts of {name} are not installed")
    return Path(spec.submodule_search_locations[0])


def _code_points(path: Path) -> set[int]:
    if path.suffix not in (".ttf", ".otf", ".ttc"):
        return set()
    # The first of a collection: its fonts have the same characters in the shapes of different languages.
    with TTFont(path, fontNumber=0, lazy=True) as font:
        return set(font.getBestCmap() or ())
