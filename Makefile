# The commands a newcomer needs; `make help` lists them. CMake and Ninja do the work: see
# CMakePresets.json for the builds.

PRESET ?= release
ARGS ?=

.PHONY: build help
build: ## build the library and the program (PRESET=release)
	@cmake --preset $(PRESET) -DWPM_BUILD_TESTS=OFF >/dev/null
	@ninja -C build/$(PRESET)

help: ## show this list
	@sed -n 's/^\([a-z-]*\):.*## /  make \1\t/p' Makefile | expand -t 24
