"""What people type into the pages of the ground floor."""

from __future__ import annotations

from django import forms
from django.utils.translation import gettext_lazy as late

from plant.models import ApiToken


class TokenForm(forms.Form):
    """A new key for a program."""

    name = forms.CharField(max_length=80, label=late("What it is for"))
    scope = forms.ChoiceField(
        choices=[(ApiToken.Scope.READ, late("Read only")), (ApiToken.Scope.WRITE, late("Read and write"))],
        label=late("Scope"),
    )
    days = forms.IntegerField(min_value=1, max_value=366, initial=90, label=late("Days until it expires"))
