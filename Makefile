# SPDX-License-Identifier: Apache-2.0
# One makefile for everything; each folder lists its files in sources.mk.
# `make help` lists the targets. VARIANT=release|debug|asan|tsan, CC=gcc|clang, V=1 shows commands.

VARIANT ?= release
BUILD   ?= build
PREFIX  ?= /usr/local
sysconfdir ?= $(if $(filter /usr,$(PREFIX)),/etc,$(PREFIX)/etc)
O       := $(BUILD)/$(VARIANT)
ifeq ($(origin CC),default)
CC      := gcc
endif
PYTHON  ?= /usr/bin/python3
Q       := $(if $(V),,@)
say      = $(if $(V),,@printf '  %-6s %s\n' $(1) $(2))

PKGS := libevent libevent_openssl openssl libconfig jansson libxml-2.0 libsystemd liburing sqlite3
CPPFLAGS += -I. -D_GNU_SOURCE -DMRF_VERSION='"$(shell sed -n '1s/.*(\(.*\)).*/\1/p' debian/changelog 2>/dev/null || echo 0)"'
WARN     := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wconversion -Wvla -Wformat=2 -Werror
CFLAGS_release := -O2 -g -fno-omit-frame-pointer -D_FORTIFY_SOURCE=2 -fstack-protector-strong
CFLAGS_debug   := -O0 -g
CFLAGS_asan    := -O1 -g -fno-omit-frame-pointer -fsanitize=address,undefined -fno-sanitize-recover=undefined
CFLAGS_tsan    := -O1 -g -fno-omit-frame-pointer -fsanitize=thread
CFLAGS_fuzz    := -O1 -g -fno-omit-frame-pointer -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=undefined
LDFLAGS_asan   := -fsanitize=address,undefined
LDFLAGS_tsan   := -fsanitize=thread
LDFLAGS_fuzz   := -fsanitize=address,undefined
# Hidden: a library that has a function of the same name (tls_free) would call ours.
ALL_CFLAGS  = -std=c11 -fvisibility=hidden $(WARN) $(CFLAGS_$(VARIANT)) $(PKG_CFLAGS) $(CFLAGS)
ALL_LDFLAGS = $(LDFLAGS_$(VARIANT)) $(LDFLAGS)
PKG_CFLAGS := $(patsubst -I%,-isystem %,$(shell pkg-config --cflags $(PKGS) 2>/dev/null))
PKG_LIBS   := $(shell pkg-config --libs $(PKGS) 2>/dev/null) -lunistring -lpthread
SOFIA_CFLAGS := $(patsubst -I%,-isystem %,$(shell pkg-config --cflags sofia-sip-ua 2>/dev/null)) -Wno-conversion -Wno-sign-conversion
SOFIA_LIBS   := $(shell pkg-config --libs sofia-sip-ua 2>/dev/null)

MAKEFLAGS += --no-builtin-rules
all:
include common/sources.mk proto/sources.mk mrfp/sources.mk mrfc/sources.mk ue/sources.mk tests/sources.mk

# Objects of programs and libraries; apart, as mrfc and mrfp are names of folders and of programs.
obj = $(patsubst %.c,$(O)/obj/%.o,$(1))
LIBS := $(O)/libue.a $(O)/libmrfc.a $(O)/libmrfp.a $(O)/libproto.a $(O)/libcommon.a
BASE := $(O)/libproto.a $(O)/libcommon.a

$(O)/libcommon.a: $(call obj,$(COMMON_SRC))
$(O)/libproto.a:  $(call obj,$(PROTO_SRC))
$(O)/libmrfp.a:   $(call obj,$(MRFP_SRC))
$(O)/libmrfc.a:   $(call obj,$(MRFC_SRC))
$(O)/libue.a:     $(call obj,$(UE_SRC))
$(O)/mrfp:   $(O)/obj/mrfp/main.o $(O)/libmrfp.a $(BASE)
$(O)/mrfc:   $(O)/obj/mrfc/main.o $(O)/libmrfc.a $(BASE)
$(O)/mrfctl: $(call obj,$(MRFCTL_SRC)) $(BASE)
$(O)/mrfue:  $(call obj,$(MRFUE_SRC)) $(O)/libue.a $(BASE)
$(O)/mrfks:  $(call obj,$(MRFKS_SRC)) $(O)/libmrfc.a $(BASE)
PROGRAMS := mrfp mrfc mrfctl mrfks mrfue
all: $(PROGRAMS:%=$(O)/%)

