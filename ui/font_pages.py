"""The content packs' own fonts over HTTP: a style sheet that gives each to its own language alone, and the files, each
named by what is in it. Nothing personal."""

from collections.abc import Iterator, Mapping

from flask import Blueprint, Response, abort

from ui.packs import LanguageFont

# What holds words that may stand on two lines; keys of digits stay as they are (ui/static/fonts.css).
LINES = ":is(h1, h2, p, li, label, button:not(.key), .line, .large, .place > span)"


def blueprint(fonts: Mapping[str, LanguageFont]) -> Blueprint:
    """`/fonts/packs.css`, `/fonts/DIGEST.ttf`. `fonts`: by language."""
    pages = Blueprint("fonts", __name__, url_prefix="/fonts")
    files = {file.digest: file.data for font in fonts.values() for file in font.files.values()}
    style = "".join(line for language, font in fonts.items() for line in _style(language, font))

    @pages.get("/packs.css")
    def sheet() -> Response:
        return Response(style, mimetype="text/css")

    @pages.get("/<digest>.ttf")
    def file(digest: str) -> Response:
        if digest not in files:
            abort(404)
        return Response(files[digest], mimetype="font/ttf")

    return pages


def _style(language: str, font: LanguageFont) -> Iterator[str]:
    """Words that are told in another language, where the pack has none, keep that language's letters."""
    for weight, file in font.files.items():
        yield (
            f'@font-face {{ font-family: "Pack {language}"; font-weight: {weight}; font-display: block; '
            f'src: url("/fonts/{file.digest}.ttf") format("truetype"); }}\n'
        )
    yield f':lang({language}):not(svg *) {{ font-family: "Pack {language}", "Noto Sans", sans-serif; }}\n'
    yield f':lang({language}) :not(:lang({language}), svg *) {{ font-family: "Noto Sans", sans-serif; }}\n'
    yield f":lang({language}):lang({language}){LINES} {{ line-height: {font.line_height:g}; }}\n"
