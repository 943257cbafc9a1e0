"""What an XLSX file says of itself: its sheets, the table of its texts, and how its numbers are shown."""

from array import array
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from posixpath import dirname, join, normpath
from typing import Literal

from openpyxl.styles.numbers import BUILTIN_FORMATS, is_date_format, is_timedelta_format
from openpyxl.utils.datetime import MAC_EPOCH, WINDOWS_EPOCH
from openpyxl.utils.escape import unescape

from services.ingest.sheets.xlsx_package import Package, Reader, names_of, unreadable

Shown = Literal["percent", "date", "duration"]
"""How a number is shown, where that tells what it means."""


@dataclass
class Book:
    """`sheets` are the parts of the visible sheets by their names; `shown` is by the numbers of styles."""

    sheets: dict[str, str] = field(default_factory=dict)
    epoch: datetime = WINDOWS_EPOCH
    shown: Mapping[str, Shown] = field(default_factory=dict)
    texts: str | None = None
    """The part with the table of texts."""


def read_book(package: Package) -> Book:
    """Read everything but the sheets and the table of texts. Raises Problem."""
    workbook = next(iter(_Relations(package, "").of_type("officeDocument")), None)
    if workbook is None:
        raise unreadable("it has no workbook")
    relations = _Relations(package, workbook)
    reader = _Workbook()
    package.read_whole(workbook, reader)
    book = Book(epoch=reader.epoch)
    worksheets = relations.of_type("worksheet")
    for name, relation in reader.sheets:
        part = relations.targets.get(relation)
        if part not in worksheets:
            continue  # a chart
        if name in book.sheets:
            raise unreadable(f"it has two sheets named {name}")
        book.sheets[name] = part
    styles = next(iter(relations.of_type("styles")), None)
    if styles is not None:
        numbers = _Styles()
        package.read_whole(styles, numbers)
        book.shown = numbers.shown()
    book.texts = next(iter(relations.of_type("sharedStrings")), None)
    return book


class Texts(Reader):
    """The table of texts that cells refer to; kept as one run of bytes, there may be millions of them."""

    def __init__(self) -> None:
        super().__init__()
        self._bytes = bytearray()
        self._ends = array("I", [0])
        self._parts: list[str] = []
        self._phonetic = self._taking = False

    def __getitem__(self, number: int) -> str:
        """Return a text by its place, from 0. Raises Problem if there is none."""
        if not 0 <= number < len(self._ends) - 1:
            raise unreadable(f"it has no text {number}")
        text = self._bytes[self._ends[number] : self._ends[number + 1]].decode()
        return unescape(text) if "_x" in text else text

    def start(self, name: str, attributes: dict[str, str]) -> None:
        tag = _TEXT_NAMES.get(name)
        if tag == "rPh":  # how a text is pronounced
            self._phonetic = True
        self._taking = tag == "t" and not self._phonetic

    def end(self, name: str) -> None:
        tag = _TEXT_NAMES.get(name)
        self._taking = False
        if tag == "rPh":
            self._phonetic = False
        elif tag == "si":
            self._bytes += "".join(self._parts).encode()
            self._ends.append(len(self._bytes))
            self._parts.clear()
            self.pieces += 1

    def text(self, text: str) -> None:
        if self._taking:
            self._parts.append(text)


_TEXT_NAMES = names_of("si", "t", "rPh")
_BOOK_NAMES = names_of("sheet", "workbookPr", "numFmt", "cellXfs", "xf")


class _Relations(Reader):
    """The parts that a part (the package itself: "") refers to, by the ids it calls them."""

    def __init__(self, package: Package, part: str) -> None:
        super().__init__()
        self.targets: dict[str, str] = {}
        self._types: dict[str, str] = {}
        self._folder = dirname(part)
        package.read_whole(join(self._folder, "_rels", f"{part.rpartition('/')[2]}.rels"), self)

    def of_type(self, kind: str) -> list[str]:
        return [self.targets[id] for id, found in self._types.items() if found == kind]

    def start(self, name: str, attributes: dict[str, str]) -> None:
        self.pieces += 1
        if name.rpartition(" ")[2] == "Relationship" and attributes.get("TargetMode") != "External":
            id, target = attributes.get("Id", ""), attributes.get("Target", "")
            self.targets[id] = normpath(join("/", self._folder, target)).lstrip("/")
            self._types[id] = attributes.get("Type", "").rpartition("/")[2]


class _Workbook(Reader):
    def __init__(self) -> None:
        super().__init__()
        self.sheets: list[tuple[str, str]] = []
        self.epoch: datetime = WINDOWS_EPOCH

    def start(self, name: str, attributes: dict[str, str]) -> None:
        self.pieces += 1
        match _BOOK_NAMES.get(name):
            case "sheet" if attributes.get("state", "visible") == "visible":
                relation = next((given for key, given in attributes.items() if key.endswith(" id")), "")
                self.sheets.append((attributes.get("name", ""), relation))
            case "workbookPr" if attributes.get("date1904") in ("1", "true"):
                self.epoch = MAC_EPOCH


class _Styles(Reader):
    def __init__(self) -> None:
        super().__init__()
        self._formats: dict[str, str] = {str(number): given for number, given in BUILTIN_FORMATS.items()}
        self._styles: list[str] = []
        self._inside = False

    def shown(self) -> dict[str, Shown]:
        found = ((number, _shown(self._formats.get(one, ""))) for number, one in enumerate(self._styles))
        return {str(number): shown for number, shown in found if shown is not None}

    def start(self, name: str, attributes: dict[str, str]) -> None:
        self.pieces += 1
        match _BOOK_NAMES.get(name):
            case "numFmt":
                self._formats[attributes.get("numFmtId", "")] = attributes.get("formatCode", "")
            case "cellXfs":
                self._inside = True
            case "xf" if self._inside:
                self._styles.append(attributes.get("numFmtId", "0"))

    def end(self, name: str) -> None:
        if _BOOK_NAMES.get(name) == "cellXfs":
            self._inside = False


def _shown(number_format: str) -> Shown | None:
    if is_timedelta_format(number_format):
        return "duration"
    if is_date_format(number_format):
        return "date"
    return "percent" if "%" in number_format else None
