"""How a page of the staff is made: a template, the words of whoever looks, and what every page shows besides.

Must not read anything: what a page tells is handed to it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from flask import Flask

from config.settings import Settings
from ui.desk.gate import spoken
from ui.words import LANGUAGES, Words


def _all_words() -> Mapping[str, Words]:
    return {language: Words(language) for language in LANGUAGES}


@dataclass(frozen=True)
class StaffPages:
    """The templates of one folder. `build` names the version of the assets; `words`: by language."""

    app: Flask
    settings: Settings
    folder: str
    build: str
    words: Mapping[str, Words] = field(default_factory=_all_words)

    def said(self) -> Words:
        """The words of this request's browser."""
        return self.words[spoken(self.settings)]

    def render(self, name: str, said: Words, /, **context: object) -> str:
        """A page, or a part of one. Streams render outside of any request: the templates use nothing of Flask's."""
        template = self.app.jinja_env.get_template(f"{self.folder}/{name}.html")
        site = self.settings.site
        return template.render(say=said.get, language=said.language, site=site, build=self.build, **context)
