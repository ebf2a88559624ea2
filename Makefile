# Every target sets up .venv by itself, and again only when setup.py or constraints.txt changed.
PYTHON ?= python3
BIN := .venv/bin
READY := .venv/ready

.PHONY: setup benchmark test test-fast docs check types clean

setup: $(READY)

$(READY): setup.py constraints.txt
	$(PYTHON) -m venv .venv
	PIP_CONSTRAINT=constraints.txt $(BIN)/pip install --quiet --editable '.[dev]'
	touch $(READY)

benchmark: $(READY)
	$(BIN)/accept-reject benchmark configs/benchmark.yaml

test: $(READY)
	$(BIN)/pytest

test-fast: $(READY)
	$(BIN)/pytest -m 'not slow'

docs: $(READY)
	$(BIN)/python .ci/static_links.py
	$(BIN)/zensical build --strict --clean

check: types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(READY)
	$(BIN)/python .ci/static_links.py
	$(BIN)/mypy

clean:
	rm -rf .venv runs site build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
