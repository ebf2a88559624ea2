"""The works that reports cite: `references.bib`, its entries formatted as text, and citations."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

from bibtexparser.entrypoint import parse_file
from bibtexparser.middlewares import LatexDecodingMiddleware, NameParts, SeparateCoAuthors, SplitNameParts
from bibtexparser.model import Entry

BIBLIOGRAPHY = Path(__file__).with_name("references.bib")


@cache
def bibliography() -> dict[str, Entry]:
    """Return the entries of `references.bib` by key.

    Raises:
        ValueError: If an entry can't be read, or two have the same key.
    """
    middleware: list[Any] = [LatexDecodingMiddleware(), SeparateCoAuthors(), SplitNameParts()]
    library = parse_file(str(BIBLIOGRAPHY), append_middleware=middleware)
    if library.failed_blocks:
        lines = ", ".join(str((block.start_line or 0) + 1) for block in library.failed_blocks)
        raise ValueError(f"{BIBLIOGRAPHY.name}: invalid entries at lines {lines}")
    return library.entries_dict


class Citations:
    """The citations of a text.

    Attributes:
        cited: Keys of the works cited so far.
    """

    def __init__(self) -> None:
        self.cited: set[str] = set()

    def cite(self, *keys: str) -> str:
        """Cite works by their keys in `references.bib`, such as `Collins & Frank, 2012; Wilson, 1927`.

        Raises:
            KeyError: If a key is unknown.
        """
        self.cited.update(keys)
        return "; ".join(sorted(label(bibliography()[key]) for key in keys))

    @property
    def references(self) -> tuple[str, ...]:
        """The works cited, formatted and sorted."""
        return tuple(sorted(formatted(bibliography()[key]) for key in self.cited))

    @property
    def bibtex(self) -> str:
        """The entries of the works cited, as in `references.bib`."""
        return "\n\n".join(entry.raw or "" for key, entry in bibliography().items() if key in self.cited)


def label(entry: Entry) -> str:
    """Format authors and year, such as `Stephan et al., 2009`."""
    names = [_family(author) for author in entry["author"]]
    authors = f"{names[0]} et al." if len(names) > 2 else " & ".join(names)
    return f"{authors}, {entry['year']}"


def formatted(entry: Entry) -> str:
    """Format an entry in APA style."""
    work = {field.key: field.value for field in entry.fields}
    authors = _and([f"{_family(author)}, {_initials(author)}" for author in work["author"]])
    if "editor" in work:
        editors = _and([f"{_initials(editor)} {_family(editor)}" for editor in work["editor"]])
        source = f"In {editors} (Eds.), {work['booktitle']} (pp. {work['pages']}). {work['publisher']}"
    else:
        issue = f"{work.get('volume', '')}({work['number']})" if "number" in work else work.get("volume", "")
        source = ", ".join(filter(None, [work.get("journal") or work["booktitle"], issue, work.get("pages", "")]))
    link = f" https://doi.org/{work['doi']}" if "doi" in work else f" {work['url']}" if "url" in work else ""
    return f"{authors} ({work['year']}). {work['title']}. {source}.{link}"


def _family(person: NameParts) -> str:
    return " ".join([*person.von, *person.last])


def _initials(person: NameParts) -> str:
    return " ".join(f"{name[0]}." for name in person.first)


def _and(names: list[str]) -> str:
    """Join names, such as `A, B., & C, D.`; two names without commas, such as editors, are joined by `&` alone."""
    *others, last = names
    comma = "," if "," in last or len(others) > 1 else ""
    return f"{', '.join(others)}{comma} & {last}" if others else last
