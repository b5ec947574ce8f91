.DEFAULT_GOAL := help
STACK ?= local
VERSION ?= dev
# The compiler flags are those of local/launch/toolchain/build.go; the linker flags save a sixth of the linker's time.
export GOFLAGS := $(shell go env GOFLAGS 2>/dev/null) '-gcflags=all=-dwarf=false -l' '-gcflags=std=-dwarf=false' '-ldflags=-s -w'
localcloud = @go run -C local ./cmd/localcloud
oke = @go run ./cmd/oke

help: ## show this help
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / {printf "  make %-11s %s\n", $$1, $$2}' Makefile
	@echo
	@echo "  The local cloud:  PLUGINS=auto|official|local  PULUMI_CLI=auto|path|own"
	@echo "                    NODES=auto|real|simulated  IMAGES=auto|registry|built"
	@echo "                    LOCAL_PORT=8787  LOCAL_SPEED=100  LOCAL_DIR=.local"
	@echo "                    LOCAL_LIMITS=usual|free|not-upgraded  LOCAL_POLICY_DELAY=10"

up: ## deploy stack local on the local cloud, from nothing or from where it is
	$(localcloud) up

preview: ## show what the next `make up` would change
	$(localcloud) preview

refresh: ## compare the state with what the cloud holds
	$(localcloud) refresh

# A command that runs Pulumi on a stack: the user's own, or for stack local that of the local cloud.
define stack_command
@go build -o bin/oke ./cmd/oke
@if [ "$(STACK)" = local ]; then vars=$$(go run -C local ./cmd/localcloud env) || exit 1; eval "$$vars"; fi; \
	bin/oke $(1) --stack "$(STACK)" $(ARGS)
endef

recover: ## complete what a killed or failed pulumi up has left: STACK=dev ARGS='--yes --unlock'
	$(call stack_command,recover)

drift: ## what differs between a stack's state and the cloud, exit status 2 if anything: STACK=dev ARGS=--json
	$(call stack_command,drift)

rehearsal: ## a stack's settings for the local cloud, in Pulumi.rehearsal.yaml, to rehearse an upgrade: STACK=prod
	$(oke) rehearsal --stack "$(STACK)"

LOG ?= up.log

explain: ## which limit, quota, capacity or right has ended a pulumi up, and what to do: STACK=dev LOG=up.log
	$(oke) explain --stack "$(STACK)" --log "$(LOG)"

down: ## destroy the stack and stop the local cloud
	$(localcloud) down

status: ## what runs where, and what exists
	$(localcloud) status

open: ## open the guestbook on the local cloud in a browser, or print its URL
	$(localcloud) open

MINUTES ?= 60

flows: ## what the local cloud's network dropped, with the rule that was missing: SUBNET=oke-workers MINUTES=60 ARGS=--accepted
	$(localcloud) flows --subnet "$(SUBNET)" --minutes "$(MINUTES)" $(ARGS)

KUBECONFIG ?= $(HOME)/.kube/config

kubeconfig: ## settings for kubectl: eval "$(make -s kubeconfig)"; with STACK=dev, merges that cluster into KUBECONFIG
ifeq ($(STACK),local)
	$(localcloud) kubeconfig
else
	@go build -o bin/oke ./cmd/oke
	@bin/oke kubeconfig --stack "$(STACK)" --merge "$(firstword $(subst :, ,$(KUBECONFIG)))" $(ARGS)
endif

env: ## settings for Pulumi and OCI clients: eval "$(make -s env)"
	$(localcloud) env

reach: ## who reaches whom in a stack's network: STACK=dev, and FROM= TO= PORT= for one answer
	$(oke) reach --stack "$(STACK)" --from "$(FROM)" --to "$(TO)" --port "$(PORT)"

diagram: ## draw a stack's network to docs/network-$STACK.svg: STACK=dev
	$(oke) diagram --stack "$(STACK)" -o "docs/network-$(STACK).svg"

GROUP ?= oke-operators

policies: ## IAM statements that a stack's settings need: STACK=dev GROUP=oke-operators DOMAIN=Default ARGS=--json
	$(oke) policies --stack "$(STACK)" --group "$(GROUP)" --domain "$(DOMAIN)" $(ARGS)

cost: ## what a stack costs a month by Oracle's price list: STACK=dev AGAINST=main ARGS=--json
	$(oke) cost --stack "$(STACK)" --against "$(AGAINST)" $(ARGS)

doctor: ## check what can be known before the first pulumi up, and say what to do: STACK=dev ARGS=--json
	$(oke) doctor --stack "$(STACK)" --group "$(GROUP)" --domain "$(DOMAIN)" $(ARGS)

