"""Looks at the languages offered and at what can be spoken. Neither stops the check-in, so the worst is a warning."""

from collections.abc import Iterator

from config.settings import Settings
from tiepdon.checks.finding import Finding, Status
from wire.errors import Datum

LANGUAGES = "languages"
VOICE = "voice"


def look_at_languages(settings: Settings) -> Iterator[Finding]:
    """One finding for each pack that is left out, and for each offered language that is no whole one of ours."""
    from ui.pack_review import review
    from ui.packs import packs_of
    from ui.words import LANGUAGES as OURS

    packs = packs_of(settings)
    offered = _offered(settings)
    clean = not packs.problems
    for problem in packs.problems:
        where: dict[str, Datum] = {"folder": str(problem.folder), **problem.error.data}
        yield Finding(probe=LANGUAGES, status=Status.WARN, code=problem.error.code, data=where)
    for language in offered:
        if language in OURS:
            continue
        pack = packs.found.get(language)
        if pack is None:
            clean = False
            yield Finding(probe=LANGUAGES, status=Status.WARN, code="pack.missing", data={"pack": language})
            continue
        found = review(pack)
        data: dict[str, Datum] = {"pack": language, "words": found.done, "of": found.keys}
        code = "pack.no_font" if found.letters is None else "pack.letters" if found.letters else None
        if code is None and not found.done:
            code = "pack.drafts"  # everything is told in Vietnamese, under another language's name
        clean = clean and code is None
        yield Finding(probe=LANGUAGES, status=Status.WARN if code else Status.OK, code=code, data=data)
    if clean:
        yield Finding(probe=LANGUAGES, status=Status.OK, data={"offered": " ".join(offered)})


def look_at_voice(settings: Settings) -> Iterator[Finding]:
    """Is there something to say, and does it say what the words say now?"""
    from ui.packs import packs_of
    from ui.site_voice import site_texts
    from ui.voice import digest_of, made_index, scripts
    from ui.words import LANGUAGES as OURS

    if not settings.kiosk.voice.enabled:
        yield Finding(probe=VOICE, status=Status.OK, data={"enabled": False})
        return
    packs = packs_of(settings)
    voice = packs.voice()
    made = made_index()
    wanted = [language for language in _offered(settings) if language in OURS]
    counts: dict[str, Datum] = {language: len(voice.clips(language)) for language in _offered(settings)}
    data: dict[str, Datum] = {**counts, "made_bytes": made.total_bytes}
    if not any(counts.values()):
        yield Finding(probe=VOICE, status=Status.WARN, code="voice.none", data=data)
        return
    recorded = {language: pack.recordings for language, pack in packs.found.items()}
    lacking = 0
    for language in wanted:
        clips = made.languages.get(language, {})
        for name, text in scripts(language).items():
            said = name in recorded.get(language, {}) or (name in clips and clips[name].words == digest_of(text))
            lacking += not said
    silent = [
        f"{language}/{clip}"
        for language, texts in site_texts(settings).items()
        if language in wanted
        for clip in texts
        if clip not in packs.site.get(language, {}) and clip not in recorded.get(language, {})
    ]
    data |= {"lacking": lacking, "of_site": len(silent)} | ({"first": silent[0]} if silent else {})
    code = "voice.old" if lacking else "voice.site" if silent else None
    yield Finding(probe=VOICE, status=Status.WARN if code else Status.OK, code=code, data=data)


def _offered(settings: Settings) -> list[str]:
    boards = [language for board in settings.queue.boards for language in board.languages]
    return list(dict.fromkeys((settings.kiosk.language, *settings.kiosk.display.languages, *boards)))
