"""How people write numbers, by the tag of their language: as CLDR has it for those that do not write a decimal point."""

from __future__ import annotations

DECIMAL_COMMA = frozenset(
    [
        "af",
        "az",
        "be",
        "bg",
        "bs",
        "ca",
        "cs",
        "da",
        "de",
        "el",
        "es",
        "et",
        "eu",
        "fi",
        "fo",
        "fr",
        "gl",
        "hr",
        "hu",
        "hy",
        "id",
        "is",
        "it",
        "ka",
        "kk",
        "kl",
        "ky",
        "lb",
        "lt",
        "lv",
        "mk",
        "mn",
        "nb",
        "nl",
        "nn",
        "no",
        "os",
        "pl",
        "pt",
        "rm",
        "ro",
        "ru",
        "sk",
        "sl",
        "sq",
        "sr",
        "sv",
        "tk",
        "tr",
        "uk",
        "uz",
        "vi",
    ]
)
"""Languages in which a half is written 0,5."""

DECIMAL_POINT = frozenset(
    [
        "de-CH",
        "de-LI",
        "it-CH",
        "es-419",
        "es-BZ",
        "es-CU",
        "es-DO",
        "es-GT",
        "es-HN",
        "es-MX",
        "es-NI",
        "es-PA",
        "es-PE",
        "es-PR",
        "es-SV",
        "es-US",
    ]
)
"""Where such a language is written otherwise."""


def writes_decimal_comma(locale: str) -> bool:
    """``locale`` is a tag such as ``de`` or ``es-MX``; scripts and what else is in it do not matter."""
    language, *others = locale.replace("_", "-").split("-")
    region = next((part.upper() for part in others if len(part) == 2 or part.isdigit()), "")
    return language.lower() in DECIMAL_COMMA and f"{language.lower()}-{region}" not in DECIMAL_POINT


def dialect_of(format: str, said: str | None, locale: str) -> str | None:
    """How a CSV is written: as was said, or as a spreadsheet of those who speak the language takes it. None for other formats."""
    if format != "CSV":
        return None
    return said or ("EXCEL_SEMICOLON" if writes_decimal_comma(locale) else "EXCEL")
