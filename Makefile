# psim: build, test, install.  Each folder's module.mk lists its objects in reading order.
#
#   make            build/psim            make test     every Criterion suite
#   make asan       suites under ASan and UBSan          make lint     clang-tidy and cppcheck
#   make bench      scripts/bench         make format   rewrite with clang-format
#   make install PREFIX=/usr/local
#
# Another build beside the first: make B=build/o0 OPT=-O0, make B=build/clang CC=clang CXX=clang++.

B ?= build
OPT ?= -O2
PREFIX ?= /usr/local
DESTDIR ?=
SANFLAGS ?=
export B

VERSION := $(shell cat VERSION)

WARN = -Wall -Wextra -Wshadow -Wconversion -Wstrict-prototypes -Wmissing-prototypes -Wvla \
       -Wpointer-arith -Wcast-qual -Wwrite-strings -Wundef -Wformat=2 -Werror
WARNXX = -Wall -Wextra -Wshadow -Werror
# Kill unwinds SimGrid's stacks by exception, so C frames need unwind tables; no contraction, so that
# every compiler computes the same doubles.
COMMON = $(OPT) -g -fexceptions -ffp-contract=off -fno-strict-aliasing -D_GNU_SOURCE -I. $(SANFLAGS)
CFLAGS_ALL = -std=c11 $(WARN) $(COMMON) $(CFLAGS)
CXXFLAGS_ALL = -std=c++17 $(WARNXX) $(COMMON) $(CXXFLAGS)
LDLIBS_BASE = -lxxhash -lisal -lm
LDLIBS_SIM = -lgsl -lgslcblas -lsqlite3 -lzstd $(LDLIBS_BASE)
LDLIBS_ALL = -llua5.4 -ljansson -lseccomp $(LDLIBS_SIM)

.DEFAULT_GOAL := all
.PHONY: all test check lint format format-check asan bench bench-bins install clean tests
.DELETE_ON_ERROR:

include sim/base/module.mk sim/module.mk mesh/module.mk disks/module.mk os/module.mk \
        workloads/module.mk models/module.mk models/live/module.mk cli/module.mk

