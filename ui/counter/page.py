"""What every page of the counter is rendered with: the words of whoever is signed in, the site, the build."""

from dataclasses import dataclass

from flask import Flask

from config.settings import Settings
from kiosk.counter_entry import Signer
from ui.counter.desk import Desk
from ui.counter.shared import Shared
from ui.desk.access import signed
from ui.words import LANGUAGES, Words

ONLY = 1  # a site with one counter need not be asked which


@dataclass(frozen=True)
class Pages:
    """The pages' common ground."""

    app: Flask
    settings: Settings
    desk: Desk
    build: str
    words: dict[str, Words]
    shared: Shared

    @property
    def offset(self) -> int:
        """Minutes by which the site's wall differs from UTC."""
        return self.settings.site.utc_offset_minutes

    def language(self) -> str:
        """The language of this request."""
        told = signed().language
        return told if told in self.words else self.settings.kiosk.language

    def said(self) -> Words:
        """The words of this request."""
        return self.words[self.language()]

    def render(self, name: str, language: str, **context: object) -> str:
        """A page or part. Streams render outside of any request: the templates use nothing of Flask's."""
        said = self.words[language]
        template = self.app.jinja_env.get_template(f"counter/{name}.html")
        return template.render(say=said.get, language=language, site=self.settings.site, build=self.build, **context)

    def place(self) -> str:
        """The counter whoever is signed in sits at; empty: they have not chosen one."""
        counters = self.desk.queue.rules.counters
        chosen = signed().place
        if chosen in counters:
            return chosen
        return next(iter(counters)) if len(counters) == ONLY else ""

    def signer(self) -> Signer:
        """Who does what this request asks for."""
        return Signer(signed().account, signed().full_name)


def pages_of(app: Flask, settings: Settings, desk: Desk, build: str) -> Pages:
    """The common ground of one application."""
    words = {language: Words(language) for language in LANGUAGES}
    return Pages(app, settings, desk, build, words, Shared(desk.counter.version))
