# AutoAgent. `make install` installs the command, `make demo` shows it, `make test` tests it; each
# sets up what is missing first.
# Needs git, make and Python >= 3.11 with pip. No root, no Docker, no API key.

# A uv on the PATH counts only if it runs: a version manager's shim may exist and fail.
UV := $(shell uv --version >/dev/null 2>&1 && echo uv || echo .tools/bin/uv)
FETCHED_UV := $(filter .tools/bin/uv,$(UV))
LOCK := requirements.lock
comma := ,
space := $(subst ,, )
# Every extra that a test needs; `claude` would bring a program of 400 MB into every set-up.
EXTRAS := openai chat anthropic standin
COMPILE := $(UV) pip compile pyproject.toml $(EXTRAS:%=--extra %) --extra dev --universal --python-version 3.12 \
	--generate-hashes --no-emit-index-url --no-emit-find-links --custom-compile-command "make lock"

# Where it is set, every one of a few hundred processes would compile what it imports: 3 s each.
unexport PYTHONDONTWRITEBYTECODE

# Something else (uv run, pip) changed what is installed: set up again.
INSTALLED := $(wildcard .venv/lib/python3*/site-packages)

# The other Python we support. PYENV_VERSION is for pyenv's shims alone.
PYTHON313 = $(shell PYENV_VERSION=3.13 $(UV) python find --no-python-downloads 3.13 2>/dev/null)

# Two tests at a time: each waits much of its time, for a worker's processes or for a disk.
PYTEST = -m pytest -n 2 --dist worksteal
# The pure rooms: no process is started, no file is waited for.
QUICK := tests/gate tests/evidence tests/test_config.py tests/workspace/test_boundary.py \
	tests/workspace/test_notes.py tests/workspace/test_dockerfile.py tests/referee/test_budget.py \
	tests/referee/test_candidates.py tests/referee/test_passages.py

# Install the locked packages, then this one, into the environment $(1). It is named because
# an environment that the user has activated would be taken otherwise.
define install
	@$(UV) pip sync --quiet --python $(1) --require-hashes $(LOCK)
	@$(UV) pip install --quiet --python $(1) --no-deps --no-build-isolation --editable .
endef

# Where `make install` puts the command.
BIN = $(shell $(UV) tool dir --bin)

.PHONY: demo install mcpb quick test test-313 newest torture check fix docs links lock lock-check bench setup clean

demo: setup
	.venv/bin/autoagent demo

# The command `autoagent` for every directory, in an environment of its own with the locked
# versions: nothing that is done in this checkout changes it while a climb runs.
install: $(FETCHED_UV)
	@$(UV) tool install --quiet --force --reinstall-package autoagent-mcp --python '>=3.12,<3.14' \
		--constraints $(LOCK) --build-constraints $(LOCK) '.[$(subst $(space),$(comma),$(EXTRAS))]'
	@echo "Installed $(BIN)/autoagent."
	@case ":$$PATH:" in *":$(BIN):"*) ;; *) echo "Your shell does not look there yet:" \
		"export PATH=\"$(BIN):\$$PATH\"";; esac

# A bundle for Claude Desktop: dist/autoagent.mcpb, checked and packed by the tool of its makers.
BUNDLED := pyproject.toml requirements.lock README.md LICENSE src examples/quickstart
mcpb:
	@rm -rf build/mcpb && mkdir -p build/mcpb dist
	@git ls-files -z $(BUNDLED) | xargs -0 cp --parents -t build/mcpb
	@cp packaging/manifest.json build/mcpb
	@npx --yes @anthropic-ai/mcpb@2.1.2 pack build/mcpb dist/autoagent.mcpb

test: setup
	.venv/bin/python $(PYTEST)

quick: setup
	.venv/bin/python $(PYTEST) -q $(QUICK)

# What another Python may read or do otherwise: source, records, arithmetic, and a whole server with
# a real evaluation in its sandboxes.
test-313: $(FETCHED_UV)
	@if [ -z "$(PYTHON313)" ]; then echo "test-313: skipped, no Python 3.13 found"; \
	else $(MAKE) --no-print-directory .venv313/ready && \
	EXAMPLES=few .venv313/bin/python $(PYTEST) $(QUICK) tests/workspace tests/server/test_stdio.py; fi

