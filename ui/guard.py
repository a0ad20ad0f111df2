"""Who may call the pages, and what the browser may do with them.

A page of another site in a browser of ours (or a name that was made to point at this machine) must neither press a
button nor read a screen. The touchscreen's application is guarded by `install`; the staff's (ui/desk) adds sign-in.
"""

from collections.abc import Collection
from urllib.parse import urlsplit

from flask import Flask, Response, request

from ui.errors import ForbiddenCaller

CONTENT_SECURITY_POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "font-src 'self'",
        "img-src 'self'",
        "media-src 'self'",
        "connect-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
    )
)

HEADERS = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=(), payment=(), usb=()",
}


def install(app: Flask, listen: str) -> None:
    """Guard every request of the touchscreen's application and mark every answer."""
    allowed = allowed_hosts(listen)

    @app.before_request
    def refuse_strangers() -> None:
        check_host(request.headers.get("Host", ""), allowed)
        if request.method not in ("GET", "HEAD"):
            check_same_page()

    app.after_request(mark)


def mark(response: Response) -> Response:
    """Say what the browser may do with an answer."""
    for name, value in HEADERS.items():
        response.headers.setdefault(name, value)
    # Pages hold a person's data and must not outlive the moment; assets may be kept but are asked about.
    response.headers["Cache-Control"] = "no-cache" if request.endpoint == "static" else "no-store"
    return response


def allowed_hosts(listen: str) -> frozenset[str]:
    """Host names under which the pages may be called: this machine, and the address they listen on."""
    return frozenset({"localhost", "127.0.0.1", "[::1]", _host_name(listen)})


def check_host(host: str, allowed: Collection[str]) -> None:
    """Refuse a foreign `Host` (DNS rebinding). Raises ForbiddenCaller."""
    if _host_name(host) not in allowed:
        raise ForbiddenCaller(why="host")


def check_same_page() -> None:
    """Refuse a press that does not come from our own page. Raises ForbiddenCaller.

    The custom header cannot be sent by a form or image of another site; `Origin` and `Sec-Fetch-Site` say the same
    where the browser sends them.
    """
    if request.headers.get("HX-Request") != "true":
        raise ForbiddenCaller(why="header")
    if request.headers.get("Sec-Fetch-Site", "same-origin") != "same-origin":
        raise ForbiddenCaller(why="site")
    origin = request.headers.get("Origin")
    if origin is not None and urlsplit(origin).netloc != request.headers.get("Host"):
        raise ForbiddenCaller(why="origin")


def _host_name(host: str) -> str:
    name, _, port = host.rpartition(":")
    return (name if name and port.isdigit() else host).lower()
