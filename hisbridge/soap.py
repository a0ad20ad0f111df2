"""The envelope of SOAP around an answer, 1.1 and 1.2 alike: where its body is and whether it holds a fault. Pure.

A gateway may wrap the document once more, as the root of a multipart answer (RFC 2387; MTOM, SwA). The other parts
are attachments, and nobody here wants one.
"""

import re

from hisbridge.http import Answer
from hisbridge.xml import Node, XmlRefused, read

MAX_PARTS = 20  # of a multipart answer

_BOUNDARY = re.compile(rb"(?:\A|\n)--([^\r\n]{1,70}?)[ \t]*\r?\n")  # RFC 2046, 5.1.1
_START = re.compile(r'start="?(<[^>"]+>)')
_CONTENT_ID = re.compile(rb"(?im)^content-id:[ \t]*(<[^>\r\n]+>)")
_END_OF_HEADERS = re.compile(rb"\r?\n\r?\n")


def document(answer: Answer) -> bytes:
    """The XML in an answer: its body, or the root part of a multipart one. What is neither is left as it is."""
    body = answer.body
    if not answer.content_type.startswith("multipart/"):
        return body
    # The body's own word for the boundary: letters of the header's are lower case by now.
    boundary = _BOUNDARY.search(body)
    if boundary is None:
        return body
    parts = _parts(body[boundary.end() :], boundary[1])
    start = _START.search(answer.content_type)
    wanted = start[1].encode("latin-1") if start is not None else b""
    named = (content for name, content in parts if wanted and name.lower() == wanted)
    return next(named, parts[0][1])


def body_of(root: Node) -> Node | None:
    """The one Body of an envelope; None where the document is no envelope, or one with more or less."""
    bodies = root.named("body") if root.name == "envelope" else []
    return bodies[0] if len(bodies) == 1 else None


def fault_of(body: Node) -> Node | None:
    """The fault in a body."""
    return next(iter(body.named("fault")), None)


def is_fault(answer: Answer) -> bool:
    """Whether an answer is a SOAP fault, in good form."""
    content = document(answer)
    if b"ault" not in content.replace(b"\0", b""):  # spares the parser; UTF-16 has zeros between the letters
        return False
    try:
        body = body_of(read(content))
    except XmlRefused:
        return False
    return body is not None and fault_of(body) is not None


def _parts(body: bytes, boundary: bytes) -> list[tuple[bytes, bytes]]:
    """Content-ID and content of each part; `body` begins behind the first boundary."""
    found = []
    for part in re.split(rb"\r?\n--" + re.escape(boundary), b"\r\n" + body, maxsplit=MAX_PARTS)[:MAX_PARTS]:
        # A boundary's own line ends before the part's headers; a part may have none.
        headers, content = _divided(part)
        name = _CONTENT_ID.search(headers)
        found.append((name[1] if name is not None else b"", content))
    return found


def _divided(part: bytes) -> tuple[bytes, bytes]:
    end = _END_OF_HEADERS.search(part)
    return (part[: end.start()], part[end.end() :]) if end is not None else (part, b"")
