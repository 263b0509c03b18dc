"""Every text a person reads is collected, translated and well set in French."""

from __future__ import annotations

import ast
import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import polib
import pytest
from django.conf import settings
from django.core.management import CommandError, call_command

from mom import translations

ROOT = Path(settings.BASE_DIR)
FRENCH = polib.pofile(str(translations.catalogue(ROOT, "fr")))
PLACEHOLDER = re.compile(r"%\(\w+\)[-+.\d]*[a-z]|%%|\{\w*\}")
# French sets a no-break space before double punctuation and inside its quotation marks.
UNSPACED = re.compile("(?<!\u00a0)[;?!»]|«(?!\u00a0)|(?<!\u00a0):(?=\\s|$)")
# Names the collection of texts knows; a text under another name would never be collected.
COLLECTED = {
    "gettext", "gettext_lazy", "ngettext", "ngettext_lazy", "pgettext", "pgettext_lazy", "npgettext",
    "npgettext_lazy",
}  # fmt: skip
ALIASES = {"_": {"gettext", "gettext_lazy"}, "late": {"gettext_lazy"}}
# Words of templates that are the same in every language.
UNIVERSAL = {
    "MOM",
    "CSV",
    "XLSX",
    "JSON",
    "EN",
    "FR",
    "UTC",
    "PIN",
    "NF",
    "ISO",
    "TRS",
    "OEE",
    "SHA",
    "GB",
    "bdSeq",
    "seq",
}
NAMED_BLOCKS = re.compile(
    r"\{%\s*blocktranslate\b.*?\{%\s*endblocktranslate\s*%\}|\{%.*?%\}|\{\{.*?\}\}|\{#.*?#\}"
    r"|<code>.*?</code>|<pre.*?</pre>|<script.*?</script>",
    re.DOTALL,
)
SPOKEN_ATTRIBUTES = re.compile(r'\b(?:title|aria-label|placeholder|alt|data-label)="([^"]*)"')
SAME_IN_ALL = {"English", "Français"}


@pytest.fixture
def xgettext() -> None:
    if shutil.which("xgettext") is None:
        reason = "xgettext is missing, so texts were NOT CHECKED: apt-get install gettext"
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)


def sources() -> Iterator[tuple[Path, ast.Module]]:
    for folder in translations.SOURCES:
        for path in sorted((ROOT / folder).rglob("*.py")):
            yield path.relative_to(ROOT), ast.parse(path.read_text())


def templates() -> list[Path]:
    return sorted((ROOT / "templates").rglob("*.html"))


def french_of(entry: polib.POEntry) -> list[str]:
    return list(entry.msgstr_plural.values()) if entry.msgid_plural else [entry.msgstr]


@pytest.mark.usefixtures("xgettext")
def test_every_text_of_the_sources_is_translated() -> None:
    assert [str(problem) for problem in translations.problems(ROOT)] == []


@pytest.mark.usefixtures("xgettext")
def test_a_new_text_is_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for folder in translations.SOURCES:
        (tmp_path / folder).mkdir()
    for part in ("__init__.py", "translations.py"):
        shutil.copy(ROOT / "mom" / part, tmp_path / "mom" / part)
    (tmp_path / "mom" / "new.py").write_text('A = late("Nobody has translated this")\nB = late("Stopped")\n')
    shutil.copytree(ROOT / "locale", tmp_path / "locale")
    found = translations.problems(tmp_path)
    assert [problem.message for problem in found if problem.cause == "untranslated"] + [
        problem.message for problem in found if problem.cause == "fuzzy"
    ] == ["Nobody has translated this"]
    monkeypatch.setattr(settings, "BASE_DIR", tmp_path)
    with pytest.raises(CommandError, match="1 texts to translate"):
        call_command("translations", "--check")


def faults(entry: polib.POEntry) -> Iterator[str]:
    expected = set(PLACEHOLDER.findall(entry.msgid)) | set(PLACEHOLDER.findall(entry.msgid_plural))
    texts = french_of(entry)
    if len(texts) != (2 if entry.msgid_plural else 1) or not all(text.strip() for text in texts):
        yield "a form is missing"
    for text in texts:
        if set(PLACEHOLDER.findall(text)) != expected:
            yield f"placeholders differ: {text}"
        if "'" in text:
            yield f"typewriter apostrophe: {text}"
        if UNSPACED.search(text):
            yield f"no-break space missing: {text}"


