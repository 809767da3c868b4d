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
GEN_STAMP := .gen/stamp
BUILD_STAMP := dist/stamp

export PATH := $(TOOLS)/node_modules/node/bin:$(TOOLS)/node_modules/.bin:$(CURDIR)/node_modules/.bin:$(PATH)
export npm_config_update_notifier := false
export CHECKPOINT_DISABLE := 1
unexport NODE_OPTIONS

PROTOS := $(shell find apis -name '*.proto' 2>/dev/null)
SOURCES := $(shell find packages cmd sdk runners -path '*/node_modules' -prune -o -path '*/dist' -prune -o -path '*/gen' -prune -o -name '*.ts' -print 2>/dev/null)
MANIFESTS := package.json pnpm-workspace.yaml $(wildcard pnpm-lock.yaml packages/*/package.json cmd/*/package.json sdk/*/package.json runners/*/package.json test/*/package.json tools/package.json examples/projects/*/package.json)

.PHONY: help
help: ## list the targets
	@grep -hE '^[a-z][a-z-]*:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/\1\t\2/' | awk -F'\t' '{printf "  %-18s %s\n", $$1, $$2}'

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

$(GEN_STAMP): $(DEPS_STAMP) $(PROTOS) buf.yaml buf.gen.yaml tools/third-party-protos.ts tools/print-proto.ts tools/contract-index.ts
	@rm -rf packages/contracts/gen .gen/protos && mkdir -p .gen
	@node tools/third-party-protos.ts .gen/protos
	@buf generate
	@node tools/contract-index.ts packages/contracts/gen
	@touch $@

.PHONY: gen
gen: $(GEN_STAMP) ## generate code from apis/

.PHONY: clean
clean: ## remove everything that was generated or built; the tool chain stays
	@rm -rf .gen dist node_modules packages/*/{gen,dist,node_modules} cmd/*/{dist,node_modules} sdk/*/{dist,node_modules} runners/*/{dist,node_modules} test/*/node_modules tools/node_modules examples/projects/*/node_modules
