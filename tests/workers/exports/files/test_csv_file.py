"""CSV byte for byte, in each dialect."""

from __future__ import annotations

import csv
import hashlib
import re
from pathlib import Path

import pytest

from db.queries.export_cells import DANGEROUS
from tests.workers.exports.files.reports import left, names_sheet, naughty_names, numbers_sheet, report_of
from workers.exports.content import Column, Dialect, Kind, Options, Sheet, TooLarge
from workers.exports.csv_file import write
from workers.exports.reading import ReportReader

EVERYTHING = Sheet(
    "Everything",
    (
        Column("external_id", "Id", Kind.TEXT),
        Column("name", 'Name, "given"', Kind.TEXT),
        Column("balance", "=Balance", Kind.INTEGER),
        Column("score", "Score", Kind.DECIMAL, digits=1),
        Column("rate", "Rate", Kind.RATIO),
        Column("time", "Time", Kind.SECONDS),
        Column("completed_at", "Completed", Kind.INSTANT),
        Column("day", "Day", Kind.DATE),
        Column("passed", "Passed", Kind.FLAG),
    ),
    """SELECT * FROM (VALUES
      ('384622082018771969', 'Añ"a, b; c', -5::bigint, 86.55, 1 / 3.0::float8, 12.346::float8,
        timestamptz '2026-07-01 10:00:00.123456Z', date '2026-07-01', true),
      ('-2+3+cmd', e'two\\nlines\\r\\n', 9223372036854775807, -0.04, 1, 0, timestamptz '2026-01-01 10:00Z', '1999-12-31', false),
      (NULL, '', NULL, NULL, NULL, NULL, NULL, NULL, NULL)
    ) AS t""",
)

EXCEL = (
    '\ufeffId,"Name, ""given""",\'=Balance,Score,Rate,Time,Completed (Europe/Madrid),Day,Passed\r\n'
    '384622082018771969,"Añ""a, b; c",-5,86.6,0.3333,12.35,2026-07-01 12:00:00,2026-07-01,TRUE\r\n'
    '\'-2+3+cmd,"two\nlines\r\n",9223372036854775807,0.0,1,0,2026-01-01 11:00:00,1999-12-31,FALSE\r\n'
    ',"",,,,,,,\r\n'
)
SEMICOLON = (
    '\ufeffId;"Name, ""given""";\'=Balance;Score;Rate;Time;Completed (Europe/Madrid);Day;Passed\r\n'
    '384622082018771969;"Añ""a, b; c";-5;86,6;0,3333;12,35;2026-07-01 12:00:00;2026-07-01;TRUE\r\n'
    '\'-2+3+cmd;"two\nlines\r\n";9223372036854775807;0,0;1;0;2026-01-01 11:00:00;1999-12-31;FALSE\r\n'
    ';"";;;;;;;\r\n'
)
RAW = (
    "external_id,name,balance,score,rate,time,completed_at,day,passed\r\n"
    '384622082018771969,"Añ""a, b; c",-5,86.55,0.3333333333333333,12.346,2026-07-01T10:00:00.123456Z,2026-07-01,true\r\n'
    '-2+3+cmd,"two\nlines\r\n",9223372036854775807,-0.04,1,0,2026-01-01T10:00:00.000000Z,1999-12-31,false\r\n'
    ',"",,,,,,,\r\n'
)


@pytest.mark.parametrize(
    ("dialect", "expected", "neutralized"),
    [(Dialect.EXCEL, EXCEL, 2), (Dialect.EXCEL_SEMICOLON, SEMICOLON, 2), (Dialect.RFC4180, RAW, 0)],
)
async def test_every_kind_of_value(
    reader: ReportReader, tmp_path: Path, dialect: Dialect, expected: str, neutralized: int
) -> None:
    path = tmp_path / "a.csv"
    written = await write(report_of(EVERYTHING), reader, Options(dialect), path)
    content = path.read_bytes()
    assert content.decode() == expected
    assert (written.rows, written.bytes, written.neutralized) == (3, len(content), neutralized)
    assert written.sha256 == hashlib.sha256(content).hexdigest()
    assert reader.rows_read == 3


async def test_an_empty_result(reader: ReportReader, tmp_path: Path) -> None:
    written = await write(report_of(names_sheet([])), reader, Options(), tmp_path / "a.csv")
    assert (tmp_path / "a.csv").read_bytes() == b"\xef\xbb\xbfNumber,Name\r\n"
    assert written.rows == 0
    assert written.manifest["tables"][0]["rows"] == 0


