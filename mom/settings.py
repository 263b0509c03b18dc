"""Settings of the product. Everything that differs between places is read from the environment."""

from __future__ import annotations

import secrets
from pathlib import Path

from plant import env

BASE_DIR = Path(__file__).resolve().parent.parent
DATA_DIR = Path(env.text("MOM_DATA_DIR") or BASE_DIR / ".run")

DEBUG = env.flag("DEBUG")


def _secret_key() -> str:
    """The key of the environment, else one made once and kept for this installation alone."""
    if key := env.text("SECRET_KEY"):
        return key
    path = DATA_DIR / "secret_key"
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch(mode=0o600)
        path.write_text(secrets.token_urlsafe(50))
    return path.read_text().strip()


SECRET_KEY = _secret_key()
ALLOWED_HOSTS = env.words("ALLOWED_HOSTS", "localhost,127.0.0.1,[::1]")
CSRF_TRUSTED_ORIGINS = env.words("CSRF_TRUSTED_ORIGINS")
BEHIND_TLS = env.flag("BEHIND_TLS")

INSTALLED_APPS = [
    "plant.apps.PlantAdminConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "django_filters",
    "django_tables2",
    "crispy_forms",
    "crispy_bootstrap5",
    "import_export",
    "django_htmx",
    "axes",
    "knox",
    "plant",
    "connectors",
    "production",
    "traceability",
    "maintenance",
    "quality",
    "mom.apps.MomConfig",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "plant.middleware.ContentSecurityPolicy",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "plant.middleware.PersonLanguage",
    "plant.middleware.PlainText",
    "django.middleware.common.CommonMiddleware",
    "mom.pages.polling.Polls",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "plant.middleware.CurrentActor",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "axes.middleware.AxesMiddleware",
]

ROOT_URLCONF = "mom.urls"
WSGI_APPLICATION = "mom.wsgi.application"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.template.context_processors.i18n",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    }
]

# Two roles: the owner migrates; the application cannot change or delete facts, assertions or audit.
AS_OWNER = env.text("MOM_DB_ROLE", "application") == "owner"
_APPLICATION_URL = "postgres://mom_app@127.0.0.1:5432/mom"
_database = env.database("DATABASE_URL", _APPLICATION_URL)
_owner_database = env.database("DATABASE_OWNER_URL", env.text("DATABASE_URL", _APPLICATION_URL))
APPLICATION_ROLE = str(_database["USER"])
# Behind a pooler that lends a connection for one transaction, a cursor cannot outlive it (docs/scale-out.md).
DATABASE_POOLED = env.flag("DATABASE_POOLED")
DATABASES = {
    "default": {
        **(_owner_database if AS_OWNER else _database),
        "CONN_MAX_AGE": env.integer("DATABASE_CONN_MAX_AGE", 600, minimum=0),
        "CONN_HEALTH_CHECKS": True,
        "DISABLE_SERVER_SIDE_CURSORS": DATABASE_POOLED,
    }
}
OWNER_DATABASE = _owner_database

REDIS_URL = env.text("REDIS_URL", "redis://127.0.0.1:6379/0")
MQTT_URL = env.text("MQTT_URL", "mqtt://127.0.0.1:1883")
# Days after which samples are packed; a day is never packed while late values of it are expected.
HISTORY_PACK_AFTER_DAYS = env.integer("HISTORY_PACK_AFTER_DAYS", 14, minimum=3)
# Whole months the values of a role are kept. A role that is not named is kept for ever; only what drives no
# state, count, order or alarm may be named: docs/how-to/history.md.
HISTORY_KEEP_MONTHS = env.months(
    "HISTORY_KEEP_MONTHS", "process_value=25", allowed=frozenset({"process_value", "setpoint"})
)
CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.redis.RedisCache",
        "LOCATION": REDIS_URL,
        "KEY_PREFIX": "mom",
    }
}

AUTH_USER_MODEL = "plant.User"
KNOX_TOKEN_MODEL = "plant.ApiToken"
AUTHENTICATION_BACKENDS = ["axes.backends.AxesStandaloneBackend", "django.contrib.auth.backends.ModelBackend"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 10}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
AXES_FAILURE_LIMIT = 10
AXES_COOLOFF_TIME = 0.25  # hours
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]
AXES_RESET_ON_SUCCESS = True
AXES_VERBOSE = False
AXES_LOCKOUT_CALLABLE = "plant.views.sign_in.locked_out"
LOGIN_URL = "login"
LOGIN_REDIRECT_URL = "/"
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
CSRF_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = SECURE_SSL_REDIRECT = BEHIND_TLS
SECURE_HSTS_SECONDS = 31_536_000 if BEHIND_TLS else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = BEHIND_TLS
SECURE_HSTS_PRELOAD = BEHIND_TLS
if BEHIND_TLS:
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
X_FRAME_OPTIONS = "DENY"