# A file that no module.mk places comes last.
rest = $(sort $(filter-out $(1) cli/main.c,$(wildcard $(2))))
MESH_SRC := $(MESH_SRC) $(call rest,$(MESH_SRC),mesh/*.c mesh/*/*.c)
DISKS_SRC := $(DISKS_SRC) $(call rest,$(DISKS_SRC),disks/*.c disks/*/*.c)
OS_SRC := $(OS_SRC) $(call rest,$(OS_SRC),os/*.c os/*/*.c os/proto/*/*.c)
WORKLOADS_SRC := $(WORKLOADS_SRC) $(call rest,$(WORKLOADS_SRC),workloads/*.c workloads/io/*.c workloads/msg/*.c workloads/tape/*.c)

objs = $(addprefix $B/,$(addsuffix .o,$(basename $(1))))

LIBS = base sim mesh disks os workloads direct live models cli
SRC_base = $(BASE_SRC)
SRC_sim = $(SIM_SRC)
SRC_mesh = $(MESH_SRC)
SRC_disks = $(DISKS_SRC)
SRC_os = $(OS_SRC)
SRC_workloads = $(WORKLOADS_SRC)
SRC_direct = $(DIRECT_SRC)
SRC_models = $(MODELS_SRC)
SRC_live = $(LIVE_SRC)
SRC_cli = $(CLI_SRC)
lib = $(addprefix $B/lib,$(addsuffix .a,$(1)))

ALL_SRC = $(foreach l,$(LIBS),$(SRC_$l)) $(LIVE_CLI_SRC)
HEADERS := $(shell find sim mesh disks os workloads models cli -name '*.h')

define LIB_RULE
$B/lib$(1).a: $(call objs,$(SRC_$(1)))
	@rm -f $$@
	@ar rcs $$@ $$^
endef
$(foreach l,$(LIBS),$(eval $(call LIB_RULE,$l)))

all: $B/psim $B/psim-live

# SimGrid brings forty libraries: they are loaded when the first thread runs (sim/bridge.h).
# (An rpath of the old kind holds, too, where AddressSanitizer calls dlopen in our place.)
BRIDGE = $B/psim-bridge.so
$(BRIDGE): $B/sim/bridge.o | $B/ns3/ns3.so
	@echo "LINK $@"
	@$(CXX) $(SANFLAGS) -shared -Wl,--disable-new-dtags,-rpath,'$$ORIGIN/ns3' -o $@ $^ -lsimgrid
$B/sim/bridge.o: CXXFLAGS += -fPIC

# Most of them are ns-3, for one of SimGrid's network models, of which psim uses none: half of the time that a run takes
# to start goes on loading those.  A library that has each name and does nothing stands in their place.
SIMGRID = $$($(CXX) -print-file-name=libsimgrid.so)
$B/ns3/ns3.c:
	@mkdir -p $(@D)
	@nm -D -u $(SIMGRID) | sed -n 's/^ *U \(_Z[^@]*ns3[^@]*\).*/\1/p' | sort -u | \
	    sed 's/^_ZT.*/extern char &[] __attribute__((alias("nothing")));/; t; s/.*/long &(void) __attribute__((alias("none")));/' | \
	    sed '1i char nothing[4096]; long none(void) { return 0; }' >$@
$B/ns3/ns3.so: $B/ns3/ns3.c
	@$(CC) -w -O1 -fPIC -shared -o $@ $<
	@for l in $$(objdump -p $(SIMGRID) | sed -n 's/ *NEEDED *\(libns3-.*\)/\1/p'); do ln -sf $(@F) $(@D)/$$l; done

# All names are bound at once: a worker, which is forked, would bind them anew for each point.
$B/psim: $B/cli/main.o $(call lib,cli direct models workloads os disks mesh sim base) | $(BRIDGE)
	@echo "LINK $@"
	@$(CC) $(SANFLAGS) -Wl,-z,now -Wl,--disable-new-dtags,-rpath,'$$ORIGIN:$$ORIGIN/../lib/psim' -o $@ $^ $(LDLIBS_ALL)

# os/ on the other port: nothing of the simulator (of cli, how options are read).
$B/psim-live: $(call objs,$(LIVE_CLI_SRC)) $(call lib,live workloads os base) $B/cli/options.o $B/cli/clean.o
	@echo "LINK $@"
	@$(CC) $(SANFLAGS) -o $@ $^ $(LDLIBS_BASE)

$B/%.o: %.c
	@mkdir -p $(@D)
	@echo "CC   $<"
	@$(CC) $(CFLAGS_ALL) -DPSIM_VERSION='"$(VERSION)"' -DPSIM_DATADIR='"$(PREFIX)/share/psim"' -MMD -MP -c -o $@ $<

$B/%.o: %.cpp
	@mkdir -p $(@D)
	@echo "CXX  $<"
	@$(CXX) $(CXXFLAGS_ALL) -MMD -MP -c -o $@ $<

# ---- tests: every folder of tests/ that holds test_*.c is a suite and a program ----
SUITES := $(sort $(patsubst tests/%/,%,$(dir $(wildcard tests/*/test_*.c))))
LIBS_base = base
LIBS_sim = sim base
LIBS_mesh = mesh sim base
LIBS_disks = disks sim base
LIBS_os = workloads os base
EXTRA_os = $(wildcard tests/fake/*.c) models/live/own.c
LIBS_direct = direct mesh disks sim base
LIBS_live = live workloads os base
LIBS_models = models workloads os disks mesh sim base
LIBS_cli = cli direct models workloads os disks mesh sim base
LDLIBS_base_t = $(LDLIBS_BASE)
LDLIBS_os_t = $(LDLIBS_BASE)
LDLIBS_live_t = $(LDLIBS_BASE)
TEST_BINS = $(foreach s,$(SUITES),$B/tests/$s/run)

# Each test is a process: half of a short one's time went on loading libgit2 and fifteen libraries behind it, which
# Criterion asks to show differences of texts.  Nothing here does: what it calls stands in its place.
GIT2 = $B/tests/git2.so
$(GIT2): $B/tests/git2.o
	@so=$$(objdump -p $$($(CC) -print-file-name=libcriterion.so) | sed -n 's/.*NEEDED *\(libgit2[.]so.*\)/\1/p'); \
	    $(CC) -shared -Wl,-soname,$${so:-none} -o $@ $< && { [ -z "$$so" ] || ln -sf $(@F) $(@D)/$$so; }
$B/tests/git2.o: CFLAGS += -fPIC

# T=DIR: what stands in test_*.c as it is built there, but for what asks whether there is a sanitizer.
T ?= $B
as_there = $(if $(filter-out $B,$T),$(filter-out tests/sim/test_thread.c,$(wildcard tests/$(1)/test_*.c)))
test_objs = $(patsubst %.c,$T/%.o,$(as_there)) $(call objs,$(filter-out $(as_there),$(wildcard tests/$(1)/*.c)))

define SUITE_RULE
$B/tests/$(1)/run: $(call test_objs,$(1)) $(call objs,$(EXTRA_$(1))) $(call lib,$(LIBS_$(1))) | $(BRIDGE) $(GIT2)
	@mkdir -p $$(@D)
	@echo "LINK $$@"
	@$$(CC) $$(SANFLAGS) -Wl,--disable-new-dtags,-rpath,'$$$$ORIGIN/..:$$$$ORIGIN/../..' -o $$@ $$^ -lcriterion $$(or $$(LDLIBS_$(1)_t),$$(LDLIBS_ALL))
endef
$(foreach s,$(SUITES),$(eval $(call SUITE_RULE,$s)))
TEST_OBJS = $(call objs,$(foreach s,$(SUITES),$(wildcard tests/$s/*.c)) $(wildcard tests/fake/*.c))
# Criterion's macros trip these.  Half of a build was spent on making tests fast that run for seconds; what they rest
# on (tests/fake, second implementations) is compiled as the rest is.  Frames of a test on a stack of SimGrid must not
# be those of -O0: where a thread is killed, AddressSanitizer does not know that stack.
$(TEST_OBJS): CFLAGS += -Wno-missing-prototypes -Wno-cast-qual -Wno-undef
TEST_FILES = $(wildcard tests/*/test_*.c)
$(call objs,$(filter-out tests/models/% tests/sim/%,$(TEST_FILES))): CFLAGS += -O0
$(call objs,$(filter tests/models/% tests/sim/%,$(TEST_FILES))): CFLAGS += -O1

tests: $(TEST_BINS)
test: all tests
	@scripts/run-suites $(TEST_BINS)

# ---- benchmarks: every tests/bench/bench_*.c is a program; its peers stand beside it ----
BENCH_BINS = $(patsubst tests/bench/%.c,$B/bench/%,$(wildcard tests/bench/bench_*.c))
BENCH_OBJS = $(call objs,$(wildcard tests/bench/bench.c tests/bench/profile.c tests/bench/peer_*.c tests/bench/peer_simgrid.cpp))
bench-bins: $(BENCH_BINS)
.SECONDARY: $(BENCH_OBJS) $(patsubst $B/bench/%,$B/tests/bench/%.o,$(BENCH_BINS))
$B/bench/%: $B/tests/bench/%.o $(BENCH_OBJS) $(call lib,direct models workloads os disks mesh sim base) | $(BRIDGE)
	@mkdir -p $(@D)
	@echo "LINK $@"
	@$(CXX) $(SANFLAGS) -Wl,--disable-new-dtags,-rpath,'$$ORIGIN/..' -o $@ $^ $(LDLIBS_ALL) -lsimgrid

# A peer that is a program, where its headers are installed (scripts/setup --bench).
ifneq ($(wildcard /usr/include/ns3/csma-net-device.h),)
NS3_PEER = $B/bench/peer_ns3
bench-bins: $(NS3_PEER)
$(NS3_PEER): $B/tests/bench/peer_ns3.o $B/tests/bench/bench.o
	@mkdir -p $(@D)
	@echo "LINK $@"
	@$(CXX) $(SANFLAGS) -o $@ $^ $$(pkg-config --libs ns3-csma ns3-bridge)
endif
ifneq ($(wildcard /usr/include/ns3/point-to-point-dumbbell.h),)
NS3_PEER_TCP = $B/bench/peer_ns3_tcp
bench-bins: $(NS3_PEER_TCP)
$(NS3_PEER_TCP): $B/tests/bench/peer_ns3_tcp.o $B/tests/bench/bench.o
	@mkdir -p $(@D)
	@echo "LINK $@"
	@$(CXX) $(SANFLAGS) -o $@ $^ $$(pkg-config --libs ns3-point-to-point-layout ns3-applications ns3-internet ns3-traffic-control)
endif

asan:
	$(MAKE) B=build/asan OPT='-O1' SANFLAGS='-fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer' test

lint:
	@scripts/lint

bench: all
	@scripts/bench

C_FILES = $(shell git ls-files '*.c' '*.h' '*.cpp')
format:
	clang-format -i $(C_FILES)
format-check:
	@[ -n "$(C_FILES)" ] || { echo "format-check: git lists no files here: nothing was checked"; exit 2; }
	@clang-format --dry-run --Werror $(C_FILES)

install: all
	install -D -m755 $B/psim $(DESTDIR)$(PREFIX)/bin/psim
	install -D -m755 $(BRIDGE) $(DESTDIR)$(PREFIX)/lib/psim/$(notdir $(BRIDGE))
	install -m755 $B/psim-live $(DESTDIR)$(PREFIX)/lib/psim/psim-live
	cp -R $B/ns3 $(DESTDIR)$(PREFIX)/lib/psim/ && rm -f $(DESTDIR)$(PREFIX)/lib/psim/ns3/ns3.c
	install -d $(DESTDIR)$(PREFIX)/share/psim
	cp -R configs results/reference $(DESTDIR)$(PREFIX)/share/psim/
	install -D -m644 README.md $(DESTDIR)$(PREFIX)/share/doc/psim/README.md
	cp -R docs $(DESTDIR)$(PREFIX)/share/doc/psim/

clean:
	rm -rf build

-include $(patsubst %.o,%.d,$(call objs,$(ALL_SRC) sim/bridge.cpp) $(TEST_OBJS) $(BENCH_OBJS) \
           $(patsubst $B/bench/%,$B/tests/bench/%.o,$(BENCH_BINS) $(NS3_PEER) $(NS3_PEER_TCP)))

print-tests:
	@echo $(TEST_BINS)

print-sources:
	@echo $(ALL_SRC) sim/bridge.cpp
