# vmcycle - a cycle-accurate simulator of virtual-machine hardware, in plain C.
# "make help" lists the targets. Everything made goes to build/$(VARIANT)/.

VERSION := 0.1.0
SOMAJOR := 0
PREFIX  ?= /usr/local
LIBDIR  ?= $(PREFIX)/lib
VARIANT ?= release
OUT     := build/$(VARIANT)
Q       := $(if $(V),,@)# make V=1 shows the commands
MAKEFLAGS += --no-print-directory
ifeq ($(MAKELEVEL)$(filter -j%,$(MAKEFLAGS)),0)
MAKEFLAGS += -j$(shell nproc 2>/dev/null || echo 2)
endif

# ---- Flags: what every object gets, and what a variant adds -----------------
# Assertions stay on in every variant.
# Functions of a release begin at cache lines: or what the linker puts before
# them makes 2 % of their speed, and no two builds can be compared.
CFLAGS_release  := -O2 -g -falign-functions=64
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
WERROR ?= -Werror# nothing where a compiler may know warnings that we do not
CFLAGS ?= $(CFLAGS_$(VARIANT))
override CFLAGS += -std=c11 -Wall -Wextra -Wpedantic $(WERROR) -Wshadow \
                   -Wconversion -Wstrict-prototypes -Wmissing-prototypes \
                   -fPIC -fno-semantic-interposition
override CPPFLAGS += -Ilib -I. -MMD -MP -D_GNU_SOURCE \
                     -DVMCYCLE_VERSION='"$(VERSION)"' \
                     -DVMCYCLE_DATADIR='"$(PREFIX)/share/vmcycle"'
# Found when a recipe runs, so that "make deps" may install pkg-config first.
LIB_LIBS  = $(shell pkg-config --libs libzstd jansson inih)
TEST_LIBS = $(shell pkg-config --libs check)
# Open MPI is used where it is installed, but not with sanitizers: they see its
# leaks.
ifneq ($(filter release debug clang,$(VARIANT)),)
HAS_MPI := $(shell pkg-config --exists ompi-c 2>/dev/null && echo yes)
endif
MPI_CFLAGS = $(patsubst -I%,-isystem %,$(shell pkg-config --cflags ompi-c))

# ---- Files: found by name, so a new one needs no line here ------------------
LIB     := $(OUT)/libvmcycle.a
PUBLIC  := $(OUT)/public/libvmcycle.a
SHARED  := $(OUT)/libvmcycle.so.$(VERSION)
OBJCOPY ?= objcopy
PROGRAM := $(OUT)/vmcycle
MPI_PROGRAM := $(if $(HAS_MPI),$(OUT)/vmcycle-mpi)
SIM     := $(filter-out sim/mpi/%,$(wildcard sim/*.c sim/*/*.c))
SOURCES := $(wildcard lib/*/*.c tests/*.c bench/*.c) $(SIM)
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
.PHONY: all deps test-deps demo validate test run-demo run-tests sanitize clang debug coverage \
        valgrind bench bench-peers fuzz lint format install uninstall reference clean \
        dist deb help

all: $(LIB) $(SHARED) $(PROGRAM) $(MPI_PROGRAM) ## build the library and the program

# ---- How things are made ----------------------------------------------------
$(OUT)/%.o: %.c Makefile
	@echo "  CC    $<"; mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) -c $< -o $@

$(LIB): $(filter $(OUT)/lib/%,$(OBJECTS))
	@echo "  AR    $@"
	$(Q)rm -f $@ && $(AR) rcs $@ $^

# Others' programs see the names that begin with vmc_, so that ours, as serve()
# and check_init(), do not meet theirs.
$(PUBLIC): $(filter $(OUT)/lib/%,$(OBJECTS))
	@echo "  AR    $@"; mkdir -p $(@D)
	$(Q)$(CC) -nostdlib -r $^ -o $(@D)/vmcycle.o
	$(Q)$(OBJCOPY) --wildcard --keep-global-symbol='vmc_*' $(@D)/vmcycle.o
	$(Q)rm -f $@ && $(AR) rcs $@ $(@D)/vmcycle.o

$(SHARED): lib/exports.map $(filter $(OUT)/lib/%,$(OBJECTS))
	@echo "  LINK  $@"
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -shared \
	    -Wl,-soname,libvmcycle.so.$(SOMAJOR) -Wl,--version-script,$< \
	    $(filter %.o,$^) $(LIB_LIBS) -o $@

$(PROGRAM): $(SIM_OBJECTS) $(LIB)
$(BENCHES): $(OUT)/%: $(OUT)/%.o $(filter-out %/main.o,$(SIM_OBJECTS)) $(LIB)
$(TESTS): $(OUT)/%: $(OUT)/%.o $(OUT)/tests/main.o \
          $(filter-out %/main.o,$(SIM_OBJECTS)) $(LIB)
$(TESTS): LDLIBS += $(TEST_LIBS)
$(OUT)/tests/%.o: override CFLAGS += -Wno-conversion # for Check's macros
$(PROGRAM) $(BENCHES) $(TESTS):
	@echo "  LINK  $@"
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) $^ $(LDLIBS) $(LIB_LIBS) -lm -o $@

# What "mpirun vmcycle sweep" turns into; see sim/sweep/sweep_launch.h.
$(OUT)/sim/mpi/%.o: override CPPFLAGS += $(MPI_CFLAGS)
$(OUT)/vmcycle-mpi: $(OUT)/sim/mpi/vmcycle_mpi.o \
        $(filter-out %/main.o,$(SIM_OBJECTS)) $(LIB)
	@echo "  LINK  $@"
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) $^ $(LIB_LIBS) \
	    $(shell pkg-config --libs ompi-c) -lm -o $@

# The benchmark of waveforms loads a replay as it is, and one that is built
# without anybody who could watch.
PLUGIN     := $(filter-out sim/main.c,$(wildcard lib/*/*.c) $(SIM)) \
              bench/replay_plugin.c
