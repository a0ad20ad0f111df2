"""The tables as files for a spreadsheet: CSV, and XLSX with a sheet for each table. The one door to xlsxwriter.

A text that begins like a formula stays a text. Must not import Flask.
"""

import csv
import io
import re
from collections.abc import Sequence

import xlsxwriter

from ui.statistics.tables import Item, Sheet

BOM = "\ufeff"  # without it a spreadsheet takes UTF-8 for the machine's old code page
SHEET_NAME = 31  # letters, of a spreadsheet's own limit
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "|")  # OWASP, "CSV Injection"


def csv_file(sheets: Sequence[Sheet], heading: Sequence[str]) -> bytes:
    """Every table below the other, each with its title and headings, in UTF-8. `heading`: lines above all."""
    text = io.StringIO()
    rows = csv.writer(text)  # RFC 4180
    for line in heading:
        rows.writerow([safe(line)])
    for sheet in sheets:
        rows.writerow([])
        rows.writerow([safe(sheet.title)])
        rows.writerow([safe(one) for one in sheet.headings])
        rows.writerows([safe(one) for one in row] for row in sheet.rows)
        if sheet.note:
            rows.writerow([safe(sheet.note)])
    return (BOM + text.getvalue()).encode()


def safe(item: Item) -> Item:
    """As a spreadsheet takes it for what it is: a text that would be a formula gets an apostrophe before it."""
    if not isinstance(item, str):
        return "" if item is None else item
    return f"'{item}" if item.lstrip(" ").startswith(_FORMULA) else item


def xlsx_file(sheets: Sequence[Sheet], heading: Sequence[str]) -> bytes:
    """A workbook; the first sheet tells what it is."""
    memory = io.BytesIO()
    texts_stay = {
        "in_memory": True,
        "strings_to_formulas": False,
        "strings_to_urls": False,
        "strings_to_numbers": False,
    }
    book = xlsxwriter.Workbook(memory, texts_stay)
    bold = book.add_format({"bold": True, "bottom": 1, "text_wrap": True, "valign": "top"})
    first = book.add_worksheet(_sheet_name(heading[0], set()))
    first.set_column(0, 0, 100)
    for number, line in enumerate(heading):
        first.write_string(number, 0, line)
    used = {first.get_name().casefold()}
    for sheet in sheets:
        page = book.add_worksheet(_sheet_name(sheet.title, used))
        used.add(page.get_name().casefold())
        page.freeze_panes(1, 0)
        page.fit_to_pages(1, 0)
        for column, one in enumerate(sheet.headings):
            widest = max([len(str(row[column])) for row in sheet.rows] + [len(one) // 2 + 4])
            page.set_column(column, column, min(60, widest + 2))
            page.write_string(0, column, one, bold)
        for number, row in enumerate(sheet.rows, start=1):
            for column, item in enumerate(row):
                if isinstance(item, str):
                    page.write_string(number, column, item)
                elif item is not None:
                    page.write_number(number, column, item)
        if sheet.note:
            page.write_string(len(sheet.rows) + 2, 0, sheet.note)
    book.close()
    return memory.getvalue()


def _sheet_name(title: str, used: set[str]) -> str:
    name = re.sub(r"[\[\]:*?/\\']", " ", title)[:SHEET_NAME].strip() or "-"
    number = 2
    while name.casefold() in used:
        name = f"{name[: SHEET_NAME - 3].rstrip()} {number}"
        number += 1
    return name
