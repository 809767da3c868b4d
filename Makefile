# Everything that people and CI do here is a target below; `make help` lists them.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

# The pinned tool chain, installed as npm packages into a folder that git ignores. The system stays as it is.
NODE_VERSION := 24.21.0
PNPM_VERSION := 12.21.0
TOOLS := $(CURDIR)/.tools
TOOLS_STAMP := $(TOOLS)/node-$(NODE_VERSION)-pnpm-$(PNPM_VERSION)
DEPS_STAMP := node_modules/.installed
PROTOS_STAMP := .gen/protos/.stamp
GEN_STAMP := .gen/stamp
KINDS_INDEX := packages/kinds/gen/index.ts
BUILD_STAMP := dist/stamp

export PATH := $(TOOLS)/node_modules/node/bin:$(TOOLS)/node_modules/.bin:$(CURDIR)/node_modules/.bin:$(PATH)
export npm_config_update_notifier := false
export CHECKPOINT_DISABLE := 1
export BUF_CACHE_DIR := $(CURDIR)/.gen/buf-cache
unexport NODE_OPTIONS

READ_CONTRACT := tools/contract-comments.ts tools/contract-image.ts
PROTOS := $(shell find apis -name '*.proto' 2>/dev/null)
SOURCES := $(shell find packages cmd sdk runners test/conformance \( -name node_modules -o -name dist -o -name gen \) -prune -o -name '*.ts' ! -name '*.test.ts' -print 2>/dev/null)
BUILDERS := tools/build.ts tools/third-party-notices.ts tools/list-files.ts tools/launcher.sh
BUNDLED := $(wildcard examples/resources/*.yaml test/conformance/*.yaml)
MANIFESTS := package.json pnpm-workspace.yaml $(wildcard pnpm-lock.yaml packages/*/package.json cmd/*/package.json sdk/*/package.json runners/*/package.json test/*/package.json tools/package.json examples/projects/*/package.json)

.PHONY: help
help: ## list the targets
	@awk -F ':.*## ' '/^[a-z][a-z0-9-]*:.*## / { printf "  %-16s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

# --- bring what is needed

$(TOOLS_STAMP):
	@echo "bringing Node $(NODE_VERSION) and pnpm $(PNPM_VERSION) into .tools (npm packages)"
	@mkdir -p $(TOOLS)
	@echo '{ "private": true }' > $(TOOLS)/package.json
	@npm install --prefix $(TOOLS) --no-audit --no-fund --loglevel=error --yes node@$(NODE_VERSION) pnpm@$(PNPM_VERSION) </dev/null
	@test "$$($(TOOLS)/node_modules/node/bin/node --version)" = "v$(NODE_VERSION)"
	@rm -f $(TOOLS)/node-*-pnpm-* && touch $@

$(DEPS_STAMP): $(TOOLS_STAMP) $(MANIFESTS)
	@pnpm install --frozen-lockfile --prefer-offline --reporter=append-only --loglevel=warn </dev/null
	@touch $@

.PHONY: setup
setup: $(DEPS_STAMP) ## bring the pinned Node, pnpm and the libraries

# --- generate and build

$(PROTOS_STAMP): $(DEPS_STAMP) tools/third-party-protos.ts tools/print-proto.ts
	@rm -rf .gen/protos && mkdir -p .gen/protos
	@node tools/third-party-protos.ts .gen/protos
	@touch $@

$(GEN_STAMP): $(DEPS_STAMP) $(PROTOS_STAMP) $(PROTOS) buf.yaml buf.gen.yaml tools/contract-index.ts tools/contract-docs.ts $(READ_CONTRACT)
	@rm -rf .gen/out
	@buf generate -o .gen/out
	@node tools/contract-index.ts .gen/out/packages/contracts/gen
	@node tools/contract-docs.ts .gen/out/packages/contracts/gen
	@rm -rf packages/contracts/gen && mv .gen/out/packages/contracts/gen packages/contracts/gen
	@touch $@

# The folder stands for files that are gone.
$(KINDS_INDEX): $(GEN_STAMP) packages/kinds/src $(wildcard packages/kinds/src/*.ts) tools/kinds-index.ts tools/contract.ts
	@node tools/kinds-index.ts $@

.PHONY: gen
gen: $(GEN_STAMP) $(KINDS_INDEX) ## generate code from apis/

.PHONY: gen-docs
gen-docs: gen ## generate docs/reference from apis/, and the guide's state table from the engine
	@node tools/gen-docs.ts

NAME ?=
GROUP ?= agentic
ID_PREFIX ?=

.PHONY: new-kind
new-kind: $(PROTOS_STAMP) ## write the protos, registration and example of a new kind: NAME=gadget
	@node tools/new-kind.ts "$(NAME)" "$(GROUP)" "$(ID_PREFIX)"
	@$(MAKE) gen gen-docs

$(BUILD_STAMP): $(GEN_STAMP) $(KINDS_INDEX) $(SOURCES) $(BUILDERS) $(BUNDLED)
	@node tools/build.ts
	@touch $@

.PHONY: build
build: $(BUILD_STAMP) ## bundle the programs into dist/

PREFIX ?= $(HOME)/.local

.PHONY: install
install: build ## install to PREFIX (~/.local) with a Node of its own; the clone may go afterwards
	@node tools/install.ts install "$(PREFIX)"

.PHONY: uninstall
uninstall: $(DEPS_STAMP) ## remove what install put below PREFIX; data stays
	@node tools/install.ts uninstall "$(PREFIX)"

.PHONY: clean
clean: ## remove everything that was generated or built; the tool chain stays
	@rm -rf .gen dist node_modules packages/*/{gen,dist,node_modules} cmd/*/{dist,node_modules} sdk/*/{dist,node_modules} runners/*/{dist,node_modules} test/*/node_modules tools/node_modules examples/projects/*/node_modules

# --- run

.PHONY: demo
demo: build ## show an agent at work on a throw-away folder; MODEL=ollama/qwen3 takes a real model
	@node tools/demo.ts

.PHONY: record-story
record-story: build ## write docs/guide/story.md anew: what an agent outlives, played with the real programs (as root)
	@node tools/record-story.ts

.PHONY: record-newcomer
record-newcomer: build ## write docs/guide/newcomer.md anew: a first half hour, played in a pseudo-terminal (takes python3 and git)
	@node tools/record-newcomer.ts

.PHONY: run-daemon
run-daemon: gen ## run the daemon from source, in this terminal
	@node cmd/stigmer-daemon/src/main.ts

# --- test; each ends with `N passed, N failed`. ONLY=packages/store takes in the files whose path contains that.

SUITES := unit $(notdir $(wildcard test/e2e test/conformance test/mcp test/faults test/bench test/fuzz test/faults/mutants))
TALLY := .gen/tally.jsonl

define run-suites
	@mkdir -p .gen && rm -f $(TALLY)
	@code=0; STIGMER_TALLY=$(TALLY) vitest run $(addprefix --project=,$(1)) $(ONLY) || code=$$?; \
	  node tools/tally.ts --file $(TALLY) --exit $$code $(if $(CI),--no-skips) $(1)
endef

.PHONY: test
test: build ## run every test
	$(call run-suites,$(SUITES))

.PHONY: test-unit
test-unit: gen ## run the tests beside the sources
	$(call run-suites,unit)

.PHONY: test-e2e
test-e2e: build ## run the real programs together
	$(call run-suites,e2e)

.PHONY: test-conformance
test-conformance: build ## check what every backend must do: STIGMER_URL=… CLAIMS=… asks one that runs already
	$(call run-suites,conformance)

.PHONY: test-mcp
test-mcp: gen ## let the MCP project's own runner check our side of the protocol, in both eras
	$(call run-suites,mcp)

.PHONY: test-faults
test-faults: build ## kill and restart the real programs
	$(call run-suites,faults)

.PHONY: test-faults-long
test-faults-long: export MOMENTS ?= 2000
test-faults-long: test-faults ## the same with MOMENTS (2000) kills instead of 200

.PHONY: test-simulation
test-simulation: ONLY = test/faults/simulation
test-simulation: gen ## let 1,000 simulated worlds go wrong: SEED=7 SEEDS=1 does one again
	$(call run-suites,faults)

.PHONY: test-mutants
test-mutants: gen ## take out what keeps the engine's promises, one at a time: the tests must find each
	$(call run-suites,mutants)

.PHONY: test-bench
test-bench: build ## show that the benches work; says nothing of speed
	$(call run-suites,bench)

.PHONY: test-fuzz
test-fuzz: build ## fuzz for a minute
	$(call run-suites,fuzz)

.PHONY: fuzz
fuzz: build ## fuzz for FUZZ_SECONDS (600); SEED=… does it again
	@node test/fuzz/fuzz.ts

# --- measure; prints a table and keeps test/bench/out/results.jsonl. BENCH=short shows that it works, ONLY=list takes in
# the rows whose name contains that, PROFILE=1 shows where daemons spend their time.

.PHONY: bench-rpc
bench-rpc: build ## measure calls, beside echo servers and etcd
	@node test/bench/bench-rpc.ts

.PHONY: bench-journal
bench-journal: gen ## measure acknowledged writes, beside the database and the disk alone
	@node test/bench/bench-journal.ts

.PHONY: bench-cli
bench-cli: build ## measure commands, beside Node doing nothing, and what a daemon weighs
	@node test/bench/bench-cli.ts

.PHONY: bench-execution
bench-execution: build ## measure executions, beside Restate, BullMQ on Redis and DBOS on Postgres
	@node test/bench/bench-execution.ts

# --- verify

.PHONY: verify
verify: verify-types verify-lint verify-format verify-layers verify-proto verify-gen verify-links verify-unused verify-docs ## check everything that is not a test

.PHONY: verify-types
verify-types: gen ## check types
	@tsc --project tsconfig.json

.PHONY: verify-lint
verify-lint: $(DEPS_STAMP) ## check rules of style
	@biome lint --error-on-warnings

.PHONY: verify-format
verify-format: $(DEPS_STAMP) ## check formatting and the order of imports
	@biome check --linter-enabled=false

.PHONY: verify-layers
verify-layers: gen ## check what leans on what
	@code=0; for check in layers cruise; do node tools/check-$$check.ts || code=1; done; exit $$code

BASELINE := apis/baseline.binpb

.PHONY: verify-proto
verify-proto: gen ## check the contract: rules, formatting, and that nothing breaks
	@buf lint
	@buf format apis --diff --exit-code
	@test -f $(BASELINE) || { echo "$(BASELINE) is missing: make baseline" >&2; exit 1; }
	@buf breaking apis --against $(BASELINE)

.PHONY: verify-gen
verify-gen: gen ## check that the documents say what apis/ and the engine say
	@node tools/gen-docs.ts --check

.PHONY: verify-links
verify-links: $(DEPS_STAMP) ## check the links between our documents
	@node tools/check-links.ts

.PHONY: verify-unused
verify-unused: gen ## look for files, exports and dependencies that nothing uses
	@knip --no-progress

.PHONY: verify-docs
verify-docs: build ## run the commands in the README, the guide and the reference
	@node tools/check-docs.ts

.PHONY: baseline
baseline: gen ## make the contract as it is now the one that later changes may not break
	@buf build apis --exclude-source-info -o $(BASELINE)

# --- fix what a machine can

.PHONY: fix
fix: fix-lint fix-format fix-gen ## fix style and formatting, and generate anew

.PHONY: fix-lint
fix-lint: $(DEPS_STAMP) ## fix what the linter can
	@biome lint --write

.PHONY: fix-format
fix-format: gen ## format, and put imports in order
	@biome check --write --linter-enabled=false
	@buf format apis --write

.PHONY: fix-gen
fix-gen: ## generate anew, whatever is there
	@rm -f $(PROTOS_STAMP) $(GEN_STAMP)
	@$(MAKE) gen gen-docs

# --- what CI runs

.PHONY: ci
ci: ## everything, from nothing; the last line is that of the tests
	@$(MAKE) setup
	@$(MAKE) gen
	@$(MAKE) -k verify
	@$(MAKE) build
	@$(MAKE) demo
	@$(MAKE) test