LANGUAGE_CODE = "en"
LANGUAGES = [("en", "English"), ("fr", "Français")]
LOCALE_PATHS = [BASE_DIR / "locale"]
TIME_ZONE = "UTC"
USE_TZ = True
USE_I18N = True
FORMAT_MODULE_PATH = "mom.formats"

STATIC_URL = "static/"
STATIC_ROOT = DATA_DIR / "static"
STATICFILES_DIRS = [BASE_DIR / "static"]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedStaticFilesStorage"},
}
WHITENOISE_USE_FINDERS = True
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
DATA_UPLOAD_MAX_MEMORY_SIZE = 16 * 1024 * 1024
CRISPY_ALLOWED_TEMPLATE_PACKS = "bootstrap5"
CRISPY_TEMPLATE_PACK = "bootstrap5"
DJANGO_TABLES2_TEMPLATE = "django_tables2/bootstrap5-responsive.html"

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "plant.rest.TokenAuthentication",
        "rest_framework.authentication.SessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["plant.rest.ActionAllowed"],
    "DEFAULT_FILTER_BACKENDS": ["plant.rest.StrictFilterBackend"],
    "DEFAULT_PAGINATION_CLASS": "plant.rest.Cursor",
    "DEFAULT_RENDERER_CLASSES": ["plant.rest.OrjsonRenderer"],
    "DEFAULT_PARSER_CLASSES": ["plant.rest.OrjsonParser"],
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "EXCEPTION_HANDLER": "plant.rest.problem",
    "PAGE_SIZE": 100,
    "COERCE_DECIMAL_TO_STRING": True,
    "TEST_REQUEST_DEFAULT_FORMAT": "json",
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Manufacturing operations API",
    "VERSION": "1",
    "OAS_VERSION": "3.1.1",
    "SERVE_INCLUDE_SCHEMA": False,
    "SERVE_PERMISSIONS": ["rest_framework.permissions.AllowAny"],
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "REDOC_DIST": "SIDECAR",
    "SCHEMA_PATH_PREFIX": r"/api/v1",
    # A choice named "kind" in several schemas would otherwise be called after a hash.
    "ENUM_NAME_OVERRIDES": {
        "DecisionKindEnum": "plant.models.trail.Decision.Kind",
        "MaterialKindEnum": "plant.models.material.MaterialDefinition.Kind",
        "QuantityKindEnum": "production.models.said.CountAssertion.Kind",
        "MovementKindEnum": "traceability.models.LotMovement.Kind",
        "MaintenanceEventKindEnum": "maintenance.models.MaintenanceEvent.Kind",
    },
}
REST_KNOX = {"AUTH_HEADER_PREFIX": "Token", "TOKEN_TTL": None, "SECURE_HASH_ALGORITHM": "hashlib.sha512"}

# Tasks may go through RabbitMQ; answers to runners, cache and heartbeat stay in Redis.
CELERY_BROKER_URL = env.text("CELERY_BROKER_URL") or REDIS_URL
_RABBITMQ = CELERY_BROKER_URL.startswith(("amqp://", "amqps://"))
CELERY_TASK_DEFAULT_QUEUE_TYPE = CELERY_TASK_CREATE_MISSING_QUEUE_TYPE = "quorum" if _RABBITMQ else "classic"
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_SERIALIZER = "json"
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_TASK_DEFAULT_QUEUE = "default"
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_CONNECTION_MAX_RETRIES = None
CELERY_BROKER_TRANSPORT_OPTIONS = {
    # What was sent is known to be on a majority's disk; Redis has its own time for what a worker left.
    **(
        {"confirm_publish": True}
        if _RABBITMQ
        else {
            "visibility_timeout": 300,
            "unacked_restore_throttle": 1,
            "socket_timeout": 30,
            "socket_connect_timeout": 2,
        }
    ),
    # A page or a POST must not hang while the broker is down: its wake-up is found by the sweep instead.
    "max_retries": 1,
    "interval_start": 0,
    "interval_step": 0.1,
    "interval_max": 0.1,
}
# A connection to the database serves many tasks (mom.celery checks it before each): connecting costs more
# than most tasks do.
CELERY_DB_REUSE_MAX = 1000
CELERY_TIMEZONE = "UTC"
CELERY_WORKER_HIJACK_ROOT_LOGGER = False

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "%(asctime)s %(levelname)s %(name)s %(message)s"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["console"], "level": env.text("LOG_LEVEL", "INFO")},
    "loggers": {
        "django.request": {"level": "ERROR"},
        "asyncua": {"level": "WARNING"},
        "axes": {"level": "WARNING"},
        # Two lines per task, several tasks per second: only what fails is worth a line.
        "celery.worker.strategy": {"level": "WARNING"},
        "celery.app.trace": {"level": "WARNING"},
        "celery.beat": {"level": "WARNING"},
    },
}
