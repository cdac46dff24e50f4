# What README shows, kept in .venv; nothing outside it is touched.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
SOURCES := pyproject.toml README.md LICENSE $(shell find ocistore_tui -name '*.py' -o -name '*.tcss')

.PHONY: demo test clean

# On a terminal the UI on a throw-away store; without one the same headless.
demo: $(VENV)/installed
	$(BIN)/ocistore-tui demo

test: $(VENV)/installed-for-development
	$(BIN)/ruff check
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/pytest -n auto --dist loadgroup

clean:
	rm -rf $(VENV)

# Each kind of installation replaces the other, so each forgets that the other was there.
$(VENV)/installed: $(SOURCES) | $(BIN)/python
	$(BIN)/pip install --quiet .
	@rm -f $(VENV)/installed-for-development
	@touch $@

$(VENV)/installed-for-development: pyproject.toml | $(BIN)/python
	$(BIN)/pip install --quiet --editable '.[dev]'
	@rm -f $(VENV)/installed
	@touch $@

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo 'Python 3.11 or newer is needed; name one: make PYTHON=python3.12 …' >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)