# The suite with the newest packages that pyproject.toml allows, in a clone of this checkout: what
# was tested with the lock is one end of each pin, and this is the other. Nothing here changes.
newest: $(FETCHED_UV)
	@rm -rf .newest && git clone --quiet . .newest
	@$(MAKE) --no-print-directory -C .newest lock UPGRADE=--upgrade
	@git -C .newest diff --unified=0 requirements.lock | grep '^[-+][a-z].*==' || echo "newest: nothing newer"
	@$(MAKE) --no-print-directory -C .newest test

check: setup
	.venv/bin/ruff format --check
	.venv/bin/ruff check
	.venv/bin/pyright
	.venv/bin/lint-imports --no-cache

fix: setup
	.venv/bin/ruff check --fix
	.venv/bin/ruff format

# The documentation as a site: build/docs/index.html. A link that leads nowhere ends it.
docs: setup
	@rm -rf build/docs
	.venv/bin/zensical build --strict --clean

# Links of README and docs to other machines, asked: which answer, which do not, which cannot be reached.
links: setup
	.venv/bin/python bench/links.py

TORTURE = $(addprefix bench/,climbing.py full_disk.py naive.py power.py states.py torture.py tracing.py worker_torture.py)

# Kills before each call that writes, power cuts, and a flow without a referee. EVERY=50 is fewer.
torture: setup
	.venv/bin/python bench/torture.py --every $(or $(EVERY),1) --again $(or $(AGAIN),10) --sample 30
	.venv/bin/python bench/worker_torture.py --every $(or $(EVERY),1)
	.venv/bin/python bench/power.py --every $(or $(EVERY),1)
	.venv/bin/python bench/full_disk.py --every 31 --climbs 31
	.venv/bin/python bench/full_disk.py --every 31 --climbs 10 --what names
	.venv/bin/python bench/naive.py

bench: setup
	@set -e; for script in $(filter-out bench/simulated.py bench/worlds.py $(TORTURE) bench/picture.py bench/links.py bench/measured.py bench/soak.py bench/scale.py bench/compatibility.py,$(wildcard bench/*.py)); do echo "== $$script"; .venv/bin/python "$$script"; done

# Re-lock. Versions already pinned stay: `make lock UPGRADE=--upgrade` takes the newest.
lock: $(FETCHED_UV)
	$(COMPILE) --quiet $(UPGRADE) --output-file $(LOCK)

# The lock must follow from pyproject.toml and name no host.
lock-check: $(FETCHED_UV)
	@! grep -n '://' $(LOCK)
	@echo "lock-check: resolving again"; fresh=$$(mktemp) && trap 'rm -f "$$fresh"' EXIT && cp $(LOCK) "$$fresh" && \
	$(COMPILE) --quiet --output-file "$$fresh" && \
	{ diff -u $(LOCK) "$$fresh" || { echo "$(LOCK) is stale: run make lock" >&2; exit 1; }; }

setup: .venv/ready

.venv/ready: pyproject.toml $(LOCK) .python-version $(INSTALLED) | $(FETCHED_UV)
	@$(UV) venv --quiet --allow-existing --python 3.12 .venv || \
	$(UV) venv --quiet --allow-existing --python '>=3.12' .venv || \
	{ echo "No Python 3.12 or newer is here, and uv could not fetch one. Install it, then" \
	"run make again." >&2; exit 1; }
	$(call install,.venv)
	@touch $@

.venv313/ready: pyproject.toml $(LOCK) | $(FETCHED_UV)
	@$(UV) venv --quiet --allow-existing --python "$(PYTHON313)" .venv313
	$(call install,.venv313)
	@touch $@

# In / where python3 fails here: a shim that has not got what .python-version names.
.tools/bin/uv:
	@{ python3 -m pip --version >/dev/null 2>&1 || cd /; } && python3 -m pip install --quiet \
		--disable-pip-version-check --root-user-action=ignore \
		--upgrade --target "$(CURDIR)/.tools" uv

clean:
	rm -rf .venv .venv313 .newest .tools .cache dist build .pytest_cache .ruff_cache .hypothesis
	find src tests -name __pycache__ -type d -prune -exec rm -rf {} +