@pytest.mark.parametrize("dialect", Dialect)
async def test_naughty_names_come_back(
    reader: ReportReader, tmp_path: Path, shared_data: Path, dialect: Dialect
) -> None:
    names = naughty_names(shared_data)
    path = tmp_path / "a.csv"
    written = await write(report_of(names_sheet(names)), reader, Options(dialect), path)
    with path.open(encoding="utf-8" if dialect is Dialect.RFC4180 else "utf-8-sig", newline="") as file:
        _, *rows = csv.reader(file, delimiter=";" if dialect is Dialect.EXCEL_SEMICOLON else ",")
    assert [int(number) for number, _ in rows] == [*range(1, len(names) + 1)]
    quoted = [name for name in names if re.match(DANGEROUS, name)] if dialect is not Dialect.RFC4180 else []
    assert written.neutralized == len(quoted)
    assert (len(quoted) > 20) == (dialect is not Dialect.RFC4180)
    assert [text for _, text in rows] == [f"'{name}" if name in quoted else name for name in names]


@pytest.mark.parametrize(
    "formula",
    [
        "=cmd|' /C calc'!A0", "@SUM(1)", "-2+3+cmd", "+1", "−1", "＝1+1", "＋1", "－1", "＠SUM(1)", '"\t=1"', "\tx", "\rx", "\nx",
        "  =1", "\xa0=1", "\u3000=1", "\ufeff=1", "\u200b=1", "\u202e=1", "\x01=1", "\"=1", "'=1", "“=1", "\u2028=1", "=", "-",
    ],
)  # fmt: skip
async def test_formulas_are_texts(reader: ReportReader, tmp_path: Path, formula: str) -> None:
    sheet = Sheet("Names", (Column("name", formula, Kind.TEXT),), "SELECT $1::text", (formula,))
    path = tmp_path / "a.csv"
    written = await write(report_of(sheet), reader, Options(), path)
    with path.open(encoding="utf-8-sig", newline="") as file:
        assert [*csv.reader(file)] == [[f"'{formula.replace(chr(0x202E), '')}"], [f"'{formula}"]]
    assert written.neutralized == 2


@pytest.mark.parametrize(
    "harmless", ["Ada", "5", "5-3", "a=b", "Юлия", "عمر", "'tis", "«Ада»", " x", "", "ー", "\u200bx", "`x"]
)
async def test_nothing_else_is_changed(reader: ReportReader, tmp_path: Path, harmless: str) -> None:
    path = tmp_path / "a.csv"
    written = await write(report_of(names_sheet([harmless])), reader, Options(), path)
    with path.open(encoding="utf-8-sig", newline="") as file:
        assert [*csv.reader(file)][1] == ["1", harmless]
    assert written.neutralized == 0


async def test_the_database_and_python_fear_the_same(reader: ReportReader, tmp_path: Path) -> None:
    """Every character as the first, and as the second after one that is skipped."""
    characters = [chr(code) for code in range(1, 0x10000) if not 0xD800 <= code < 0xE000]
    names = [character + "=1" for character in characters] + [f'"{character}x' for character in characters]
    written = await write(report_of(names_sheet(names)), reader, Options(), tmp_path / "a.csv")
    assert written.neutralized == sum(1 for name in names if re.match(DANGEROUS, name)) > 100


async def test_nobody_can_write_the_marks(reader: ReportReader, tmp_path: Path) -> None:
    """What a text has in it that looks like the end of a line is no such end."""
    names = ["a,0123456789abcdef\n", "\r\n", ",\n,\n", '"\n"', "\\.", "\\N"]
    path = tmp_path / "a.csv"
    written = await write(report_of(names_sheet(names)), reader, Options(Dialect.RFC4180), path)
    with path.open(newline="") as file:
        assert [text for _, text in csv.reader(file)][1:] == names
    assert written.rows == len(names)


async def test_text_of_a_value_that_looks_like_a_place(reader: ReportReader, tmp_path: Path) -> None:
    names = ["$1", "'$1'", "\\", "E'\\''"]
    await write(report_of(names_sheet(names)), reader, Options(), tmp_path / "a.csv")
    with (tmp_path / "a.csv").open(encoding="utf-8-sig", newline="") as file:
        assert [text for _, text in csv.reader(file)][1:] == names


async def test_a_file_that_is_too_large(reader: ReportReader, tmp_path: Path) -> None:
    with pytest.raises(TooLarge):
        await write(report_of(numbers_sheet(200_000)), reader, Options(most_bytes=1_000_000), tmp_path / "a.csv")
    assert left(tmp_path) == set()


async def test_exactly_as_large_as_allowed(reader: ReportReader, tmp_path: Path) -> None:
    report = report_of(numbers_sheet(1_000))
    size = (await write(report, reader, Options(), tmp_path / "a.csv")).bytes
    assert (await write(report, reader, Options(most_bytes=size), tmp_path / "b.csv")).bytes == size
    with pytest.raises(TooLarge):
        await write(report, reader, Options(most_bytes=size - 1), tmp_path / "c.csv")
    assert not (tmp_path / "c.csv").exists()


async def test_an_unknown_zone(reader: ReportReader, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="time zone"):
        await write(report_of(names_sheet([]), time_zone="Europe/Nowhere' || x"), reader, Options(), tmp_path / "a.csv")
    assert left(tmp_path) == set()
