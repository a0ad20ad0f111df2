# Two commands do everything: `make run` and `make test`. Both install what is missing first.

.DEFAULT_GOAL := help
BIN := .venv/bin
RUN_DIR := .run
# Each of the suite's many processes would compile the whole tree anew.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: image-test screen-test help setup setup-test setup-machines run test lint audit format bench faults explore fuzz pictures axe codes lock package package-test sbom clean

help: ## this list
	@grep -E '^[a-z-]+:.*##' Makefile | sed -E 's/:[^#]*## /\t/' | expand -t 14

setup: ## install what `make run` needs: system packages, .venv, browser assets
	@scripts/setup run

setup-test: ## install what `make test` needs besides
	@scripts/setup test

setup-machines: ## install what `make package-test` and `make image-test` need besides
	@scripts/setup machines

run: setup ## start everything on the sandbox world and print the address to open
	@exec $(BIN)/tiepdon run --state $(RUN_DIR)

test: setup-test lint ## the whole suite, on real parts
	@$(BIN)/python -m pytest --numprocesses 3 --dist loadfile --no-loadscope-reorder

lint: setup-test ## format, types, import rules
	@$(BIN)/ruff format --check --quiet .
	@$(BIN)/ruff check --quiet .
	@$(BIN)/mypy --no-error-summary
	@$(BIN)/lint-imports --no-cache >$(BIN)/../lint-imports.log || { cat $(BIN)/../lint-imports.log; exit 1; }

audit: setup-test ## known holes in our code and in what we install; 3: somebody could not be asked
	@$(BIN)/python scripts/audit

format: setup-test ## put the code into the house's format
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

bench: setup-test ## figures, each beside a peer
	@$(BIN)/python -m benchmarks

faults: setup-test ## power, disks, clocks, lines, processes and devices fail while people check in: what is lost is counted
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

codes: setup ## the tables of docs/operations.md and docs/privacy.md, from words and code
	@$(BIN)/python scripts/codes && $(BIN)/python scripts/privacy

lock: ## resolve the lock files anew (needs uv)
	@uv pip compile -q --upgrade --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --no-annotate pyproject.toml -o requirements.lock
	@uv pip compile -q --upgrade --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --no-annotate --extra dev -c requirements.lock pyproject.toml -o requirements-dev.lock
	@uv pip compile -q --upgrade --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --no-annotate requirements-build.in -o requirements-build.lock

package: setup-test ## build/tiepdon_VERSION_amd64.deb and _arm64.deb, without root
	@scripts/package

package-test: setup-machines ## install, use, upgrade, remove the packages in containers of Debian 12 and 13, arm64 emulated (root)
	@$(BIN)/python -m tests.packaging.whole

sbom: setup-test ## the bill of materials of both packages, build/*.cdx.json, without packing them
	@scripts/package --bill-only

image-test: setup-machines ## a whole machine in QEMU with a read-only root, its power cut five times
	@$(BIN)/python -m tests.image

screen-test: setup-machines package ## the package shows the touchscreen on a panel in QEMU, and again after whatever fails (root)
	@$(BIN)/python -m tests.image.screen build/tiepdon_*_amd64.deb

clean: ## remove what was installed and run here
	@rm -rf .venv node_modules $(RUN_DIR) ui/static/vendor ui/static/fonts ui/static/voice build *.egg-info