$(call obj,$(SOFIA_SRC)): PKG_CFLAGS += $(SOFIA_CFLAGS)

define compile
	@mkdir -p $(@D)
	$(call say,CC,$<)
	$(Q)$(CC) $(CPPFLAGS) $(ALL_CFLAGS) -MMD -MP -c -o $@ $<
endef
$(O)/obj/%.o: %.c
	$(compile)
$(O)/tests/%.o: tests/%.c
	$(compile)
$(O)/lib%.a:
	@mkdir -p $(@D)
	$(call say,AR,$@)
	$(Q)rm -f $@ && $(AR) rcs $@ $^
$(PROGRAMS:%=$(O)/%):
	@[ ! -d $@ ] || rm -rf $@
	$(call say,LD,$@)
	$(Q)$(CC) $(ALL_LDFLAGS) -o $@ $^ $(SOFIA_LIBS) $(PKG_LIBS)

# Unit tests: one program per tests/unit/test_NAME.c; each folder's sources.mk adds to UNIT_TESTS.
UNIT_BIN := $(UNIT_TESTS:%=$(O)/tests/unit/test_%)
$(UNIT_BIN): %: %.o $(LIBS)
	$(call say,LD,$@)
	$(Q)$(CC) $(ALL_LDFLAGS) -o $@ $^ $(SOFIA_LIBS) $(PKG_LIBS) -lcmocka
.SECONDARY: $(UNIT_BIN:%=%.o)
unit: $(UNIT_BIN)
	$(Q)tests/run_unit $(UNIT_BIN)

# What the sanitizers do on a finding: stop the program, so that a test cannot overlook it.
export ASAN_OPTIONS  := detect_leaks=1:abort_on_error=1:strict_string_checks=1:detect_stack_use_after_return=1
export UBSAN_OPTIONS := print_stacktrace=1:halt_on_error=1:abort_on_error=1
export TSAN_OPTIONS  := halt_on_error=1:second_deadlock_stack=1
export MRF_BUILD     := $(abspath $(O))
JOBS ?= $(shell nproc)
# Targets that install what is missing read this file again afterwards, as pkg-config knows more then.
AGAIN := $(MAKE) --no-print-directory -j$(JOBS) VARIANT=$(VARIANT)

deps:
	$(Q)debian/install-deps
demo: deps
	$(Q)$(AGAIN) all
	$(Q)$(PYTHON) tests/demo/demo.py $(O)
check: deps
	+$(Q)tests/run_check lint unit fuzz-replay e2e
test:
	+$(Q)tests/run_check unit fuzz-replay e2e
e2e: all
	$(Q)$(PYTHON) tests/run_e2e $(PYTEST_ARGS)
run: all
	$(Q)tests/run_servers $(O)
bench: all $(BENCH_BIN) $(O)/tests/bench/drive
	$(Q)$(PYTHON) tests/bench/run.py --build $(O) $(BENCH_ARGS)
bench-calls: all $(O)/tests/bench/nta_uas
	$(Q)$(PYTHON) tests/bench/calls.py --build $(O) $(BENCH_ARGS)
# The option tables, printed by programs over the tables that the servers read.
PRINTERS := $(patsubst %/options.c,$(O)/tests/lint/print_options_%,$(wildcard mrfc/options.c mrfp/options.c))
$(PRINTERS): $(O)/tests/lint/print_options_%: $(O)/tests/lint/print_options.o $(O)/lib%.a $(BASE)
	$(call say,LD,$@)
	$(Q)$(CC) $(ALL_LDFLAGS) -o $@ $^ $(SOFIA_LIBS) $(PKG_LIBS)
# mrfks has no library of its own.
$(O)/tests/lint/print_options_mrfks: $(O)/tests/lint/print_options.o $(O)/obj/mrfc/ks/options.o $(O)/libmrfc.a $(BASE)
	$(call say,LD,$@)
	$(Q)$(CC) $(ALL_LDFLAGS) -o $@ $^ $(SOFIA_LIBS) $(PKG_LIBS)
PRINTERS += $(O)/tests/lint/print_options_mrfks
lint: $(PRINTERS)
	$(Q)$(PYTHON) tests/lint/lint.py