# The local cloud's address and credentials are variables.
with_cloud = $(if $(filter local,$(STACK)),env=$$(go run -C local ./cmd/localcloud env) && eval "$$env" &&)

versions: ## Kubernetes versions that a stack runs, can go to next, and that its region offers: STACK=dev ARGS=--json
	@$(with_cloud) go run ./cmd/oke versions --stack "$(STACK)" $(ARGS)

KEY ?= $(HOME)/.ssh/id_ed25519

tunnel: ## reach a private endpoint through the stack's bastion, until Ctrl-C: STACK=prod KEY=~/.ssh/id_ed25519
	@STACK="$(STACK)" KEY="$(KEY)" sh scripts/tunnel.sh

image_command = cd app && go run ./cmd/image -out ../bin/image -version "$(VERSION)" -revision "$$(git rev-parse HEAD 2>/dev/null)"

image: ## the frontend as an OCI image in bin/image, without Docker: VERSION=v1
	@$(image_command)

push: ## build the frontend's image and push it: IMAGE=registry/repository:tag VERSION=v1 STACK=dev PUBLIC=1
	@test -n "$(IMAGE)" || { echo "IMAGE is not set: make push IMAGE=iad.ocir.io/<tenancy namespace>/guestbook:v1" >&2; exit 1; }
	@$(image_command) -push "$(IMAGE)" -stack "$(STACK)" -compartment "$(COMPARTMENT)" $(if $(filter-out 0 no false,$(PUBLIC)),-public)

run-app: ## run the frontend here, on an embedded database: http://127.0.0.1:8080
	@cd app && go build -o ../bin/guestbook . && go build -o ../bin/run-app ./cmd/run-app && cd .. && exec bin/run-app -app bin/guestbook -dir .local/run-app

# Tests in local/ and app/ build and read files of the other modules, which Go's cache of test results does not see: it
# sees this variable, which they read.
test: export SOURCES = $(shell git ls-files -co --exclude-standard -z | xargs -0 sha256sum 2>/dev/null | sha256sum)
test: packages ## every test, the whole life cycle with the real engine included
	@files=$$(gofmt -l $$(git ls-files '*.go')); test -z "$$files" || { echo "gofmt would change: $$files" >&2; exit 1; }
	$(localcloud) build
	go vet ./... && go test -vet=off ./...
	cd app && go vet ./... && go test -vet=off $(without) ./...
	@go build -C tools/test -o ../../bin/gotestsum gotest.tools/gotestsum
	@echo "local/ has the end-to-end tests: about 15 minutes on 2 cores; a line for each test that has ended"
	cd local && go vet ./... && $(each_test) -vet=off -timeout 30m -parallel 5 ./e2e ./... # the longest one first

# go test, with a line for each test that has ended, and the output of those that failed.
each_test = ../bin/gotestsum --format testname --hide-summary skipped --

e2e: ## some of the end-to-end tests: RUN='TestLifeCycle|TestWorkload'
	cd local && go test -vet=off -count=1 -v -timeout 30m -parallel 5 -run '$(RUN)' ./e2e

packages = chromium fonts-noto-cjk fonts-noto-color-emoji jq nftables runc uidmap
have_packages = command -v chromium >/dev/null && command -v jq >/dev/null && command -v nft >/dev/null && command -v runc >/dev/null && command -v newuidmap >/dev/null

# CI has a browser or fails.
without = $$(command -v chromium >/dev/null || test -n "$$CI" || echo -skip=^TestBrowser)

packages:
	@if $(have_packages); then :; \
	elif test -n "$$CI"; then apt-get update -qq && apt-get install -qq -y --no-install-recommends $(packages) >/dev/null && $(have_packages) || \
		{ echo "make test needs chromium (the guestbook in a browser), jq (make tunnel), nft, runc and newuidmap (nodes that run Pods), and cannot install them" >&2; exit 1; }; \
	else echo "chromium, jq, nft, runc or newuidmap is missing: the tests that need them do not run; install them with sudo apt-get install $(packages)"; fi

lint: ## the linters of .golangci.yml, in every module
	@go build -C tools/lint -o ../../bin/golangci-lint github.com/golangci/golangci-lint/v2/cmd/golangci-lint
	@for module in . app local; do (cd "$$module" && "$(CURDIR)/bin/golangci-lint" run --allow-parallel-runners ./...) || exit 1; done

clean: ## remove the tools and the state of the local cloud
	$(localcloud) clean

.PHONY: help up preview refresh recover drift explain rehearsal down status open flows kubeconfig env reach diagram policies cost doctor versions tunnel image push run-app test e2e packages lint clean
