"""What a connector says to a person: an English text with named places, put into the reader's language where
it is shown.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field


def late(text: str) -> str:
    """Marks a text for the translators; it stays English until a page shows it."""
    return text


@dataclass(frozen=True)
class Phrase:
    """``places`` holds what goes into the text; a phrase or a told error in it is translated too.

    Without places the text stands as it is, per cent signs included: what a library said is no template.
    """

    text: str
    places: Mapping[str, object] = field(default_factory=dict)

    def __str__(self) -> str:
        return self.said(str)

    def said(self, translate: Callable[[str], str], number: Callable[[int], str] | None = None) -> str:
        """``number`` writes the whole numbers among the places as a reader expects them; without it they are
        plain digits, as a program reads them.
        """
        text = translate(self.text) if self.text else ""
        if not self.places:
            return text
        places = {name: _said(value, translate) for name, value in self.places.items()}
        for name, value in places.items():
            if number is not None and type(value) is int:
                text, places[name] = text.replace(f"%({name})d", f"%({name})s"), number(value)
        return text % places


def _said(value: object, translate: Callable[[str], str]) -> object:
    return value.said(translate) if isinstance(value, Phrase | Told) else value


def phrase(text: str, /, **places: object) -> Phrase:
    return Phrase(text, places)


def phrase_read(template: str, text: str) -> Phrase:
    """The phrase a text kept in English was said with; as it stands where it is no such text.

    The places of ``template`` hold words without spaces, such as numbers.
    """
    parts = re.split(r"%\((\w+)\)s", template)
    names = parts[1::2]
    pattern = "".join(
        rf"(?P<{part}>\S+)" if number % 2 else re.escape(part) for number, part in enumerate(parts)
    )
    found = re.fullmatch(pattern, text)
    return Phrase(template, {name: found[name] for name in names}) if found else Phrase(text)


class Told(Exception):
    """An error that says what is wrong in a phrase; ``str`` is its English."""

    def __init__(self, text: str = "", /, **places: object) -> None:
        super().__init__(text)
        self.phrase = Phrase(text, places)

    def __str__(self) -> str:
        return str(self.phrase)

    def said(self, translate: Callable[[str], str], number: Callable[[int], str] | None = None) -> str:
        return self.phrase.said(translate, number)