UNWATCHED  := $(PLUGIN:%.c=$(OUT)/unwatched/%.o)
COMPARISON := $(OUT)/bench/replay-watched.so $(OUT)/bench/replay-unwatched.so

$(OUT)/unwatched/%.o: %.c Makefile
	@echo "  CC    $< (unwatched)"; mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS) -DVMC_WITHOUT_WATCHERS $(CFLAGS) -c $< -o $@

$(OUT)/bench/replay-unwatched.so: $(UNWATCHED)
$(OUT)/bench/replay-watched.so: $(PLUGIN:%.c=$(OUT)/%.o)
$(COMPARISON):
	@echo "  LINK  $@"
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -shared -Wl,-Bsymbolic $^ $(LIB_LIBS) \
	    -lm -o $@

$(OUT)/bench/bench_waves: | $(COMPARISON)

-include $(OBJECTS:.o=.d) $(UNWATCHED:.o=.d) $(OUT)/sim/mpi/vmcycle_mpi.d

# ---- Preparation and the two commands of the README -------------------------
PACKAGES := pkg-config check libzstd-dev libjansson-dev libinih-dev \
            gnuplot-nox python3 zstd

# Programs that nobody here wrote and that tests open our files with. A test
# whose program is missing says that it was skipped.
TEST_PACKAGES := chromium tidy python3-jsonschema man-db groff mandoc \
                 doxygen gtkwave debhelper lintian
CLUSTER_PACKAGES := libopenmpi-dev openmpi-bin parallel

deps: ## install the packages that are missing
	$(Q)sh tests/deps.sh $(PACKAGES)

test-deps: deps ## install what tests need beside them
	$(Q)sh tests/deps.sh $(TEST_PACKAGES) 2>/dev/null || \
	    for package in $(TEST_PACKAGES); do \
	        sh tests/deps.sh $$package 2>/dev/null || \
	            echo "  tests that need $$package will be skipped"; done
	$(Q)sh tests/deps.sh $(CLUSTER_PACKAGES) || \
	    echo '  some tests of sweeps will be skipped'

demo: deps ## replay the recorded traces and write a report
	$(Q)$(MAKE) run-demo

