# make, or make help, lists what there is. PYTHON names the interpreter: make run PYTHON=python3.13
PYTHON ?= python3
BIN := .venv/bin
COMPOSE := docker compose
COMPILE := $(BIN)/uv pip compile --quiet --universal --generate-hashes --no-emit-index-url --no-annotate --no-header
LOCK := $(COMPILE) pyproject.toml

.DEFAULT_GOAL := help
.PHONY: help run demo check lint analyse audit test bench lock worker worker-failed worker-retry db-migrate db-diff db-reset api-docs \
	up dev down build rebuild logs shell psql installed installed-dev installed-bench

help: ## Show this list.
	@awk -F ':.*## ' '/^##@/ {printf "\n%s\n", substr($$0, 5)} /^[a-z-]+:.*## / {printf "  make %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

##@ On this machine
run: installed ## Set everything up and run it until Ctrl-C; the address is printed.
	@$(BIN)/signalist up

demo: installed ## Run it with made-up feeds, a history and some failures, apart from your data.
	@$(BIN)/signalist demo

worker: installed ## Run one more worker beside `make run`.
	@$(BIN)/signalist worker

worker-failed: installed ## List the failed jobs.
	@$(BIN)/signalist failed list

worker-retry: installed ## Retry every failed job.
	@$(BIN)/signalist failed retry --all

api-docs: installed ## Print the address of the API's documentation.
	@$(BIN)/python -P -c 'from core.config import settings as s; from core.servers.addresses import web_address as w; import sys; sys.stdout.write(w(s().host, s().port) + "/api\n")'

##@ Database
db-migrate: installed ## Run the pending revisions; asks first.
	@$(BIN)/signalist db upgrade

db-diff: installed ## Say how the database differs from the models.
	@$(BIN)/signalist db diff

db-reset: installed ## Delete everything that is in the database and build the schema anew; asks first.
	@$(BIN)/signalist db downgrade base
	@$(BIN)/signalist db upgrade --yes

##@ Development
check: lint analyse audit test ## Format, lint, types, import rules, known vulnerabilities, tests: what CI runs.

lint: installed-dev ## Check the style of Python, shell, YAML, the Dockerfile, and the schemas of compose and CI.
	$(BIN)/ruff format --check
	$(BIN)/ruff check
	$(BIN)/shellcheck .ci/run
	$(BIN)/yamllint --strict .
	$(BIN)/hadolint Dockerfile
	$(BIN)/check-jsonschema --quiet --builtin-schema vendor.compose-spec docker-compose*.yml
	$(BIN)/check-jsonschema --quiet --builtin-schema vendor.github-workflows .github/workflows/*.yml
	$(BIN)/check-jsonschema --quiet --builtin-schema vendor.dependabot .github/dependabot.yml
	$(BIN)/zizmor --quiet --offline .github
	@if command -v caddy >/dev/null; then caddy validate --config Caddyfile >/dev/null 2>.venv/caddy.log || { cat .venv/caddy.log; exit 1; }; \
		else echo "There is no caddy on this machine: the Caddyfile was not validated."; fi

analyse: installed-dev ## Check the types, and who imports whom.
	$(BIN)/mypy
	$(BIN)/lint-imports

audit: installed-dev ## Look the locked dependencies up among the known vulnerabilities, where that service can be reached.
	@$(BIN)/python .ci/audit.py

# Whole files to each process: what a file shares is made once. In their order, since the long ones come first.
test: installed-dev ## Run every test; ARGS goes to pytest: make test ARGS="-k feeds".
	$(BIN)/pytest --numprocesses auto --maxprocesses 4 --dist loadfile --no-loadscope-reorder $(ARGS)

bench: installed-bench ## Measure every speed that is claimed, beside what one would use instead.
	@$(BIN)/python -m bench

lock: installed ## Write the lock files anew from pyproject.toml, with hashes and no addresses.
	$(LOCK) --output-file requirements.txt
	$(LOCK) --group dev --output-file requirements-dev.txt
	$(LOCK) --group dev --group bench --output-file requirements-bench.txt
	$(COMPILE) --group older-redis --output-file bench/older-redis.txt

##@ Docker
up: ## Start all of it in the background.
	$(COMPOSE) up --detach --wait

dev: ## Run it with the sources of this folder mounted; what is saved restarts what it concerns.
	$(COMPOSE) --file docker-compose.yml --file docker-compose.dev.yml up --build

down: ## Stop it; the data stays.
	$(COMPOSE) down

build: ## Build the image.
	$(COMPOSE) build

rebuild: ## Delete everything, the data too, and start from nothing; asks first.
	@printf 'This deletes the volumes, and with them every feed, article and account. Type "delete" to go on: '
	@read -r answer && [ "$$answer" = delete ]
	$(COMPOSE) down --volumes
	$(COMPOSE) build --no-cache
	$(COMPOSE) up --detach --wait

logs: ## Follow what all of it logs.
	$(COMPOSE) logs --follow --tail 100

shell: ## Open a shell in the dashboard's container.
	$(COMPOSE) exec dashboard sh

psql: ## Open psql on the database.
	$(COMPOSE) exec postgres sh -c 'psql --username "$$POSTGRES_USER" "$$POSTGRES_DB"'

installed:
	@$(call install,requirements.txt)
installed-dev:
	@$(call install,requirements-dev.txt)
installed-bench:
	@$(call install,requirements-bench.txt)

define install
command -v $(PYTHON) >/dev/null || { echo "There is no $(PYTHON) on the PATH. Signalist needs Python 3.11 or newer; name one: make PYTHON=/path/to/python3" >&2; exit 1; }; $(PYTHON) bootstrap.py $(1)
endef
