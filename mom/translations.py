"""French and English texts: found in the sources, checked complete, compiled without a system gettext."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import polib
from django.core.management import call_command
from django.core.management.commands import makemessages

SOURCES = ("mom", "plant", "connectors", "production", "traceability", "maintenance", "quality", "templates")
# English is the language of the sources and needs no catalogue.
LANGUAGES = ("fr",)


class Collect(makemessages.Command):
    """Django's own, knowing our short name of ``gettext_lazy`` too."""

    xgettext_options = [*makemessages.Command.xgettext_options, "--keyword=late"]


@dataclass(frozen=True, slots=True)
class Problem:
    """One text that a reader of this language would miss."""

    language: str
    message: str
    cause: str

    def __str__(self) -> str:
        return f"{self.language}: {self.cause}: {self.message!r}"


def catalogue(root: Path, language: str) -> Path:
    return root / "locale" / language / "LC_MESSAGES" / "django.po"


def compile_all(root: Path) -> list[Path]:
    """Write the .mo beside each .po; returns those written. Up-to-date ones are left."""
    written = []
    for language in LANGUAGES:
        source = catalogue(root, language)
        target = source.with_suffix(".mo")
        if source.exists() and (not target.exists() or target.stat().st_mtime <= source.stat().st_mtime):
            # Whole at once: a process that starts meanwhile must not read half a catalogue.
            half = target.with_suffix(f".{os.getpid()}.tmp")
            polib.pofile(str(source)).save_as_mofile(str(half))
            half.replace(target)
            written.append(target)
    return written


def extract(root: Path, into: Path) -> None:
    """Collect every translatable text of the sources into catalogues below ``into`` (needs xgettext).

    Raises RuntimeError naming the missing program or what it said.
    """
    if shutil.which("xgettext") is None:
        raise RuntimeError("xgettext is missing: apt-get install gettext (needed to check texts, not to run)")
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder)
        for source in SOURCES:
            shutil.copytree(
                root / source, copy / source, ignore=shutil.ignore_patterns("*.pyc", "__pycache__")
            )
        (copy / "locale").mkdir()
        for language in LANGUAGES:
            existing = catalogue(root, language)
            if existing.exists():
                catalogue(copy, language).parent.mkdir(parents=True)
                shutil.copy(existing, catalogue(copy, language))
        # A process of its own, in the copy and without our settings: makemessages writes where it stands.
        environment = {name: value for name, value in os.environ.items() if name != "DJANGO_SETTINGS_MODULE"}
        command = [sys.executable, "-m", "mom.translations"]
        ran = subprocess.run(command, cwd=copy, env=environment, capture_output=True, text=True, check=False)
        if ran.returncode:
            raise RuntimeError(f"makemessages failed: {ran.stderr.strip()}")
        for language in LANGUAGES:
            catalogue(into, language).parent.mkdir(parents=True, exist_ok=True)
            found = polib.pofile(str(catalogue(copy, language)), wrapwidth=120)
            for name in ("POT-Creation-Date", "Report-Msgid-Bugs-To"):
                found.metadata.pop(name, None)
            for entry in found.obsolete_entries():
                found.remove(entry)
            found.save(str(catalogue(into, language)))


def problems(root: Path) -> list[Problem]:
    """Texts in the sources that a catalogue lacks, leaves empty, or marks fuzzy."""
    with tempfile.TemporaryDirectory() as folder:
        extract(root, Path(folder))
        found: list[Problem] = []
        for language in LANGUAGES:
            for entry in polib.pofile(str(catalogue(Path(folder), language))):
                if "fuzzy" in entry.flags:
                    found.append(Problem(language, entry.msgid, "fuzzy"))
                elif not entry.translated():
                    found.append(Problem(language, entry.msgid, "untranslated"))
    return found


if __name__ == "__main__":
    call_command(Collect(), locale=list(LANGUAGES), no_location=True, no_wrap=True)
