.DEFAULT_GOAL := help
oke = @go run -C local ./cmd/oke

help: ## show this help
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-11s %s\n", $$1, $$2}' Makefile
	@echo
	@echo "  Variables: PLUGINS=auto|official|local  PULUMI_CLI=auto|path|own  LOCAL_PORT=8787  LOCAL_SPEED=100  LOCAL_DIR=.local"

up: ## deploy stack local on the local cloud, from nothing or from where it is
	$(oke) up

preview: ## show what the next `make up` would change
	$(oke) preview

refresh: ## compare the state with what the cloud holds
	$(oke) refresh

down: ## destroy the stack and stop the local cloud
	$(oke) down

status: ## what runs where, and what exists
	$(oke) status

kubeconfig: ## print the settings for kubectl: eval "$(make -s kubeconfig)"
	$(oke) kubeconfig

env: ## print the settings for Pulumi and OCI clients: eval "$(make -s env)"
	$(oke) env

test: ## every test, the whole life cycle with the real engine included
	go vet ./... && go test ./...
	cd local && go test -timeout 30m ./...

clean: ## remove the tools and the state of the local cloud
	$(oke) clean

.PHONY: help up preview refresh down status kubeconfig env test clean
