# `make` lists what there is. GNU make 3.81 or newer, so that the one of macOS will do.

SHELL := /bin/sh
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help install run test check format derived bench demo screenshots lock clean FORCE

# Whatever the caller's Python is set up to import, the project sees its own environment only. And it keeps bytecode, as
# pip does of what it installs: without, each command compiles 180 modules first, a quarter of the time until it begins.
unexport PYTHONPATH PYTHONHOME PYTHONDONTWRITEBYTECODE

PYTHON := .venv/bin/python
PIP := PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ROOT_USER_ACTION=ignore PIP_USER=0 $(PYTHON) -m pip --no-input -qq
# A test that calls make (the README's commands do) is no part of this run of it, and each part has its own database.
ALL_TESTS := env -u MAKEFLAGS -u MFLAGS -u MAKELEVEL -u RPAWATCH_TEST_DATABASE_URL \
	$(PYTHON) -m tests.support.side_by_side
UV := uv==0.13.9

# Wheels of all that is pinned exist for these; prints where the interpreter really is.
USABLE := import sys; sys.implementation.name == "cpython" and (3, 11) <= sys.version_info < (3, 15) and print(sys.executable)

# Sets $python to the first usable one on the PATH. A name found there may still be a shim that leads nowhere, so each is
# tried out.
define find_python
	python=; without_venv=; IFS=:; \
	for name in python3 python3.14 python3.13 python3.12 python3.11; do for folder in $$PATH; do \
		test -z "$$python" && test -x "$$folder/$$name" || continue; \
		found=$$("$$folder/$$name" -c '$(USABLE)' 2>/dev/null) || continue; \
		test -n "$$found" || continue; \
		if "$$found" -c 'import ensurepip, venv; ensurepip.version()' 2>/dev/null; then python=$$found; \
		else without_venv=$${without_venv:-$$found}; fi; \
	done; done; unset IFS; \
	if test -z "$$python" && test -n "$$without_venv"; then \
		echo "$$without_venv can't make environments; on Debian: apt-get install python3-venv" >&2; exit 1; \
	elif test -z "$$python"; then \
		echo "No CPython 3.11 to 3.14 on the PATH; on Debian: apt-get install python3 python3-venv" >&2; exit 1; \
	fi
endef

help: ## list what there is
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-11s %s\n", $$1, $$2 }' Makefile

install: .venv/installed ## make .venv with the command rpawatch in it (part of the others)
	@:

run: install ## serve on 127.0.0.1:8000 until Ctrl-C
	@exec .venv/bin/rpawatch serve

test: install ## all that CI runs: check, and every test, on the embedded PostgreSQL and in part on Debian's
	@PYTHON="$$PWD/$(PYTHON)" tests/support/system_packages.sh
	@$(MAKE) --no-print-directory check
	@echo "All tests on the embedded PostgreSQL, and those of what has SQL on Debian's too (minutes)"
	@$(ALL_TESTS) $(AT_ONCE)

check: install ## format, lint, types and import arrows (seconds)
	@.venv/bin/ruff format --check .
	@.venv/bin/ruff check .
	@.venv/bin/mypy
	@out=$$(.venv/bin/lint-imports --no-logo --no-cache 2>&1) && echo "$$out" | tail -n 1 || { echo "$$out"; exit 1; }

format: install ## format the code and sort its imports
	@.venv/bin/ruff check --select I --fix --quiet .
	@.venv/bin/ruff format .

derived: install ## write what follows from the code: golden events, read models' versions, the API's document, who may what
	@$(PYTHON) -m tests.support.golden
	@$(PYTHON) -m tests.support.versions
	@$(PYTHON) -m interfaces.http.openapi
	@$(PYTHON) -m tests.acceptance.permissions.matrix

bench: install ## measure, and compare with the peers (five minutes)
	@$(PYTHON) -m bench

demo: install ## make an installation with a made-up month in rpawatch-demo/, to look at
	@.venv/bin/rpawatch demo --data-dir rpawatch-demo
	@echo "Look at it: .venv/bin/rpawatch serve --data-dir rpawatch-demo"

screenshots: install ## a picture of every web page in build/screenshots/, in both themes and as on a phone
	@tests/support/system_packages.sh chromium
	@$(PYTHON) -m tests.pages.screenshots

lock: ## pin again what pyproject.toml asks for; UPGRADE=1 takes the newest of everything
	@echo "Pinning all that is installed: in requirements.lock, for bench, and for the tests of clients (seconds)"
	@$(find_python); rm -rf build/lock && "$$python" -m venv build/lock
	@PIP_DISABLE_PIP_VERSION_CHECK=1 build/lock/bin/python -m pip --no-input -qq install $(UV)
	@build/lock/bin/uv pip compile pyproject.toml --extra test --group build --universal --python-version 3.11 \
		--generate-hashes --custom-compile-command "make lock" --no-config --no-cache --system-certs --quiet \
		$(if $(UPGRADE),--upgrade) --output-file requirements.lock
	@for folder in bench/peers/drf tests/clients/generators; do \
		build/lock/bin/uv pip compile $$folder/requirements.in --universal --python-version 3.11 \
		--generate-hashes --custom-compile-command "make lock" --no-config --no-cache --system-certs --quiet \
		$(if $(UPGRADE),--upgrade) --output-file $$folder/requirements.lock || exit 1; done
	@rm -rf build/lock
	@tests/support/system_packages.sh npm
	@for set in tests/support/npm/*/; do npm --prefix "$$set" install --package-lock-only --ignore-scripts --no-audit \
		--no-fund --omit-lockfile-registry-resolved --loglevel=error --silent || exit 1; done

clean: ## remove what make made; the data directory stays
	@rm -rf .venv build dist .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis .schemathesis
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

# Each stamp is written last. The first holds the folder that the environment was made for: it does not work elsewhere.
ifneq "$(shell test -x $(PYTHON) && cat .venv/locked 2>/dev/null)" "$(CURDIR)"
.venv/locked: FORCE
endif

.venv/locked: requirements.lock
	@$(find_python); echo "Installing into .venv with $$python (half a minute)"; "$$python" -m venv --clear .venv
	@$(PIP) install --require-hashes -r requirements.lock
	@pwd -P | tr -d '\n' > $@

.venv/installed: .venv/locked pyproject.toml
	@$(PIP) install --no-deps --no-build-isolation --editable .
	@out=$$($(PYTHON) -m pip check) || { echo "requirements.lock does not fit pyproject.toml; run: make lock" "$$out" >&2; exit 1; }
	@touch $@
