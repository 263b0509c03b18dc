# One image, one command per process: see docker-compose.yml.
FROM python:3.11-slim

ENV PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    PIP_NO_CACHE_DIR=1 \
    PIP_DISABLE_PIP_VERSION_CHECK=1 \
    MALLOC_ARENA_MAX=2 \
    DJANGO_SETTINGS_MODULE=mom.settings \
    MOM_DATA_DIR=/var/lib/mom

RUN useradd --system --uid 10001 --home-dir /var/lib/mom --create-home mom
WORKDIR /app

# Dependencies first: a change of the code does not install them again.
COPY pyproject.toml constraints.txt README.md LICENSE ./
RUN mkdir -p mom plant connectors production traceability maintenance quality \
    && touch mom/__init__.py plant/__init__.py connectors/__init__.py production/__init__.py \
             traceability/__init__.py maintenance/__init__.py quality/__init__.py \
    && pip install --constraint constraints.txt --editable .

COPY manage.py ./
COPY mom mom
COPY plant plant
COPY connectors connectors
COPY production production
COPY traceability traceability
COPY maintenance maintenance
COPY quality quality
COPY templates templates
COPY static static
COPY locale locale
COPY examples examples

# The key serves this step alone: collecting files signs nothing.
RUN SECRET_KEY=build python manage.py translations \
    && SECRET_KEY=build python manage.py collectstatic --noinput --verbosity 0 \
    && mkdir -p /var/lib/mom/spool \
    && chown -R mom:mom /var/lib/mom

USER mom
EXPOSE 8000
CMD ["gunicorn", "mom.wsgi", "--bind=0.0.0.0:8000", "--workers=2", "--worker-class=gthread", "--threads=8", "--preload", "--worker-tmp-dir=/dev/shm"]
