# Every target sets up .venv by itself, and again only when setup.py or constraints.txt changed.
PYTHON ?= python3
BIN := .venv/bin
READY := .venv/ready

.PHONY: setup benchmark test check clean

setup: $(READY)

$(READY): setup.py constraints.txt
	$(PYTHON) -m venv .venv
	PIP_CONSTRAINT=constraints.txt $(BIN)/pip install --quiet --editable '.[dev]'
	mkdir -p .venv/static && ln -sfn ../.. .venv/static/accept_reject
	touch $(READY)

benchmark: $(READY)
	$(BIN)/accept-reject benchmark configs/benchmark.yaml

test: $(READY)
	$(BIN)/pytest

check: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

clean:
	rm -rf .venv runs build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