# Replays are made anew only when the program or the trace has changed.
TRACES  := $(wildcard traces/*.zst)
REPORTS := $(TRACES:traces/%.zst=build/report/%/report.json)

build/report/%/report.json: traces/%.zst $(PROGRAM)
	@mkdir -p $(@D)
	$(Q)$(PROGRAM) replay $< --report $(@D) > $(@D)/table.txt

run-demo: $(PROGRAM) $(REPORTS)
	$(Q)for run in $(REPORTS:/report.json=); do \
	    echo; echo "== $${run##*/}"; cat $$run/table.txt; done
	$(Q)$(PROGRAM) report -o build/report/index.html \
	    $(REPORTS:/report.json=) > /dev/null
	@echo; echo "Report: build/report/index.html"

test: test-deps ## run all tests
	$(Q)$(MAKE) run-tests

validate: $(PROGRAM) ## print published beside simulated balloon times
	$(Q)$(PROGRAM) balloon --validate

# ---- Tests: one .result a suite, made anew only when something changed ------
$(OUT)/tests/%.result: $(OUT)/tests/% tests/run.py
	$(Q)python3 tests/run.py $@ $<

$(OUT)/tests/program/%.result: tests/program/%.py $(PROGRAM) tests/run.py \
        tests/program/harness.py tests/program/chromium.py
	@mkdir -p $(@D)
	$(Q)VMCYCLE=$(PROGRAM) PYTHONPATH=tests/program VMCYCLE_VARIANT=$(VARIANT) \
	    python3 tests/run.py $@ python3 $<

# What a script reads beside the program.
$(OUT)/tests/program/test_install.result: $(wildcard examples/*.c) $(HEADERS) \
        docs/embedding.md
$(OUT)/tests/program/test_report.result: tests/program/page.py \
        $(wildcard sim/report/*.gp)
$(OUT)/tests/program/test_reference.result: $(HEADERS) $(wildcard docs/*) \
        ARCHITECTURE.md
$(OUT)/tests/program/test_manual.result: $(wildcard docs/*) $(HEADERS) \
        sim/vmcycle.bash

$(OUT)/tests/program/test_cluster.result: $(MPI_PROGRAM) \
        tests/program/slurm.py $(wildcard examples/cluster/*.sh)

$(OUT)/tests/tidy.result: tests/tidy.py tests/run.py $(SOURCES) $(HEADERS) \
        $(wildcard sim/*.h sim/*/*.h)
	@mkdir -p $(@D)
	$(Q)python3 tests/run.py $@ python3 tests/tidy.py

run-tests: $(RESULTS)
	$(Q)python3 tests/run.py --sum $^

sanitize debug clang: test-deps ## run all tests in that variant
	$(Q)test $@ = debug || sh tests/deps.sh clang
	$(Q)$(MAKE) VARIANT=$@ run-tests

coverage: test-deps ## run all tests and print the line coverage of lib/
	$(Q)$(MAKE) VARIANT=coverage run-tests
	$(Q)python3 tests/coverage.py build/coverage

valgrind: $(PROGRAM) ## replay a recording under valgrind
	$(Q)sh tests/deps.sh valgrind
	$(Q)valgrind --quiet --error-exitcode=9 --leak-check=full \
	    $(PROGRAM) replay traces/eiointc-4vcpu.qemu.log.zst >/dev/null
	@echo "valgrind: clean"

# ---- Figures: one after the other, for they would disturb each other --------
bench: $(BENCHES) ## measure the hot paths on this host
	$(Q)for bench in $^; do echo "== $${bench##*/}"; \
	    $$bench > $$bench.txt || exit; cat $$bench.txt; done

bench-peers: $(LIB) $(PROGRAM) ## compare with SystemC, ns-3, SimPy; SPIN
	$(Q)mkdir -p $(OUT)/bench
	$(Q)python3 bench/peers/run.py $(OUT) $(LIB) > $(OUT)/bench/peers.txt; \
	    status=$$?; cat $(OUT)/bench/peers.txt; exit $$status
	$(Q)python3 bench/peers/states.py $(OUT) > $(OUT)/bench/states.txt; \
	    status=$$?; cat $(OUT)/bench/states.txt; exit $$status

# Each target starts from the small inputs of tests/fuzz/corpus/NAME, if there
# are any, and keeps what it learns in build/fuzz/NAME.corpus.
FUZZ_SECONDS ?= 60