docs: all $(PRINTERS)
	$(Q)$(PYTHON) proto/ctl_docs.py
	$(Q)$(PYTHON) tests/lint/docs.py --write $(O)
analyze: deps
	$(Q)printf '%s\n' $(COMMON_SRC) $(PROTO_SRC) $(MRFP_SRC) $(MRFC_SRC) $(UE_SRC) | xargs -P$(JOBS) -n1 clang --analyze \
		--analyzer-output text -std=c11 $(CPPFLAGS) $(PKG_CFLAGS) $(SOFIA_CFLAGS)
format:
	$(Q)git ls-files '*.c' '*.h' | xargs clang-format -i

DESTDIR ?=
inst = install -D -m $(1) $(2) $(DESTDIR)$(3)
MAN  := docs/man/mrfctl.1 docs/man/mrfue.1 docs/man/mrfc.8 docs/man/mrfks.8 docs/man/mrfp.8
install: all
	$(Q)$(call inst,755,$(O)/mrfc,$(PREFIX)/sbin/mrfc)
	$(Q)$(call inst,755,$(O)/mrfp,$(PREFIX)/sbin/mrfp)
	$(Q)$(call inst,755,$(O)/mrfks,$(PREFIX)/sbin/mrfks)
	$(Q)$(call inst,755,$(O)/mrfctl,$(PREFIX)/bin/mrfctl)
	$(Q)$(call inst,755,$(O)/mrfue,$(PREFIX)/bin/mrfue)
	$(Q)for f in mrfc.conf mrfp.conf; do \
		sed '/^store/,/^}/s|path = ""; *#.*|path = "/var/lib/mrf/mrfc.db";|;s|build/run/|/run/mrf/|' conf/$$f | $(call inst,644,/dev/stdin,$(sysconfdir)/mrf/$$f) || exit 1; done
	$(Q)sed '/^store/,/^}/s|path = ""; *#.*|path = "/var/lib/mrfks/mrfks.db";|;s|build/run/|/run/mrfks/|' conf/mrfks.conf | \
		$(call inst,644,/dev/stdin,$(sysconfdir)/mrf/mrfks.conf)
	$(Q)for f in mrfc.service mrfks.service mrfp@.service; do \
		sed 's|@sbindir@|$(PREFIX)/sbin|;s|@sysconfdir@|$(sysconfdir)|' conf/$$f | \
		$(call inst,644,/dev/stdin,$(PREFIX)/lib/systemd/system/$$f) || exit 1; done
	$(Q)for f in $(MAN); do $(call inst,644,$$f,$(PREFIX)/share/man/man$${f##*.}/$${f##*/}) || exit 1; done
	$(Q)for f in CHANGELOG.md LICENSE docs/*.md docs/*.tsv docs/*.lua conf/examples/*.* conf/examples/*/*; do \
		$(call inst,644,$$f,$(PREFIX)/share/doc/mrf/$${f#docs/}) || exit 1; done
	$(Q)sed 's|docs/man/||g;s|docs/||g' README.md | $(call inst,644,/dev/stdin,$(PREFIX)/share/doc/mrf/README.md)

clean:
	rm -rf $(BUILD)

help:
	@sed -n 's/^# make /make /p' Makefile
# make            all programs, in build/release/ (build/VARIANT/)
# make demo       set up, build, hold one conference and check it
# make check      set up, build, run every test; the last line is "N passed, N failed"
# make run        both servers on conf/, until ^C
# make deps       install what debian/control names and this machine lacks
# make test       unit tests, fuzz corpus replay, black-box tests
# make unit e2e   one of them (PYTEST_ARGS="-k name", MRF_SHARDS=1 for a single pytest)
# make fuzz       every fuzzer for FUZZ_TIME seconds (60)
# make lint       format, layers, headers, doors, forbidden calls, stale documents
# make analyze    clang's static analyzer, for reading: lists and hashes of macros give it false alarms
# make format     apply clang-format
# make docs       write the generated documents anew
# make bench      load runs, print their tables (BENCH_ARGS=--quick)
# make bench-calls  what a call costs the MRFC, against the SIP stack alone
# make install    PREFIX=/usr/local DESTDIR= sysconfdir=PREFIX/etc
# make clean      remove build/

.PHONY: all unit deps demo check test e2e run lint docs analyze format bench bench-calls install clean help
-include $(shell find $(O) -name '*.d' 2>/dev/null)
