# make run    the product and a demo plant on this machine      make test   the whole test suite
# make check  lint, types, contracts, migrations, texts         make bench  the performance table
# make proof NAME=…  one promise kept under faults              make clean  remove data, environment and caches

PYTHON ?= $(firstword $(foreach name,python3.11 python3.12 python3.13 python3.14 python3,$(shell command -v $(name) 2>/dev/null)))
BIN := .venv/bin
HOST ?=
PORT ?=
DEMO ?= 1
NAME ?=
CODE := mom plant connectors production traceability maintenance quality

.PHONY: run test check bench proof doctor install clean
.DEFAULT_GOAL := run

# One stamp for running, one more for developing: a first `make run` need not fetch test tools.
.venv/.run-installed: pyproject.toml constraints.txt
	@test -n "$(PYTHON)" || { echo "Python 3.11 or newer is needed and none was found"; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "$(PYTHON) is older than 3.11: make PYTHON=/path/to/python3.11 run"; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv \
		|| { rm -rf .venv; echo "the virtual environment could not be made; on Debian: apt-get install python3-venv"; exit 1; }
	@echo "installing what the product needs (once) …"
	@$(BIN)/python -m pip install --quiet --quiet --disable-pip-version-check -c constraints.txt -e '.[demo]'
	@touch $@

.venv/.dev-installed: .venv/.run-installed
	@echo "installing what its tests need (once) …"
	@$(BIN)/python -m pip install --quiet --quiet --disable-pip-version-check -c constraints.txt -e '.[demo,dev]'
	@touch $@

install: .venv/.dev-installed

# exec: the supervisor must be make's own child, to end when make is killed.
run: .venv/.run-installed
	@exec $(BIN)/python -m mom.embedded --follow-parent $(if $(HOST),--host $(HOST)) $(if $(PORT),--port $(PORT)) $(if $(filter 0,$(DEMO)),--no-demo)

test: install
	$(BIN)/pytest -n 2 tests

check: install
	@echo "== ruff check";        $(BIN)/ruff check .
	@echo "== ruff format";       $(BIN)/ruff format --check .
	@echo "== mypy";              $(BIN)/mypy $(CODE) tests
	@echo "== import contracts";  $(BIN)/lint-imports
	@echo "== djlint";            $(BIN)/djlint templates --lint --quiet
	@echo "== migrations";        $(BIN)/python -m tests.with_database $(BIN)/python manage.py makemigrations --check --dry-run
	@echo "== documents";         $(BIN)/python -m tests.with_database $(BIN)/python manage.py docs_generate --check
	@echo "== translations";      $(BIN)/python manage.py translations --check
	@echo "all checks passed"

bench: install
	$(BIN)/python -m tests.benchmarks

proof: install
	@test -n "$(NAME)" || { echo "say which: make proof NAME=…"; $(BIN)/python -m tests.chaos; exit 2; }
	$(BIN)/python -m tests.chaos $(NAME)

doctor: .venv/.run-installed
	@$(BIN)/python manage.py doctor

clean:
	@if [ -x $(BIN)/python ]; then $(BIN)/python -m mom.embedded.clean; fi
	rm -rf .venv build *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
	find . -name '*.mo' -delete
