# Octavo: `make` alone lists what there is.
SHELL := /bin/bash
.DEFAULT_GOAL := help
EXTRACTOR ?= auto
EXECUTOR ?= local
PROFILE = $(if $(filter molmo,$(EXTRACTOR)),molmo,core)
export EXTRACTOR EXECUTOR
SOAK ?= var/soak.jsonl
QUICK = $(addprefix tests/,merging extraction chunking tables publishing ledger quality) \
	$(patsubst %,tests/test_%.py,architecture contracts labels lines values storage workspace locks)
PYTEST = .venv/bin/python -m pytest --durations 20 --durations-min 1
ifdef MODEL
export OCTAVO_MOLMO_MODEL = $(MODEL)
endif

.PHONY: help setup run stop status dev check test test-quick test-core test-e2e soak tally sbom

help: ## show this
	@grep -hE '^[a-z0-9-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z0-9-]+):.*## /\1\t/' | expand -t 12

setup: ## install what is missing (apt, .venv)
	@scripts/setup.sh $(PROFILE)

run: setup ## start Airflow on 127.0.0.1:8080 (AIRFLOW_PORT), run the samples, show the tables [EXTRACTOR=molmo [MODEL=name]] [EXECUTOR=celery]
	@.venv/bin/python -m scripts.demo

stop: ## end Airflow and everything it started
	@[ ! -x .venv/bin/python ] || .venv/bin/python -m scripts.stack stop

status: ## say whether Airflow is up
	@.venv/bin/python -m scripts.stack status

dev:
	@scripts/setup.sh dev

check: dev ## lint, types, layers, Dockerfile (no tests)
	.venv/bin/ruff check .
	.venv/bin/ruff check --select T20,S101,BLE001,E722,LOG,G --ignore-noqa include plugins dags
	.venv/bin/mypy
	.venv/bin/mypy plugins/octavo_airflow scripts
	.venv/bin/lint-imports
	.venv/bin/hadolint Dockerfile

test: check test-core test-e2e ## everything: lint, types, layers, tests, the end-to-end ones under a real Airflow

test-quick: dev ## what a change in the core can break, in a minute or two: no model, no Airflow
	$(PYTEST) --numprocesses auto --dist loadfile $(QUICK)

test-core: dev ## all tests but the end-to-end ones
	$(PYTEST) --numprocesses $$(( $$(nproc) + 1 )) --maxprocesses 4 --dist loadfile --no-loadscope-reorder --ignore tests/e2e

test-e2e: dev ## the tests under a real Airflow, in a real browser
	$(PYTEST) --numprocesses 3 --dist loadfile --no-loadscope-reorder tests/e2e

sbom: dev ## a bill of materials of what the image installs, CycloneDX: build/sbom.json, build/sbom-molmo.json
	@mkdir -p build
	.venv/bin/cyclonedx-py requirements --output-reproducible --output-file build/sbom.json requirements-core.lock
	.venv/bin/cyclonedx-py requirements --output-reproducible --output-file build/sbom-molmo.json requirements.lock

soak: ## kill days at random points, 120 times without Airflow and 22 with it; goes on where it was stopped [SOAK=file]
	@mkdir -p $(dir $(SOAK))
	.venv/bin/python bench/faults.py --runs 120 --seed 1 --out $(SOAK)
	.venv/bin/python bench/faults.py --driver airflow --runs 22 --seed 1 --out $(SOAK)

tally: ## what make soak has found so far
	@.venv/bin/python bench/faults.py --tally $(SOAK)
