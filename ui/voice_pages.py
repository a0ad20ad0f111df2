"""The clips over HTTP, for touchscreen and board alike: which there are, and each as a file. Nothing personal."""

from flask import Blueprint, Response, abort, jsonify, send_file

from ui.voice import Voice


def blueprint(voice: Voice) -> Blueprint:
    """`/voice/LANGUAGE/index.json`: clip to version. `/voice/LANGUAGE/CLIP.ogg`: the sound, also in ranges."""
    pages = Blueprint("voice", __name__, url_prefix="/voice")

    @pages.get("/<language>/index.json")
    def index(language: str) -> Response:
        return jsonify({name: clip.version for name, clip in voice.clips(language).items()})

    @pages.get("/<language>/<clip>.ogg")
    def clip(language: str, clip: str) -> Response:
        found = voice.clips(language).get(clip)
        if found is None or not found.file.is_file():
            abort(404)
        # A browser that has it asks with its tag and is told in a word that it is the same.
        return send_file(found.file, mimetype="audio/ogg", conditional=True, etag=found.version, max_age=None)

    return pages
