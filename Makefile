# The commands a newcomer needs; `make help` lists them. CMake and Ninja do the work (see
# CMakePresets.json for the builds), tools/ holds the steps.

PROGRAM = build/release/wakupeers
PREFIX ?= /usr/local
# Options of the daemon (run), arguments of ctest (the tests), e.g. ARGS="-R varint", or of bench.
ARGS ?=

.PHONY: build run unit check test test-long bench bench-store bench-go bench-count install format deps build-deps clean help

build: build-deps ## build the library and the program
	@cmake --preset release >/dev/null
	@ninja --quiet -C build/release wakupeers_shared wakupeers_static wakupeers

run: build ## build and start the daemon, e.g. make run ARGS="--staticnode=/ip4/…"
	@exec $(PROGRAM) run $(ARGS)

unit: deps ## run the unit tests under ASan and UBSan: seconds
	@tools/test.sh unit $(ARGS)

check: deps ## formatting, static analysis, the rules of the house
	@tools/test.sh check $(ARGS)

test: deps ## build and run everything
	@tools/test.sh all $(ARGS)

test-long: deps ## the tests that go on for longer: churn, killed writers
	@tools/test.sh long $(ARGS)

bench: deps ## measure, side by side with other implementations
	@cmake --preset release -DWPM_BUILD_BENCH=ON >/dev/null
	@ninja --quiet -C build/release bench
	@/usr/bin/python3 bench/run.py --programs build/release/bench --out build/bench $(ARGS)

bench-store: deps ## measure the peer store, beside those of other implementations
	@cmake --preset release -DWPM_BUILD_BENCH=ON >/dev/null
	@ninja --quiet -C build/release bench-store
	@/usr/bin/python3 bench/run_store.py --programs build/release/bench --out build/bench $(ARGS)

bench-count: deps ## count the instructions of the store and the manager, against their budgets
	@cmake --preset release -DWPM_BUILD_BENCH=ON >/dev/null
	@ninja --quiet -C build/release bench-count
	@/usr/bin/python3 bench/run_count.py --program build/release/bench/bench_count build/release/bench/bench_count_manager $(ARGS) || [ $$? -eq 77 ]

bench-go: build ## measure the Go binding, beside go-libp2p's own peerstores
	@/usr/bin/python3 bench/run_go.py --out build/bench $(ARGS)

install: build ## install below PREFIX (/usr/local), DESTDIR before it
	@cmake --install build/release --prefix $(PREFIX)

format: ## format the C files in place
	@tools/check_format.py --fix

deps: ## install what building and testing need and is missing
	@tools/deps.sh test

build-deps:
	@tools/deps.sh build

clean: ## remove everything that was built
	rm -rf build

help: ## show this list
	@sed -n 's/^\([a-z-]*\):.*## /  make \1\t/p' Makefile | expand -t 24
