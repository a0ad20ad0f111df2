"""debian/copyright in its machine-readable form (DEP-5, copyright-format 1.0), from the parts' own metadata."""

from collections.abc import Iterable

from .parts import Part

HEAD = """\
Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/
Upstream-Name: tiepdon
Comment: What is bundled comes from wheels and npm packages, unaltered but for tests, stubs and headers left out. Each
 wheel's own licence files lie beside it, in its folder NAME-VERSION.dist-info. The bill of materials is sbom.cdx.json.

Files: *
Copyright: The Tiếp Đón maintainers
License: Apache-2.0
"""
COMMON = {
    "Apache-2.0": "Apache-2.0",
    "GPL-3.0-or-later": "GPL-3",
    "LGPL-2.1-or-later": "LGPL-2.1",
    "MPL-2.0": "MPL-2.0",
    "CC0-1.0": "CC0-1.0",
}
WHERE = {
    "pypi": "usr/lib/tiepdon/lib/*/{name}*",
    "npm": "usr/lib/tiepdon/lib/common/ui/static/vendor/*",
    "font": "usr/lib/tiepdon/lib/common/ui/static/fonts/*",
}


def copyright_file(parts: Iterable[Part]) -> str:
    """The file's text: one stanza for each bundled part, one for each licence named."""
    listed = [part for part in parts if part.kind in WHERE]
    names = sorted({_short(part.licence) for part in listed} | {"Apache-2.0"})
    return "\n".join((HEAD, *map(_stanza, listed), *map(_licence, names)))


def _stanza(part: Part) -> str:
    where = WHERE[part.kind].format(name=part.name.replace("-", "_"))
    if part.kind == "pypi":
        where += f" usr/lib/tiepdon/lib/*/site-packages/{part.name.replace('-', '_')}*"
    licence = _short(part.licence)
    return f"Files: {where}\nCopyright: {part.holder}\nLicense: {licence}\nComment: {part.name} {part.version}\n"


def _short(expression: str) -> str:
    """SPDX's words in the form of copyright-format: operators in small letters."""
    words = {"AND": "and", "OR": "or", "WITH": "with"}
    return " ".join(words.get(word, word) for word in expression.split())


def _licence(name: str) -> str:
    shared = [f"/usr/share/common-licenses/{COMMON[word]}" for word in name.split() if word in COMMON]
    text = f" On Debian systems the text is in {', '.join(shared)}." if shared else ""
    rest = (
        " Texts beside the part itself: usr/lib/tiepdon/lib/*/NAME-VERSION.dist-info."
        if set(name.split()) - set(COMMON)
        else ""
    )
    return f"License: {name}\n" + "\n".join(line for line in (text, rest) if line) + "\n"