build/fuzz/fuzz_%: build/fuzz/tests/fuzz/fuzz_%.o \
        $(patsubst sim/%.c,build/fuzz/sim/%.o,$(filter-out sim/main.c,$(SIM))) \
        build/fuzz/libvmcycle.a
	@echo "  LINK  $@"
	$(Q)clang -fsanitize=fuzzer,address,undefined $^ $(LIB_LIBS) -lm -o $@

fuzz: deps ## run every fuzz target for FUZZ_SECONDS each
	$(Q)sh tests/deps.sh clang libclang-rt-14-dev
	$(Q)$(MAKE) VARIANT=fuzz build/fuzz/libvmcycle.a $(FUZZERS)
	$(Q)for target in $(FUZZERS); do \
	    name=$${target##*/}; mkdir -p $$target.corpus; \
	    echo "== $$name"; \
	    $$target -max_total_time=$(FUZZ_SECONDS) -rss_limit_mb=2048 \
	        -timeout=10 -verbosity=0 -print_final_stats=1 \
	        -artifact_prefix=build/fuzz/ $$target.corpus \
	        $$(ls -d tests/fuzz/corpus/$$name 2>/dev/null) || exit 1; \
	done

# ---- Style: what the sources must look like ---------------------------------
ALL_C := $(SOURCES) $(HEADERS) $(wildcard sim/*.h sim/*/*.h sim/mpi/*.c tests/*.h \
         tests/fuzz/*.c bench/*.h bench/peers/*.c examples/*.c)

lint: deps ## check the layout, and run clang-tidy and cppcheck
	$(Q)sh tests/deps.sh clang-format clang-tidy cppcheck
	$(Q)clang-format --dry-run -Werror $(ALL_C)
	$(Q)python3 tests/tidy.py | tail -n 1
	$(Q)cppcheck --quiet --std=c11 --error-exitcode=1 --inline-suppr \
	    --enable=warning,portability --suppressions-list=tests/cppcheck.txt \
	    -Ilib -I. -D_GNU_SOURCE lib sim
	$(Q)printf '%s\n' $(filter lib/% sim/%,$(SOURCES)) \
	    $(if $(MPI_PROGRAM),sim/mpi/vmcycle_mpi.c) | \
	    xargs -P 2 -n 8 sh -c 'clang-tidy --quiet "$$@" -- -std=c11 -Ilib \
	    -I. $(if $(MPI_PROGRAM),$(MPI_CFLAGS)) -D_GNU_SOURCE \
	    -DVMCYCLE_VERSION="\"\"" \
	    -DVMCYCLE_DATADIR="\"\"" 2>/dev/null' clang-tidy

# ---- For the outside --------------------------------------------------------
format: ## lay out all C files with clang-format
	clang-format -i $(ALL_C)

MANUAL := $(patsubst docs/%,$(OUT)/%,$(wildcard docs/*.[135]))
DEST := $(DESTDIR)$(PREFIX)
DESTLIB := $(DESTDIR)$(LIBDIR)
COMPLETION := $(DEST)/share/bash-completion/completions/vmcycle
ARCHIVE := vmcycle-$(VERSION).tar.gz

# What --help and the headers tell is put into the pages.
$(MANUAL): $(OUT)/%: docs/% docs/manual.awk $(PROGRAM) $(HEADERS) \
        examples/consumer.c
	$(Q)awk -v program=$(PROGRAM) -f docs/manual.awk $< > $@

install: all $(PUBLIC) $(MANUAL) ## install under $(DESTDIR)$(PREFIX)
	$(Q)install -d $(DEST)/bin $(DESTLIB)/pkgconfig $(DEST)/share/vmcycle
	$(Q)install -m 755 $(PROGRAM) -t $(DEST)/bin
	$(Q)$(if $(MPI_PROGRAM),install -D -m 755 $(MPI_PROGRAM) \
	    -t $(DEST)/lib/vmcycle)
	$(Q)install -m 644 $(PUBLIC) $(SHARED) -t $(DESTLIB)
	$(Q)ln -sf $(notdir $(SHARED)) $(DESTLIB)/libvmcycle.so.$(SOMAJOR)
	$(Q)ln -sf libvmcycle.so.$(SOMAJOR) $(DESTLIB)/libvmcycle.so
	$(Q)for h in $(patsubst lib/%,%,$(filter-out %_priv.h,$(HEADERS))); do \
	    install -D -m 644 lib/$$h $(DEST)/include/vmcycle/$$h || exit; done
	$(Q)install -D -m 644 profiles/*.ini -t $(DEST)/share/vmcycle/profiles
	$(Q)install -D -m 644 sim/report/*.gp -t $(DEST)/share/vmcycle/plots
	$(Q)install -D -m 644 tests/scenarios/* -t $(DEST)/share/vmcycle/scenarios
	$(Q)install -D -m 644 sim/vmcycle.bash $(COMPLETION)
	$(Q)install -D -m 644 examples/*.c -t $(DEST)/share/doc/vmcycle/examples
	$(Q)install -D -m 755 examples/cluster/*.sh -t \
	    $(DEST)/share/doc/vmcycle/examples/cluster
	$(Q)install -m 644 examples/cluster/README.md -t \
	    $(DEST)/share/doc/vmcycle/examples/cluster
	$(Q)for page in $(MANUAL); do \
	    install -D -m 644 $$page -t $(DEST)/share/man/man$${page##*.} || exit; \
	    done
	$(Q)printf '%s\n' 'prefix=$(PREFIX)' 'includedir=$${prefix}/include' \
	    'libdir=$(LIBDIR)' '' 'Name: vmcycle' \
	    'Description: cycle-accurate simulator of virtual-machine hardware' \
	    'Version: $(VERSION)' 'Requires.private: libzstd jansson inih' \
	    'Cflags: -I$${includedir}/vmcycle' 'Libs: -L$${libdir} -lvmcycle' \
	    > $(DESTLIB)/pkgconfig/vmcycle.pc

uninstall: ## remove what install put there
	$(Q)rm -rf $(DEST)/include/vmcycle $(DEST)/share/vmcycle \
	    $(DEST)/share/doc/vmcycle $(DEST)/lib/vmcycle
	$(Q)rm -f $(DEST)/bin/vmcycle $(DESTLIB)/libvmcycle.* $(COMPLETION) \
	    $(DESTLIB)/pkgconfig/vmcycle.pc \
	    $(foreach page,$(MANUAL),$(DEST)/share/man/man$(subst .,,$(suffix \
	    $(page)))/$(notdir $(page)))

# Of directories doxygen makes man pages, too, with the machine's paths.
reference: ## make the API reference from the headers
	$(Q)sh tests/deps.sh doxygen
	$(Q)rm -rf build/reference && mkdir -p build/reference
	$(Q)VERSION=$(VERSION) doxygen docs/Doxyfile
	$(Q)rm -f build/reference/man/man3/_*
	@echo build/reference/html/index.html

# What git has of the last commit, and nothing of the machine: the same bytes
# every time. Two of these may run at once.
dist: ## make the source archive of the last commit
	$(Q)mkdir -p build
	$(Q)part=build/$(ARCHIVE).$$$$ && git -c tar.umask=0022 archive \
	    --format=tar --prefix=vmcycle-$(VERSION)/ HEAD | gzip -9n > $$part && \
	    mv $$part build/$(ARCHIVE)
	@echo build/$(ARCHIVE)

# Built in a copy of the archive, with nothing that this make was given.
deb: ## make Debian packages of the last commit
	$(Q)sh tests/deps.sh $(PACKAGES) dpkg-dev debhelper
	$(Q)$(MAKE) dist
	$(Q)rm -rf build/deb && mkdir -p build/deb
	$(Q)tar -xzf build/$(ARCHIVE) -C build/deb
	$(Q)cd build/deb/vmcycle-$(VERSION) && \
	    env -u MAKEFLAGS -u MAKELEVEL -u MFLAGS -u VARIANT \
	    dpkg-buildpackage --no-sign > ../build.log 2>&1 || \
	    { tail -n 30 ../build.log; exit 1; }
	@ls build/deb/*.deb

clean: ## remove build/
	rm -rf build

help: ## list the targets
	@sed -n 's/^\([a-z_ -]*\):.*## /\1\t/p' Makefile | expand -t 20
