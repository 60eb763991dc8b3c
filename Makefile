# Octavo: `make` alone lists what there is.
SHELL := /bin/bash
.DEFAULT_GOAL := help
EXTRACTOR ?= auto
EXECUTOR ?= local
PROFILE = $(if $(filter molmo,$(EXTRACTOR)),molmo,core)
export EXTRACTOR EXECUTOR
SOAK ?= var/soak.jsonl
ifdef MODEL
export OCTAVO_MOLMO_MODEL = $(MODEL)
endif

.PHONY: help setup run stop status check test soak tally

help: ## show this
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## /\1\t/' | expand -t 10

setup: ## install what is missing (apt, .venv)
	@scripts/setup.sh $(PROFILE)

run: setup ## start Airflow on 127.0.0.1:8080 (AIRFLOW_PORT), run the samples, show the tables [EXTRACTOR=molmo [MODEL=name]] [EXECUTOR=celery]
	@.venv/bin/python -m scripts.demo

stop: ## end Airflow and everything it started
	@[ ! -x .venv/bin/python ] || .venv/bin/python -m scripts.stack stop

status: ## say whether Airflow is up
	@.venv/bin/python -m scripts.stack status

check: ## lint, types, layers, Dockerfile (no tests)
	@scripts/setup.sh dev
	.venv/bin/ruff check .
	.venv/bin/mypy
	.venv/bin/mypy plugins/octavo_airflow scripts
	.venv/bin/lint-imports
	@[ ! -f Dockerfile ] || { echo hadolint Dockerfile; .venv/bin/hadolint Dockerfile; }

test: check ## everything: lint, types, layers, tests, the end-to-end ones under a real Airflow
	.venv/bin/python -m pytest -m "not e2e" -n auto --maxprocesses 4 --dist loadfile
	.venv/bin/python -m pytest -m e2e

soak: ## kill days at random points, 120 times without Airflow and 22 with it; goes on where it was stopped [SOAK=file]
	@mkdir -p $(dir $(SOAK))
	.venv/bin/python bench/faults.py --runs 120 --seed 1 --out $(SOAK)
	.venv/bin/python bench/faults.py --driver airflow --runs 22 --seed 1 --out $(SOAK)

tally: ## what make soak has found so far
	@.venv/bin/python bench/faults.py --tally $(SOAK)
