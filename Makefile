# Ownmesh's commands. `make` or `make help` lists them. Linux needs Go, Python 3 and make, and no root; macOS needs
# Homebrew's envoy besides. `make test` and `make deploy` need Node.js with npm too: CDK runs on it.

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

GO ?= go
ifeq ($(origin VERSION),undefined)
VERSION := $(shell git describe --tags --always --dirty 2>/dev/null)
endif
LDFLAGS := -s -w -X main.version=$(VERSION)
# Static and the same on every machine: no cgo, no paths of the builder's disk.
GO_BUILD := CGO_ENABLED=0 $(GO) build -trimpath -ldflags '$(LDFLAGS)'
# Many tests start Envoys and other processes: no result is taken from a cache, and a hanging one is shown and ended.
GO_TEST := $(GO) test -count=1 -timeout=20m
# Where tests start real Envoys.
ENVOY_TESTS := ./core/compile ./xdsrelay/... ./sidecar/... ./cmd/ownmesh/... ./test/... ./examples/ordering/demo
# Where a test is many processes and takes its time, or measures: not part of `make unit`.
SLOW := -e '/test/' -e '/examples/ordering/demo$$' -e '/coldstart$$' -e '/tools/images$$'
FUZZTIME ?= 20s

.PHONY: help
help: ## list these commands
	@awk -F ':.*## ' '/^##@ / {print "\n" substr($$0, 5)} /^[a-z-]+:.*## / {printf "  make %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

##@ try it
.PHONY: demo
demo: build tools ## start a mesh and the ordering application, show it working, stop it; exit code 0 if all was true
	@bin/ordering-demo

.PHONY: up
up: build tools ## the same mesh and application, left running until Ctrl-C; prints what to try
	@bin/ordering-demo -up

##@ build
.PHONY: tools
tools: ## find an Envoy ($ENVOY, PATH), or install one into .tools
	@tools/envoy.sh

.PHONY: tools-aws
tools-aws: ## find an AWS CLI that knows App Mesh, or install one into .tools; only the examples need it
	@tools/aws.sh

.PHONY: tools-emulator
tools-emulator: ## find an AWS emulator, or install one into .tools; tests of what runs in AWS need it
	@tools/emulator.sh

.PHONY: tools-infra
tools-infra: ## find the CDK command line, cdk-nag and cfn-lint in .tools, or install them; what is deployed to AWS needs them
	@tools/infra.sh

.PHONY: tools-dynamodb
tools-dynamodb: ## find DynamoDB Local, or install it into .tools where Java and Maven are there
	@tools/dynamodb.sh

.PHONY: localstack-up
localstack-up: tools-emulator ## start the AWS emulator in the foreground, and print what to export (PORT=4567)
	@PORT=$(PORT) localstack/up.sh

.PHONY: build
build: ## bin/ownmesh, and the demo's and the examples' programs
	@mkdir -p bin
	@echo 'build: bin/ownmesh $(VERSION), bin/ordering, bin/ordering-demo, bin/example-app'
	@$(GO_BUILD) -o bin/ownmesh ./cmd/ownmesh
	@$(GO_BUILD) -o bin/ordering ./examples/ordering/services
	@$(GO_BUILD) -o bin/ordering-demo ./examples/ordering/demo
	@$(GO_BUILD) -o bin/example-app ./examples/kit/app

ARCH ?= arm64
.PHONY: lambdas
lambdas: ## the Lambdas' zip files, dist/lambdas/ARCH/*.zip (ARCH=amd64 for emulators), the same bytes each time
	@$(GO) run ./lambdas/internal/build -arch $(ARCH) -version '$(VERSION)'

.PHONY: tools-image
tools-image: ## fetch what images are made of besides our programs (Envoy, a C library, certificates) into .tools
	@tools/image-parts.sh

.PHONY: images
images: tools-image ## dist/images/{relay,sidecar,ordering}: OCI layouts for amd64 and arm64, the same bytes on every machine
	@for arch in amd64 arm64; do \
		GOARCH=$$arch GOOS=linux $(GO_BUILD) -buildvcs=false -o dist/programs/$$arch/ ./sidecar ./xdsrelay ./examples/ordering/services; \
	done
	@$(GO) run ./tools/images -version '$(VERSION)' relay sidecar ordering

