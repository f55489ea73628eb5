# Needs Go and, for all but build and generate, a Debian machine: what else is
# needed is installed (test/setup.sh) or built into the user's cache directory.
SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.ONESHELL:
.DEFAULT_GOAL := build
.PHONY: build test bench krew fuzz generate lint setup check-generate check-format check-size vet oracles

export CGO_ENABLED ?= 0

CACHE := $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/winmatch

COMMANDS  := $(notdir $(wildcard cmd/*))
PLATFORMS := windows/amd64 windows/arm64 linux/amd64 linux/arm64 darwin/amd64 darwin/arm64

# Registries answer in one small request each: HTTP/2 would bring nothing but
# package initialisers, which every start pays for.
TAGS    := nethttpomithttp2
GOBUILD := go build -trimpath -ldflags '-s -w' -tags $(TAGS)

MAX_SIZE := 15728640 # bytes of cmd/winmatch, 15 MB

GOLANGCI_VERSION := $(shell awk '$$1 == "github.com/golangci/golangci-lint/v2" { print $$2 }' tools/go.mod)
GOLANGCI         := $(CACHE)/bin/golangci-lint-$(GOLANGCI_VERSION)

build: $(addprefix build-,$(COMMANDS)) ## every program for every platform, into dist/

build-%:
	@for platform in $(PLATFORMS); do
	  os=$${platform%/*} arch=$${platform#*/} suffix=
	  if [[ $$os == windows ]]; then suffix=.exe; fi
	  out=dist/$*-$$os-$$arch$$suffix
	  GOOS=$$os GOARCH=$$arch CGO_ENABLED=0 $(GOBUILD) -o $$out ./cmd/$*
	  printf '%-34s %9d bytes\n' $$out $$(stat -c %s $$out 2>/dev/null || stat -f %z $$out)
	done

check-size: build-winmatch
	@for file in dist/winmatch-*; do
	  size=$$(stat -c %s $$file)
	  if (( size > $(MAX_SIZE) )); then echo "$$file: $$size bytes, more than $(MAX_SIZE)" >&2; exit 1; fi
	done

# The order is that of cost: what fails soon comes first. The last line is go
# test's own.
test: setup check-format check-generate vet lint check-size oracles ## everything, with every real part
	go test -tags realparts -count=1 -timeout 20m ./...

setup:
	@test/setup.sh

check-format:
	@files=$$(gofmt -l .); if [[ -n $$files ]]; then echo "gofmt would change:" $$files >&2; exit 1; fi

generate: ## the generated files, from facts/source
	go generate ./...

check-generate:
	@list() { find . -type f -not -path './.git/*' -not -path './dist/*' -print0 | sort -z | xargs -0 sha256sum; }
	before=$$(list)
	go generate ./...
	if ! diff <(echo "$$before") <(list); then echo "go generate changed the files above" >&2; exit 1; fi

# Kubernetes' packages take minutes a platform to compile: what stands on them is
# vetted for Linux and Windows, and compiled for the others by make build.
vet:
	go vet ./...
	go vet -tags realparts ./...
	GOOS=windows go vet ./...
	GOOS=darwin go vet $$(GOOS=darwin go list ./... | grep -v kube)
	go -C test/bench vet -tags realparts ./...
	go -C facts/gen vet ./...
	go -C test/oracle/files vet ./...

lint: $(GOLANGCI) ## golangci-lint
	$(GOLANGCI) run --build-tags realparts
	GOOS=windows $(GOLANGCI) run
	cd test/bench && $(GOLANGCI) run --build-tags realparts

$(GOLANGCI): tools/go.mod
	@mkdir -p $(@D)
	GOOS= GOARCH= CGO_ENABLED=0 go build -C tools -trimpath -ldflags '-s -w' -o $@ github.com/golangci/golangci-lint/v2/cmd/golangci-lint
	@touch $@

# Each oracle says how many pairs agreed, which go test shows with -v only.
oracles:
	go test -tags realparts -count=1 -timeout 20m -v -run '^TestOracles$$' ./test/oracle

krew: build-kubectl-winmatch ## archives and the manifest of the kubectl plugin; VERSION=v1.2.3
	kube/krew/krew.sh $(VERSION)

bench: ## ours beside the peers', in one table
	go -C test/bench run -tags realparts .

fuzz: ## every fuzz target; FUZZTIME=30s sets the time of each
	test/fuzz.sh
