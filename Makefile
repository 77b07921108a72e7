# make            lists the targets
# make demo       from a clean clone to a finished run
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

# Where scripts/prerequisites.sh puts Go when the system has none.
export PATH := $(PATH):/usr/local/go/bin
# One setting for building and testing, so that nothing is compiled twice.
export CGO_ENABLED := 0

GO      ?= go
VERSION := $(shell git describe --tags --always --dirty 2>/dev/null || echo unknown)
DEMO    := .r1ctl/demo
TOOL    := $(GO) tool -modfile=tools/go.mod
# Linter and test runner for Python, apart from the trainer's environment.
PYTOOLS := .r1ctl/pytools

.PHONY: help
help: ## list the targets
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "  make %-16s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: prerequisites
prerequisites: ## check what this machine lacks, and name the commands that install it
	@scripts/prerequisites.sh

.PHONY: build
build: prerequisites ## build bin/r1ctl
	$(GO) build -ldflags '-X main.version=$(VERSION)' -o bin/r1ctl ./cmd/r1ctl

.PHONY: setup
setup: build ## build the trainer's Python environment, once, in the user's cache
	bin/r1ctl setup

.PHONY: demo
demo: setup ## run every stage of recipes/full-r1.yaml on a tiny model, here, to its end
	bin/r1ctl start recipes/full-r1.yaml --state-dir $(DEMO)
	@echo
	@echo "The run is done. Where to look next:"
	@echo "  bin/r1ctl report --state-dir $(DEMO)      all of it in one HTML file, with curves, data and responses"
	@echo "  bin/r1ctl status --state-dir $(DEMO)      its stages, their metrics, and where their outputs lie"
	@echo "  bin/r1ctl server info --state-dir $(DEMO)  Temporal's web UI and S3, with keys"
	@echo "  recipes/full-r1.yaml                      what was run; docs/recipes.md explains it"

.PHONY: controls
controls: setup ## is it real? full-r1 with its controls, three seeds (some 45 minutes); writes docs/controls-results.md
	scripts/controls.sh bin/r1ctl .r1ctl/controls $(SEEDS)

.PHONY: test
test: format test-go test-python test-e2e chaos-short ## all tests

.PHONY: test-go
test-go: setup ## Go tests, replay tests, house rules, pages in a real browser, attacks on a real sandbox
	@scripts/prerequisites.sh --tests
	R1CTL_ALL_TESTS=1 $(GO) test ./...

.PHONY: test-python
test-python: setup $(PYTOOLS)/COMPLETE ## the trainer's tests, in the environment that trains
	@tools/pytest bin/r1ctl $(PYTOOLS) -q trainer/tests

.PHONY: test-e2e
test-e2e: setup ## the smoke profile on the embedded engine with the real trainer
	$(GO) test -count=1 -timeout=40m -tags=e2e ./internal/e2e/...

# A Slurm of its own, brought up as the user who calls (as root with munge and cgroups), and ended again.
CLUSTER := $(CURDIR)/build/slurm
.PHONY: test-clusters
test-clusters: setup ## the launchers' suite, real faults, and the whole recipe on a real Slurm of two nodes (10 minutes; deploy/slurm/install.sh installs it)
	@mkdir -p build
	$(GO) test -c -o build/slurm.test ./internal/launch/slurm
	$(GO) test -c -tags=e2e -o build/e2e.test ./internal/e2e
	deploy/slurm/install.sh --check
	@if [ -d $(CLUSTER) ]; then deploy/slurm/down.sh $(CLUSTER); rm -rf $(CLUSTER); fi
	trap '$(CURDIR)/deploy/slurm/down.sh $(CLUSTER)' EXIT; \
	R1CTL_SLURM_MIN_JOB_AGE=5 deploy/slurm/up.sh $(CLUSTER); \
	export R1CTL_TEST_SLURM=$(CLUSTER); \
	(cd internal/launch/slurm && $(CURDIR)/build/slurm.test -test.v -test.parallel=1 -test.timeout=30m); \
	cd $(CURDIR)/internal/e2e && $(CURDIR)/build/e2e.test -test.v -test.run=Slurm -test.timeout=30m

.PHONY: bench-agent
bench-agent: setup ## what the agent costs the trainer, on an otherwise idle machine (some 20 minutes); writes docs/agent-overhead.md
	$(GO) run ./internal/agent/bench -r1ctl bin/r1ctl -out docs/agent-overhead.md $(BENCH)

