# vmcycle - a cycle-accurate simulator of virtual-machine hardware, in plain C.
# "make help" lists the targets. Everything made goes to build/$(VARIANT)/.

VERSION := 0.1.0
SOMAJOR := 0
PREFIX  ?= /usr/local
VARIANT ?= release
OUT     := build/$(VARIANT)
Q       := $(if $(V),,@)# make V=1 shows the commands
MAKEFLAGS += --no-print-directory
ifeq ($(filter -j%,$(MAKEFLAGS)),)
MAKEFLAGS += -j$(shell nproc 2>/dev/null || echo 2)
endif

# ---- Flags: what every object gets, and what a variant adds -----------------
# Assertions stay on in every variant.
CFLAGS_release  := -O2 -g
CFLAGS_debug    := -O0 -g3
CFLAGS_clang    := -O1 -g
CFLAGS_sanitize := -O1 -g -fno-omit-frame-pointer \
                   -fsanitize=address,undefined -fno-sanitize-recover=all
CFLAGS_coverage := -O0 -g --coverage
CFLAGS_fuzz     := -O1 -g -fsanitize=fuzzer-no-link,address,undefined \
                   -fno-sanitize-recover=all

ifneq ($(filter clang fuzz,$(VARIANT)),)
CC := clang
endif
CFLAGS ?= $(CFLAGS_$(VARIANT))
override CFLAGS += -std=c11 -Wall -Wextra -Wpedantic -Werror -Wshadow \
                   -Wconversion -Wstrict-prototypes -Wmissing-prototypes \
                   -fPIC -fno-semantic-interposition
override CPPFLAGS += -Ilib -I. -MMD -MP -D_GNU_SOURCE \
                     -DVMCYCLE_VERSION='"$(VERSION)"' \
                     -DVMCYCLE_DATADIR='"$(PREFIX)/share/vmcycle"'
# Found when a recipe runs, so that "make deps" may install pkg-config first.
LIB_LIBS  = $(shell pkg-config --libs libzstd jansson inih)
TEST_LIBS = $(shell pkg-config --libs check)

# ---- Files: found by name, so a new one needs no line here ------------------
LIB     := $(OUT)/libvmcycle.a
SHARED  := $(OUT)/libvmcycle.so.$(VERSION)
PROGRAM := $(OUT)/vmcycle
SOURCES := $(wildcard lib/*/*.c sim/*.c tests/*.c bench/*.c)
HEADERS := $(wildcard lib/*/*.h)
OBJECTS := $(SOURCES:%.c=$(OUT)/%.o)
TESTS   := $(patsubst %.c,$(OUT)/%,$(wildcard tests/test_*.c))
BENCHES := $(patsubst %.c,$(OUT)/%,$(wildcard bench/bench_*.c))
FUZZERS := $(patsubst tests/fuzz/%.c,build/fuzz/%,$(wildcard tests/fuzz/*.c))
SCRIPTS := $(wildcard tests/program/test_*.py)
RESULTS := $(TESTS:=.result) $(SCRIPTS:%.py=$(OUT)/%.result) \
           $(OUT)/tests/tidy.result
SIM_OBJECTS := $(filter $(OUT)/sim/%,$(OBJECTS))

.DELETE_ON_ERROR .SECONDARY:
.PHONY: all deps demo test run-demo run-tests sanitize clang debug coverage \
        bench bench-peers fuzz lint format install uninstall clean help

all: $(LIB) $(SHARED) $(PROGRAM) ## build the library and the program

# ---- How things are made ----------------------------------------------------
$(OUT)/%.o: %.c Makefile
	@echo "  CC    $<"; mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) -c $< -o $@

$(LIB): $(filter $(OUT)/lib/%,$(OBJECTS))
	@echo "  AR    $@"
	$(Q)rm -f $@ && $(AR) rcs $@ $^

$(SHARED): $(filter $(OUT)/lib/%,$(OBJECTS))
	@echo "  LINK  $@"
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -shared \
	    -Wl,-soname,libvmcycle.so.$(SOMAJOR) $^ $(LIB_LIBS) -o $@

$(PROGRAM): $(SIM_OBJECTS) $(LIB)
$(BENCHES): $(OUT)/%: $(OUT)/%.o $(filter-out %/main.o,$(SIM_OBJECTS)) $(LIB)
$(TESTS): $(OUT)/%: $(OUT)/%.o $(OUT)/tests/main.o \
          $(filter-out %/main.o,$(SIM_OBJECTS)) $(LIB)
$(TESTS): LDLIBS += $(TEST_LIBS)
$(OUT)/tests/%.o: override CFLAGS += -Wno-conversion # for Check's macros
$(PROGRAM) $(BENCHES) $(TESTS):
	@echo "  LINK  $@"
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) $^ $(LDLIBS) $(LIB_LIBS) -lm -o $@

-include $(OBJECTS:.o=.d)

# ---- Preparation and the two commands of the README -------------------------
PACKAGES := pkg-config check libzstd-dev libjansson-dev libinih-dev \
            gnuplot-nox python3

deps: ## install the packages that are missing
	$(Q)sh tests/deps.sh $(PACKAGES)

demo: deps ## replay the recorded traces and write a report
	$(Q)$(MAKE) run-demo

test: deps ## run all tests
	$(Q)$(MAKE) run-tests

# ---- Tests: one .result a suite, made anew only when something changed ------
$(OUT)/tests/%.result: $(OUT)/tests/% tests/run.py
	$(Q)python3 tests/run.py $@ $<

$(OUT)/tests/program/%.result: tests/program/%.py $(PROGRAM) tests/run.py \
        tests/program/harness.py
	@mkdir -p $(@D)
	$(Q)VMCYCLE=$(PROGRAM) PYTHONPATH=tests/program VMCYCLE_VARIANT=$(VARIANT) \
	    python3 tests/run.py $@ python3 $<

$(OUT)/tests/tidy.result: tests/tidy.py tests/run.py $(SOURCES) $(HEADERS) \
        $(wildcard sim/*.h)
	@mkdir -p $(@D)
	$(Q)python3 tests/run.py $@ python3 tests/tidy.py

run-tests: $(RESULTS)
	$(Q)python3 tests/run.py --sum $^

sanitize debug clang: ## run the unit tests in that variant
	$(Q)$(MAKE) VARIANT=$@ run-tests

# ---- For the outside --------------------------------------------------------
format: ## lay out all C files with clang-format
	clang-format -i $(SOURCES) $(HEADERS) $(wildcard sim/*.h)

clean: ## remove build/
	rm -rf build

help: ## list the targets
	@sed -n 's/^\([a-z_ -]*\):.*## /\1\t/p' Makefile | expand -t 20
