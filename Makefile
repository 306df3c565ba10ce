# What one types. The work is in scripts/ and CMakePresets.json; each target alone is enough on a fresh machine.

PREFIX ?= /usr/local
FUZZ_SECONDS ?= 30
export FUZZ_SECONDS

.DEFAULT_GOAL := help
.PHONY: help setup build demo test test-long check format cov fuzz bench bench-long install clean

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: ## packages, DuckDB, test data: once, into the cache
	@scripts/setup.sh test

build: ## build/release/asof and libasof.so
	@scripts/setup.sh build
	@scripts/build.sh release asof asof_shared

demo: build ## the main job on three million real flights
	@scripts/fetch-flights.sh
	@ASOF=$(CURDIR)/build/release/asof examples/flights/demo.sh

test: ## every check and test
	@scripts/test.sh

test-long: ## the same with 10,000 random projects (PROPERTY_CASES), the fuzzers and the coverage limits
	@scripts/test.sh long

check: ## format, clang-tidy, layers and the other rules of the tree
	@scripts/setup.sh test
	@scripts/build.sh release asof asof_shared
	@scripts/check.sh

format: ## lay the C out as .clang-format says
	@scripts/check/check_format.py fix

cov: ## line coverage by folder
	@scripts/cov.sh

fuzz: ## each fuzzer for FUZZ_SECONDS
	@scripts/setup.sh test
	@scripts/fuzz.sh

bench: build ## the short set of figures beside their peers: docs/BENCHMARK.md, in ten minutes
	@scripts/setup.sh bench
	@scripts/bench.sh

bench-long: build ## all figures: an hour and a half, and 12 GB of the cache
	@scripts/setup.sh bench
	@scripts/bench.sh --long

install: build ## to PREFIX (and DESTDIR)
	@cmake --install build/release --prefix $(PREFIX)

clean: ## forget everything that was built
	rm -rf build