.PHONY: synth
synth: ## the CloudFormation template for emulators, with its assets, dist/synth/local
	@$(MAKE) --no-print-directory lambdas ARCH=amd64
	@$(GO) build -C infra -o ../bin/ownmesh-infra .
	@rm -rf dist/synth/local && mkdir -p dist/synth
	@CDK_OUTDIR=$(CURDIR)/dist/synth/local CDK_CONTEXT_JSON='{"local":true}' bin/ownmesh-infra
	@echo 'synth: dist/synth/local/ownmesh.template.json'

DEPLOY ?= deploy
.PHONY: deploy
deploy: tools-infra images ## cdk deploy, with all that it needs and without Docker; ARGS='-c name=shop …' (docs/aws/options.md), DEPLOY=bootstrap comes first, DEPLOY=diff only shows
	@$(MAKE) --no-print-directory lambdas ARCH=arm64
	@mkdir -p bin && $(GO) build -o bin/imagepush ./tools/imagepush
	@CDK_DOCKER=$(CURDIR)/bin/imagepush .tools/infra/node_modules/.bin/cdk $(DEPLOY) $(ARGS)

##@ check
# The rest waits for no CDK: its library takes over a minute to compile the first time.
.PHONY: test
test: tools tools-aws tools-emulator tools-dynamodb tools-image tools-infra lint synth ## everything: unit tests, goldens, real Envoys, the command line, the demo, what is deployed to AWS
	@mkdir -p dist; $(MAKE) --no-print-directory infra-test >dist/infra-test.log 2>&1 & infra=$$!; failed=0; \
	$(GO_TEST) ./... || failed=1; \
	wait $$infra || failed=1; cat dist/infra-test.log; exit $$failed

.PHONY: infra-test
infra-test: tools-infra tools-emulator ## what would be deployed to AWS: tests of its templates, cfn-lint, cdk-nag
	$(GO) vet -C infra ./... && $(GO) vet -C examples/ordering/ecs ./...
	@$(GO) test -C examples/ordering/ecs -count=1 -timeout=10m ./... & example=$$!; failed=0; \
	$(GO) test -C infra -count=1 -timeout=10m ./... || failed=1; \
	wait $$example || failed=1; exit $$failed

.PHONY: unit
unit: tools tools-emulator ## each package's own tests, but for DynamoDB Local: under a minute, less where go test has results in its cache
	$(GO) test -timeout=5m -skip '^TestDynamoDBLocal$$' $$($(GO) list ./... | grep -v $(SLOW))

.PHONY: test-envoy
test-envoy: tools tools-aws ## what runs real Envoys, and the demo
	$(GO_TEST) $(ENVOY_TESTS)

DURATION ?= 10m
.PHONY: soak
soak: tools ## change everything under load, with real Envoys, for DURATION (10m); SEED=n makes the same changes again
	$(GO) test -count=1 -timeout=0 -v ./test/envoy -run '^TestSoak$$' -soak $(DURATION) -seed $(or $(SEED),0)

.PHONY: lint
lint: ## go vet, gofmt, import rules; golangci-lint where it is installed
	$(GO) vet ./...
	@unformatted=$$(find . -path './.*' -prune -o -name '*.go' -print0 | xargs -0 gofmt -l); \
	if [ -n "$$unformatted" ]; then printf 'error: not formatted:\n%s\nhint: gofmt -w them\n' "$$unformatted" >&2; exit 1; fi
	$(GO) test ./internal/archtest
	@if command -v golangci-lint >/dev/null; then golangci-lint run; fi

.PHONY: bench
bench: ## measure against the bars of the design; exit code 1 if one is missed (BENCH=--quick: under a minute)
	@mkdir -p bin
	$(GO) run ./test/bench --json bin/bench.json $(BENCH)

.PHONY: fuzz
fuzz: ## run each fuzz target for 20 s (FUZZTIME=5m for longer)
	@grep -rl --include='*_test.go' '^func Fuzz' . | xargs -n1 dirname | sort -u | while read -r dir; do \
		for target in $$(grep -ho '^func Fuzz[A-Za-z0-9_]*' "$$dir"/*_test.go | cut -c6-); do \
			echo "$$dir $$target"; \
			$(GO) test -run '^$$' -fuzz "^$$target\$$" -fuzztime $(FUZZTIME) "$$dir"; \
		done; \
	done

.PHONY: clean
clean: ## remove what was built; .tools stays
	rm -rf bin dist
