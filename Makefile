# csanmt-bento. `make serve` and `make test` are all a newcomer needs.
SHELL := /bin/sh
VENV ?= .venv
BIN := $(VENV)/bin
HOST ?= 127.0.0.1
PORT ?= 3000
MODEL ?=
WORKERS ?=
URL ?= http://$(HOST):$(PORT)
export VENV

.PHONY: help install install-release install-dev install-ray serve test test-ray check soak fuzz bench-engine bench-service gate-calibration sanitize check-arm \
        pump large-document test-office lint types format lock clean

help: ## show this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 18

install: ## .venv with the frozen serving dependencies and the native engine
	@sh scripts/install.sh serving

install-dev: ## the same with the development set and PyTorch (CPU)
	@sh scripts/install.sh development

install-release: # what builds releases: serving and its tools, without PyTorch
	@sh scripts/install.sh release

serve: install ## translate at http://127.0.0.1:3000 (PORT=, HOST=, MODEL=, WORKERS=)
	@exec $(BIN)/csanmt serve --host $(HOST) --port $(PORT) $(if $(WORKERS),--workers $(WORKERS)) $(if $(MODEL),--model $(MODEL))

test: install-dev ## everything but the soak tests
	$(BIN)/python -m pytest -m "not soak"

lint: install-dev ## ruff
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: install-dev ## mypy, strict on our packages
	$(BIN)/mypy

check: lint types test ## what CI runs

install-ray: ## the development set and Ray
	@sh scripts/install.sh ray

test-ray: install-ray ## bulk translation on a local Ray cluster, a worker killed in mid-run
	$(BIN)/python -m pytest tests/bulk/test_ray.py

soak: install-dev ## the long tests: load for minutes, memory over thousands of requests
	$(BIN)/python -m pytest -m soak

bench-engine: install-dev ## the native engine against CTranslate2, interleaved
	$(BIN)/python -m benchmarks.engine

gate-calibration: install-dev ## false alarms, power and corruptions of the gate, simulated (minutes)
	WRITE=1 $(BIN)/python -m pytest -q tests/benchmarks/test_checks.py -k human_references
	$(BIN)/python -m tests.benchmarks.calibration tests/benchmarks/answers/v1.1.0.json.xz \
		tests/benchmarks/answers/v1.2.0.json.xz --out docs/gate-calibration.md

bench-service: install-dev ## the service's own cost and its waits (AGAINST=another checkout, interleaved)
	$(BIN)/python -m benchmarks.service $(if $(AGAINST),--against $(AGAINST))

test-office: install-dev ## translated documents in LibreOffice: as many pages as before
	OFFICE=1 $(BIN)/python -m pytest tests/documents/test_corpus.py --timeout 600

pump: install-dev ## every format and pattern against 1 MB of repeated syntax
	PUMP_BYTES=1000000 $(BIN)/python -m pytest tests/documents/test_pumped.py --timeout 3000

large-document: install-dev ## a docx of 500 pages: time and memory of opening, translating, putting together (PAGES=)
	$(BIN)/python -m tests.documents.large $(or $(PAGES),500)

fuzz: install-dev ## the parsers of what strangers send, led by coverage (SECONDS=60 each)
	$(BIN)/python -m tests.fuzz --seconds $(or $(SECONDS),60)

sanitize: install-dev ## the engine's tests under ASan and UBSan, and its fuzzer
	sh engine/checks/sanitize.sh

check-arm: install-dev ## the engine compiled for ARM and run under qemu: the same bits
	sh engine/checks/arm.sh

format: install-dev ## rewrite the sources in the house's format
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

lock: install-dev ## resolve the dependency sets again (UPGRADE="name …" lets some pins move)
	sh scripts/lock.sh $(if $(UPGRADE),--upgrade $(UPGRADE))

clean: ## remove what was built here (the model store and .venv stay)
	rm -rf build dist .mypy_cache .ruff_cache .hypothesis

include scripts/release.mk
