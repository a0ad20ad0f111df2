# Two commands do everything: `make run` and `make test`. Both install what is missing first.

.DEFAULT_GOAL := help
BIN := .venv/bin
RUN_DIR := .run

.PHONY: help setup setup-test run test lint format bench faults explore fuzz pictures axe codes lock clean

help: ## this list
	@grep -E '^[a-z-]+:.*##' Makefile | sed -E 's/:[^#]*## /\t/' | expand -t 14

setup: ## install what `make run` needs: system packages, .venv, browser assets
	@scripts/setup run

setup-test: ## install what `make test` needs besides
	@scripts/setup test

run: setup ## start everything on the sandbox world and print the address to open
	@exec $(BIN)/tiepdon run --state $(RUN_DIR)

test: setup-test lint ## the whole suite, on real parts
	@$(BIN)/python -m pytest --numprocesses 3 --dist loadfile --no-loadscope-reorder

lint: setup-test ## format, types, import rules
	@$(BIN)/ruff format --check --quiet .
	@$(BIN)/ruff check --quiet .
	@$(BIN)/mypy --no-error-summary
	@$(BIN)/lint-imports --no-cache >$(BIN)/../lint-imports.log || { cat $(BIN)/../lint-imports.log; exit 1; }

format: setup-test ## put the code into the house's format
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

bench: setup-test ## figures, each beside a peer
	@$(BIN)/python -m benchmarks

faults: setup-test ## power cuts, kill -9 and cut lines while people check in: lost and duplicated counts
	@$(BIN)/python -m faults

explore: setup-test ## what is said of any input, tried on fresh random cases
	@$(BIN)/python -m pytest --numprocesses 2 --dist loadfile -m hypothesis --hypothesis-profile explore

fuzz: setup-test ## attack what parses a card's bytes, SECONDS=60 for each target
	@$(BIN)/python -m tests.hostile.fuzz all --seconds $(or $(SECONDS),60)

pictures: setup-test ## every screen in docs/pictures, each judged while it stands there
	@$(BIN)/python -m tests.pictures docs/pictures
	@$(BIN)/python -m pytest -q tests/endtoend/test_check_in_by_touch.py --pictures docs/pictures

axe: setup-test ## axe-core and our own measures on every state of every page, in every size and language
	@$(BIN)/python -m tests.pictures docs/pictures --judge

codes: setup ## the table of codes in docs/operations.md, from the words
	@$(BIN)/python scripts/codes

lock: ## resolve the lock files anew (needs uv)
	@uv pip compile -q --upgrade --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --no-annotate pyproject.toml -o requirements.lock
	@uv pip compile -q --upgrade --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --no-annotate --extra dev -c requirements.lock pyproject.toml -o requirements-dev.lock
	@uv pip compile -q --upgrade --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --no-annotate requirements-build.in -o requirements-build.lock

clean: ## remove what was installed and run here
	@rm -rf .venv node_modules $(RUN_DIR) ui/static/vendor ui/static/fonts ui/static/voice build *.egg-info