def test_every_translation_is_whole_and_well_set() -> None:
    assert {entry.msgid: found for entry in FRENCH if (found := list(faults(entry)))} == {}


def test_the_faults_are_seen() -> None:
    entry = polib.POEntry(msgid="%(n)s gap: why?", msgid_plural="%(n)s gaps: why?")
    entry.msgstr_plural = {0: "%(n)s trou\u00a0: pourquoi ?", 1: "l'écart"}
    assert [fault.split(":")[0] for fault in faults(entry)] == [
        "no-break space missing",
        "placeholders differ",
        "typewriter apostrophe",
    ]


@pytest.mark.parametrize(
    ("english", "french"),
    [
        ("Production orders", "Ordres de fabrication"),
        ("Order record", "Dossier d’OF"),
        ("Unreadable messages", "Messages illisibles"),
        ("No data", "Pas de données"),
        ("Waiting for infeed", "Manque amont"),
        ("Outfeed full", "Saturation aval"),
        ("Changeover", "Changement de série"),
        ("micro-stop", "micro-arrêt"),
        ("Deviations", "Non-conformités"),
        ("product decision missing", "décision produit manquante"),
    ],
)
def test_the_words_of_the_glossary_are_used(english: str, french: str) -> None:
    assert next(entry for entry in FRENCH if entry.msgid == english).msgstr == french


def test_texts_are_marked_by_names_that_are_collected() -> None:
    for path, tree in sources():
        for node in ast.walk(tree):
            if isinstance(node, ast.ImportFrom) and node.module == "django.utils.translation":
                for name in node.names:
                    if "gettext" in name.name:
                        assert name.name in COLLECTED, path
                        assert name.asname is None or name.name in ALIASES[name.asname], path


def test_no_text_hides_in_an_f_string() -> None:
    """xgettext does not look into them."""
    for path, tree in sources():
        for node in (node for node in ast.walk(tree) if isinstance(node, ast.JoinedStr)):
            called = {
                call.func.id
                for call in ast.walk(node)
                if isinstance(call, ast.Call) and isinstance(call.func, ast.Name)
            }
            assert not called & (COLLECTED | ALIASES.keys()), f"{path}:{node.lineno}"


@pytest.mark.parametrize("path", templates(), ids=lambda path: path.stem)
def test_a_template_says_nothing_untranslatable(path: Path) -> None:
    bare = NAMED_BLOCKS.sub(" ", path.read_text())
    said = [text for text in SPOKEN_ATTRIBUTES.findall(bare) if text not in SAME_IN_ALL]
    # A block that adds to a tag opened in another template holds the names of its attributes.
    said.append(re.sub(r"<[^>]*>|\bdata-[\w-]+=", " ", bare))
    words = {word for text in said for word in re.findall(r"[A-Za-zÀ-ÿ]{2,}", re.sub(r"&\w+;", " ", text))}
    assert words <= UNIVERSAL


@pytest.mark.parametrize(
    "path", [ROOT / "static/js/app.js", ROOT / "static/tablet/tablet.js"], ids=lambda path: path.stem
)
def test_scripts_take_their_words_from_the_page(path: Path) -> None:
    code = re.sub(r"/\*.*?\*/|(?<!:)//[^\n]*", "", path.read_text(), flags=re.DOTALL)
    literals = re.findall(r'"([^"\n]*)"|`([^`]*)`', code)
    said = [
        one or other
        for one, other in literals
        if re.search(r"[A-Z][a-z]+[ …]|[a-z]{3,} [a-z]{3,} ", one or other)
    ]
    assert said == []


def test_up_to_date_catalogues_are_left(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "locale", tmp_path / "locale", ignore=shutil.ignore_patterns("*.mo"))
    assert len(translations.compile_all(tmp_path)) == 1
    os.utime(translations.catalogue(tmp_path, "fr"), (1, 1))
    assert translations.compile_all(tmp_path) == []
    assert "Manque amont" in {
        entry.msgstr for entry in polib.mofile(str(translations.catalogue(tmp_path, "fr").with_suffix(".mo")))
    }
