"""What every page of the counter is rendered with: the words of whoever is signed in, the site, the build."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache

from flask import Flask

from config.settings import Settings
from kiosk.counter_desk import Someone
from kiosk.counter_entry import Signer
from ui.counter import desk_views
from ui.counter.desk import Desk
from ui.desk.access import signed
from ui.desk.pages import StaffPages
from ui.desk.shared import Shared
from ui.words import Words

LISTS = 120  # of people, kept as they were rendered
ONLY = 1  # a site with one counter need not be asked which


@dataclass(frozen=True)
class Pages:
    """The pages' common ground."""

    app: Flask
    settings: Settings
    desk: Desk
    staff: StaffPages
    shared: Shared[str]
    people: Callable[[str, tuple[Someone, ...]], str]  # a list of them, in a language

    @property
    def offset(self) -> int:
        """Minutes by which the site's wall differs from UTC."""
        return self.settings.site.utc_offset_minutes

    @property
    def words(self) -> Mapping[str, Words]:
        """The words by language."""
        return self.staff.words

    def language(self) -> str:
        """The language of this request."""
        return self.said().language

    def said(self) -> Words:
        """The words of this request."""
        return self.staff.said()

    def render(self, name: str, language: str, **context: object) -> str:
        """A page or part, in a request or out of it."""
        return self.staff.render(name, self.words[language], **context)

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
    staff = StaffPages(app, settings, "counter", build)

    # Counters that call from one queue see the same people: rendered once, by who they are, whatever else was written.
    @lru_cache(LISTS)
    def people(spoken: str, shown: tuple[Someone, ...]) -> str:
        list_ = [desk_views.person_view(one, desk.queue.rules, staff.words[spoken]) for one in shown]
        return pages.render("people", spoken, list=list_)

    pages = Pages(app, settings, desk, staff, Shared(desk.counter.version), people)
    return pages