.PHONY: bench-verify
bench-verify: setup ## the judge of mathematics beside math-verify on the same rows (a minute); writes docs/math.md
	python="$$(bin/r1ctl setup -o json | python3 -c 'import json, sys; print(json.load(sys.stdin)["python"])')"; \
	$(GO) run ./internal/verify/maths/bench --python "$$python" --doc docs/math.md $(BENCH)
	$(GO) test -run '^$$' -bench 'Tier|MathStyle' ./internal/verify/maths
	$(GO) test -run '^$$' -bench Python ./internal/sandbox

.PHONY: bench-curate
bench-curate: prerequisites ## each filter, the chain, and decontamination beside plain Python (some minutes)
	$(GO) run ./internal/curate/bench $(BENCH)

.PHONY: bench-artifacts
bench-artifacts: build ## a checkpoint of 2 GiB up and down beside rclone and the AWS CLI (some minutes, 10 GiB of disk); writes docs/artifacts.md
	$(GO) build -o build/bench-artifacts-client ./internal/artifact/bench
	build/bench-artifacts-client -r1ctl bin/r1ctl -doc docs/artifacts.md $(BENCH)

.PHONY: chaos
chaos: setup chaos-build ## some 250 faults, also in real training (35 minutes); writes build/chaos.json and docs/fault-report.md
	build/chaos/chaos -real recipes/full-r1.yaml -report docs/fault-report.md -version $(VERSION) -commit "$$(git rev-parse HEAD)" $(CHAOS)

.PHONY: chaos-short
chaos-short: chaos-build ## some twenty of them on a scripted trainer, in a minute or two
	build/chaos/chaos -short -json build/chaos-short.json -version $(VERSION) $(CHAOS)

# CHAOS='-seed 2' changes order and places; -only, -rig and -list help to look at one of them.
.PHONY: chaos-build
chaos-build: prerequisites
	@mkdir -p build/chaos
	$(GO) build -tags chaos -ldflags '-X main.version=$(VERSION)-chaos' -o build/chaos/r1ctl ./cmd/r1ctl
	$(GO) build -o build/chaos/ ./internal/chaos/cmd/...

.PHONY: format
format: prerequisites $(PYTOOLS)/COMPLETE ## check the form of the code: gofmt and ruff
	@unformatted="$$(gofmt -l $$(git ls-files -co --exclude-standard '*.go'))"; \
	if [ -n "$$unformatted" ]; then echo "not formatted (gofmt -w):"; echo "$$unformatted"; exit 1; fi
	cd trainer && ../$(PYTOOLS)/bin/ruff check .
	$(PYTOOLS)/bin/ruff check --config trainer/pyproject.toml internal

.PHONY: lint
lint: format ## format, vet, staticcheck, workflowcheck, layers (slow the first time: it reads Temporal's sources)
	$(GO) vet ./...
	$(TOOL) staticcheck ./...
	$(TOOL) workflowcheck -config tools/workflowcheck.yaml ./workflows/...
	$(GO) test ./internal/house

.PHONY: docs
docs: ## rewrite what is generated in docs/ (errors.md)
	$(GO) test ./internal/house -run Errors -update

.PHONY: history-counts
history-counts: prerequisites ## count what runs leave in Temporal's history (some ten minutes, attempts simulated); writes docs/history.md
	$(GO) test -count=1 -timeout=40m -run=WriteCounts ./internal/history -args -update

.PHONY: tiny-models
tiny-models: setup ## pre-train the tiny models again (some twenty minutes) and put them in place of the shipped ones
	mkdir -p .r1ctl
	$(GO) run ./internal/tinyworld/cmd/tinyworld 'tiny://corpus?size=268800&seed=1' > .r1ctl/corpus.jsonl
	python="$$(bin/r1ctl setup -o json | python3 -c 'import json, sys; print(json.load(sys.stdin)["python"])')"; \
	for model in base student-48 student-32; do \
	  OMP_NUM_THREADS=1 PYTHONPATH=trainer "$$python" -m r1trainer.tools.build_tiny \
	    --model $$model --corpus .r1ctl/corpus.jsonl --out trainer/r1trainer/assets/tiny-$$model; \
	done

.PHONY: histories
histories: setup ## save new histories for the replay tests; only when runs of the version before need not go on
	$(GO) test -count=1 -timeout=20m -tags=e2e -run=SaveHistories ./internal/e2e -args -update-histories

.PHONY: clean
clean: ## remove what was built here; caches and the demo's state stay
	rm -rf bin build $(PYTOOLS)

$(PYTOOLS)/COMPLETE: trainer/requirements-dev.lock
	rm -rf $(PYTOOLS)
	"$$(scripts/prerequisites.sh --python)" -m venv $(PYTOOLS)
	$(PYTOOLS)/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r $<
	touch $@
