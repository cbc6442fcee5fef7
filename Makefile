# The two commands that matter: `make demo` sets everything up and migrates the lab's twelve VMs,
# `make test` sets everything up and runs everything that decides.
.PHONY: demo test test-slow setup lint benchmarks screenshots sbom

demo:
	@.ci/setup demo
	@.venv/bin/v2s demo

test:
	@.ci/setup test
	.venv/bin/python -m pytest -n 2 --dist loadfile

# Real distributions booted under emulation: minutes each, run by .ci/run after `make test`.
test-slow:
	@.ci/setup test
	.venv/bin/python -m pytest -n 2 --dist loadfile -m "slow or slow_guest" --timeout 1500

setup:
	@.ci/setup test

lint:
	@.ci/setup test
	.venv/bin/ruff check --fix . && .venv/bin/ruff format . && .venv/bin/mypy && .venv/bin/lint-imports

benchmarks:
	@.ci/setup test
	for each in tests/benchmarks/*.py tests/benchmarks/data_path/run.py; do .venv/bin/python $$each || exit 1; done

screenshots:
	@.ci/setup test
	.venv/bin/python screenshots/make.py

# v2s.cdx.json: what an installation consists of, in CycloneDX.
sbom:
	@.ci/sbom
