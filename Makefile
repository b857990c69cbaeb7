# SPDX-License-Identifier: Apache-2.0
# One makefile for everything; each folder lists its files in sources.mk.
# Targets: all demo check run deps test unit e2e fuzz lint format bench install clean. VARIANT=release|debug|asan|tsan, V=1 for commands.

VARIANT ?= release
BUILD   ?= build
PREFIX  ?= /usr/local
O       := $(BUILD)/$(VARIANT)
CC      ?= gcc
PYTHON  ?= /usr/bin/python3
Q       := $(if $(V),,@)
say      = $(if $(V),,@printf '  %-6s %s\n' $(1) $(2))

PKGS := libevent libevent_openssl openssl libconfig jansson libxml-2.0 libsystemd
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
ALL_CFLAGS  = -std=c11 $(WARN) $(CFLAGS_$(VARIANT)) $(PKG_CFLAGS) $(CFLAGS)
ALL_LDFLAGS = $(LDFLAGS_$(VARIANT)) $(LDFLAGS)
PKG_CFLAGS := $(patsubst -I%,-isystem %,$(shell pkg-config --cflags $(PKGS) 2>/dev/null))
PKG_LIBS   := $(shell pkg-config --libs $(PKGS) 2>/dev/null) -lpthread
SOFIA_CFLAGS := $(patsubst -I%,-isystem %,$(shell pkg-config --cflags sofia-sip-ua 2>/dev/null)) -Wno-conversion -Wno-sign-conversion
SOFIA_LIBS   := $(shell pkg-config --libs sofia-sip-ua 2>/dev/null)

all:
include common/sources.mk proto/sources.mk mrfp/sources.mk mrfc/sources.mk ue/sources.mk tests/sources.mk

obj = $(patsubst %.c,$(O)/%.o,$(1))
LIBS := $(O)/libue.a $(O)/libmrfc.a $(O)/libmrfp.a $(O)/libproto.a $(O)/libcommon.a
BASE := $(O)/libproto.a $(O)/libcommon.a

$(O)/libcommon.a: $(call obj,$(COMMON_SRC))
$(O)/libproto.a:  $(call obj,$(PROTO_SRC))
$(O)/libmrfp.a:   $(call obj,$(MRFP_SRC))
$(O)/libmrfc.a:   $(call obj,$(MRFC_SRC))
$(O)/libue.a:     $(call obj,$(UE_SRC))
$(O)/mrfp:   $(O)/mrfp/main.o $(O)/libmrfp.a $(BASE)
$(O)/mrfc:   $(O)/mrfc/main.o $(O)/libmrfc.a $(BASE)
$(O)/mrfctl: $(call obj,$(MRFCTL_SRC)) $(BASE)
$(O)/mrfue:  $(call obj,$(MRFUE_SRC)) $(O)/libue.a $(BASE)
PROGRAMS := mrfp mrfc mrfctl mrfue
all: $(PROGRAMS:%=$(O)/%)

$(call obj,$(SOFIA_SRC)): PKG_CFLAGS += $(SOFIA_CFLAGS)

$(O)/%.o: %.c
	@mkdir -p $(@D)
	$(call say,CC,$<)
	$(Q)$(CC) $(CPPFLAGS) $(ALL_CFLAGS) -MMD -MP -c -o $@ $<
$(O)/lib%.a:
	@mkdir -p $(@D)
	$(call say,AR,$@)
	$(Q)rm -f $@ && $(AR) rcs $@ $^
$(PROGRAMS:%=$(O)/%):
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

clean:
	rm -rf $(BUILD)

.PHONY: all unit clean
-include $(shell find $(O) -name '*.d' 2>/dev/null)
