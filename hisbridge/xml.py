"""The only door to an XML parser: bytes of a stranger in, a small tree of names and texts out.

The standard library's expat, with every document type declaration refused: SOAP 1.1 (section 3) forbids one, and no
entity, expansion or external reference exists without it. Namespaces and attributes are dropped, because gateways
rewrite prefixes at will; two elements of one name are the reader's affair. One attribute cannot be dropped: an element
that points elsewhere for its content (SOAP 1.1, 5.4; XOP) is not empty, so it is refused. Why by hand:
docs/decisions/0009.
"""

import codecs
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import ClassVar
from xml.parsers import expat

from wire.errors import TiepDonError

MAX_DEPTH = 64  # of elements in one another; an answer of the register has 8
MAX_NODES = 5000  # elements; an answer of the register has about 60
MAX_ATTRIBUTES = 64  # of one element; they are dropped, but expat has to hold them

_POINTERS = ("#", "cid:")  # into the document, into another part
_NOT_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")  # XML 1.0, 2.2
_MARKS = ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"))
_UNMARKED = ((b"<\x00", "utf-16-le"), (b"\x00<", "utf-16-be"))  # XML 1.0, appendix F.1


class XmlRefused(TiepDonError):
    """A text is not XML, or XML that nobody should read (`why`)."""

    code: ClassVar[str] = "xml.refused"


@dataclass(repr=False)
class Node:
    """One element, its name in lower case and without prefix; `text` is what stands directly in it, trimmed."""

    name: str
    text: str = ""
    children: "list[Node]" = field(default_factory=list)

    def named(self, name: str) -> "list[Node]":
        """The children of that name, in their order."""
        return [child for child in self.children if child.name == name]

    def walk(self) -> "Iterator[Node]":
        """This element and everything beneath it, in document order."""
        waiting = [self]
        while waiting:
            node = waiting.pop()
            yield node
            waiting.extend(reversed(node.children))


def read(body: bytes) -> Node:
    """The root element of an XML document; the caller bounds its size. Raises XmlRefused, and nothing else.

    The encoding is what the bytes are (UTF-8 or UTF-16), whatever the declaration claims.
    """
    text = _decoded(body)
    builder = _Builder()
    parser = expat.ParserCreate()
    parser.buffer_text = True
    parser.StartElementHandler = builder.start
    parser.EndElementHandler = builder.end
    parser.CharacterDataHandler = builder.characters
    parser.StartDoctypeDeclHandler = _no_doctype
    try:
        # All at once: expat 2.5 takes time quadratic in a token that comes in pieces.
        parser.Parse(text, True)
    except expat.ExpatError:
        raise XmlRefused(why="not well-formed") from None
    if builder.root is None:
        raise XmlRefused(why="no element")
    return builder.root


def element(name: str, content: str, prefix: str = "") -> str:
    """`<prefix:name>content</prefix:name>`; `content` is markup already or comes from `escaped`."""
    tag = f"{prefix}:{name}" if prefix else name
    return f"<{tag}>{content}</{tag}>"


def escaped(text: str) -> str:
    """A text as the content of an element; what XML cannot carry is left out."""
    return _NOT_XML.sub("", text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


class _Builder:
    def __init__(self) -> None:
        self.root: Node | None = None
        self._open: list[Node] = []
        self._pieces: list[list[str]] = []
        self._nodes = 0

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        self._nodes += 1
        if self._nodes > MAX_NODES:
            raise XmlRefused(why="too many elements")
        if len(self._open) >= MAX_DEPTH:
            raise XmlRefused(why="nested too deeply")
        if len(attributes) > MAX_ATTRIBUTES:
            raise XmlRefused(why="too many attributes")
        if attributes.get("href", "").startswith(_POINTERS):
            raise XmlRefused(why="content elsewhere")
        node = Node(tag.rpartition(":")[2].lower())
        if self._open:
            self._open[-1].children.append(node)
        else:
            self.root = node
        self._open.append(node)
        self._pieces.append([])

    def end(self, _tag: str) -> None:
        self._open.pop().text = "".join(self._pieces.pop()).strip()

    def characters(self, text: str) -> None:
        self._pieces[-1].append(text)


def _no_doctype(*_: object) -> None:
    raise XmlRefused(why="document type declaration")


def _decoded(body: bytes) -> str:
    """Handed to expat as text, so that no declaration, true or false, chooses the decoder."""
    encoding, skip = "utf-8", 0
    for mark, name in _MARKS:
        if body.startswith(mark):
            encoding, skip = name, len(mark)
            break
    else:
        encoding = next((name for start, name in _UNMARKED if body.startswith(start)), encoding)
    try:
        # Some gateways send empty lines first; a parser would take the declaration behind them for an error.
        return body[skip:].decode(encoding).lstrip("\t\n\r ")
    except UnicodeDecodeError:
        raise XmlRefused(why="neither UTF-8 nor UTF-16") from None
