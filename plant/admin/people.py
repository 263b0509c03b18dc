"""People, their roles and accounts, and the devices and keys that act for them."""

from __future__ import annotations

import secrets
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db import models
from django.http import HttpRequest
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as late

from plant import services
from plant.access import actor_of
from plant.admin.base import AuditedAdmin, ReadOnlyAdmin
from plant.models import ApiToken, Device, Person, RoleAssignment, User


class RoleInline(admin.TabularInline):  # type: ignore[type-arg]
    model = RoleAssignment
    extra = 0

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self.admin_site.has_permission(request)

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self.admin_site.has_permission(request)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self.admin_site.has_permission(request)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self.admin_site.has_permission(request)


class PersonForm(forms.ModelForm):  # type: ignore[type-arg]
    new_pin = forms.CharField(
        required=False,
        max_length=6,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password", "inputmode": "numeric"}),
        label=late("New PIN"),
        help_text=late("4 to 6 digits; empty keeps the PIN."),
    )

    class Meta:
        model = Person
        fields = ["badge", "name", "language", "user", "is_active"]

    def clean_new_pin(self) -> str:
        pin: str = self.cleaned_data["new_pin"]
        if pin and not (pin.isdigit() and len(pin) >= 4):
            raise forms.ValidationError(_("4 to 6 digits; empty keeps the PIN."))
        return pin


@admin.register(Person)
class PersonAdmin(AuditedAdmin):
    form = PersonForm
    inlines = [RoleInline]
    list_display = ["badge", "name", "language", "is_active", "user"]
    list_select_related = ["user"]
    list_filter = ["is_active", "roles__role"]
    search_fields = ["badge", "name"]

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        super().save_model(request, obj, form, change)
        if pin := form.cleaned_data.get("new_pin"):
            services.pin_set(person=obj, pin=pin, by=actor_of(request))

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """What someone did names them; a name is erased by a service, the row stays."""
        return False


@admin.register(User)
class UserAdmin(AuditedAdmin):
    """Accounts. A new one, and a reset one, gets a password shown once that must be changed."""

    fields = ["username", "first_name", "last_name", "email", "is_active"]
    list_display = ["username", "is_active", "last_login", "must_change_password"]
    list_filter = ["is_active"]
    search_fields = ["username", "first_name", "last_name"]
    actions = ["password_reset"]

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        password = "" if change else self._password_make(obj)
        super().save_model(request, obj, form, change)
        if password:
            self._password_show(request, obj, password)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    @admin.action(description=late("New one-time password"))
    def password_reset(self, request: HttpRequest, queryset: models.QuerySet[User]) -> None:
        for user in queryset:
            password = self._password_make(user)
            user.save(update_fields=["password", "must_change_password"])
            self.written(request, user, before={"password": "•••"}, after={"password": _("new")})
            self._password_show(request, user, password)

    def _password_make(self, user: User) -> str:
        password = secrets.token_urlsafe(12)
        user.set_password(password)
        user.must_change_password = True
        return password

    def _password_show(self, request: HttpRequest, user: User, password: str) -> None:
        text = _("Password of %(user)s, shown this once: %(password)s")
        messages.warning(request, text % {"user": user.username, "password": password})


@admin.register(Device)
class DeviceAdmin(ReadOnlyAdmin):
    fields = ["label", "equipment", "enrolled_at", "expires_at", "revoked_at"]
    list_display = ["label", "equipment", "enrolled_at", "revoked_at"]
    list_select_related = ["equipment"]


@admin.register(ApiToken)
class ApiTokenAdmin(ReadOnlyAdmin):
    fields = ["name", "user", "scope", "created", "expiry", "last_used_at"]
    list_display = ["name", "user", "scope", "created", "expiry", "last_used_at"]
    list_select_related = ["user"]

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self.admin_site.has_permission(request)
