"""A connector's configuration dataclass as a form: a new protocol brings its own fields and edits
nothing here.
"""

from __future__ import annotations

import dataclasses
import typing
from collections.abc import Mapping
from typing import Any

from django import forms
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from connectors.domain.state_map import table_problems
from connectors.interface import ConfigurationError, ConnectorConfig
from connectors.models import SignalDefinition
from connectors.registry import connector_class

PREFIX = "config_"


class StateMapField(forms.CharField):
    """One ``raw = state`` per line."""

    widget = forms.Textarea(attrs={"rows": 6, "class": "form-control", "spellcheck": "false"})

    def prepare_value(self, value: Any) -> Any:
        if isinstance(value, Mapping):
            return "\n".join(f"{raw} = {state}" for raw, state in value.items())
        return value

    def to_python(self, value: Any) -> Any:
        table: dict[str, str] = {}
        for number, line in enumerate((super().to_python(value) or "").splitlines(), 1):
            if not line.strip():
                continue
            raw, equals, state = line.rpartition("=")
            if not equals:
                raise forms.ValidationError(_("Line %(n)d: write value = state."), params={"n": number})
            table[raw.strip()] = state.strip()
        problems = table_problems(table)
        if problems:
            raise forms.ValidationError(problems[0].said(gettext))
        return table


class SignalForm(forms.Form):
    """What an address means: which machine, which role, which unit."""

    address = forms.CharField(label=_("Address"), max_length=400, strip=False)
    equipment = forms.TypedChoiceField(label=_("Machine"), coerce=int)
    role = forms.ChoiceField(label=_("Role"), choices=[("", "–"), *SignalDefinition.Role.choices])
    unit = forms.CharField(label=_("Unit"), max_length=20, required=False)
    value_type = forms.ChoiceField(
        label=_("Values are"),
        choices=[
            ("any", _("of any kind")),
            ("integer", _("whole numbers")),
            ("number", _("numbers")),
            ("boolean", _("yes or no")),
            ("text", _("text")),
        ],
        help_text=_("Values of another kind are set aside as unreadable."),
    )
    name_en = forms.CharField(label=_("Name (English)"), max_length=120, required=False)
    name_fr = forms.CharField(label=_("Name (French)"), max_length=120, required=False)

    def __init__(self, *args: Any, machines: list[tuple[int, str]], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["equipment"].choices = [("", "–"), *machines]  # type: ignore[attr-defined]
        self.fields["address"].widget.attrs["readonly"] = True
        for field in self.fields.values():
            is_choice = isinstance(field, forms.ChoiceField)
            field.widget.attrs["class"] = "form-select" if is_choice else "form-control"


class ConnectionForm(forms.Form):
    """What every connection has; the protocol's own settings follow."""

    slug = forms.SlugField(label=_("Code"), max_length=60)
    name_en = forms.CharField(label=_("Name (English)"), max_length=120, required=False)
    name_fr = forms.CharField(label=_("Name (French)"), max_length=120, required=False)
    site = forms.TypedChoiceField(label=_("Site"), coerce=int)
    enabled = forms.BooleanField(label=_("Keep connected"), required=False, initial=True)
    state_map = StateMapField(
        label=_("States"), required=False, help_text=_("One value = state per line, such as 6 = execute.")
    )
    addresses = forms.CharField(
        label=_("Addresses to look at"),
        required=False,
        help_text=_("One per line, besides the signals already mapped."),
        widget=forms.Textarea(attrs={"rows": 4, "spellcheck": "false"}),
    )

    def __init__(
        self, *args: Any, protocol: str, sites: list[tuple[int, str]], fixed: bool = False, **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        self._config_class = connector_class(protocol).config_class
        self.fields["site"].choices = sites  # type: ignore[attr-defined]
        if fixed:
            self.fields["slug"].disabled = True
        for name, field in config_fields(self._config_class).items():
            self.fields[PREFIX + name] = field
        for field in self.fields.values():
            css = "form-check-input" if isinstance(field, forms.BooleanField) else "form-control"
            field.widget.attrs.setdefault(
                "class", "form-select" if isinstance(field, forms.ChoiceField) else css
            )

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        if not self.errors:
            try:
                self.config_class_check(cleaned)
            except ConfigurationError as error:
                self.add_error(None, error.said(gettext))
        return cleaned

    def config_class_check(self, cleaned: dict[str, Any]) -> None:
        """Raises ConfigurationError."""
        self._config_class.from_mapping(self.config_of(cleaned))

    @staticmethod
    def config_of(cleaned: dict[str, Any]) -> dict[str, Any]:
        """What was filled in; the rest is as the connector has it by default."""
        return {
            name.removeprefix(PREFIX): value
            for name, value in cleaned.items()
            if name.startswith(PREFIX) and value is not None
        }

    @property
    def config(self) -> dict[str, Any]:
        return self.config_of(self.cleaned_data)

    @property
    def extra_addresses(self) -> list[str]:
        return [line.strip() for line in self.cleaned_data["addresses"].splitlines() if line.strip()]

    def general(self) -> list[forms.BoundField]:
        return [self[name] for name in self.fields if not name.startswith(PREFIX)]

    def own(self) -> list[forms.BoundField]:
        return [self[name] for name in self.fields if name.startswith(PREFIX)]


def config_fields(config_class: type[ConnectorConfig]) -> dict[str, forms.Field]:
    """One form field per setting of the connector, with the words it brings."""
    hints = typing.get_type_hints(config_class)
    return {
        item.name: _field(item, hints[item.name])
        for item in dataclasses.fields(config_class)
        if item.name not in config_class.SUPPLIED
    }


def _field(item: dataclasses.Field[Any], kind: Any) -> forms.Field:
    required = item.default is dataclasses.MISSING
    common: dict[str, Any] = {
        "label": gettext(item.metadata["label"]),
        "help_text": gettext(item.metadata["help"]),
        "required": required,
    }
    if not required:
        common["initial"] = item.default
    if choices := item.metadata.get("choices"):
        return forms.ChoiceField(**common, choices=[(value, gettext(word)) for value, word in choices])
    if kind is bool:
        return forms.BooleanField(**{**common, "required": False})
    if kind is int:
        return forms.IntegerField(**common)
    if kind is float:
        return forms.FloatField(**common)
    if typing.get_origin(kind) is tuple or dict[str, Any] in typing.get_args(kind):
        return forms.JSONField(**common, widget=forms.Textarea(attrs={"rows": 8, "spellcheck": "false"}))
    return forms.CharField(**common)
