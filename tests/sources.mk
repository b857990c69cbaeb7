# SPDX-License-Identifier: Apache-2.0
# Programs of the test tree that are not unit tests: fuzz targets, bench drivers.
$(O)/tests/e2e/ctl_frames: $(O)/tests/e2e/ctl_frames.o $(O)/libproto.a $(O)/libcommon.a
	$(call say,LD,$@)
	$(Q)$(CC) $(ALL_LDFLAGS) -o $@ $^ $(PKG_LIBS)
e2e: $(O)/tests/e2e/ctl_frames

# Fuzz targets, tests/fuzz/fuzz_NAME.c: with libFuzzer in the variant `fuzz`, with a plain main over
# the corpus in the others.
FUZZ_TARGETS := cms cms_signed confinfo cpim ctl ece gke_body imdn key_mgmt ks_frame mikey msrp msrp_uri multipart reslist sdp sip_uri ws
FUZZ_TIME    ?= 60
FUZZ_BIN     := $(FUZZ_TARGETS:%=$(O)/tests/fuzz/fuzz_%)
REPLAY_BIN   := $(FUZZ_TARGETS:%=$(O)/tests/fuzz/replay_%)
$(FUZZ_BIN): %: %.o $(O)/libproto.a $(O)/libcommon.a
	$(call say,LD,$@)
	$(Q)$(CC) -fsanitize=fuzzer $(ALL_LDFLAGS) -o $@ $^ $(SOFIA_LIBS) $(PKG_LIBS)
$(REPLAY_BIN): $(O)/tests/fuzz/replay_%: $(O)/tests/fuzz/fuzz_%.o $(O)/tests/fuzz/replay.o $(O)/libproto.a $(O)/libcommon.a
	$(call say,LD,$@)
	$(Q)$(CC) $(ALL_LDFLAGS) -o $@ $^ $(SOFIA_LIBS) $(PKG_LIBS)
.SECONDARY: $(FUZZ_BIN:%=%.o) $(O)/tests/fuzz/replay.o
fuzz-replay: $(REPLAY_BIN)
	$(Q)tests/run_fuzz_replay $(REPLAY_BIN)
fuzz:
	+$(Q)$(MAKE) --no-print-directory VARIANT=fuzz CC=clang fuzz-run
# New inputs and findings go below build/; the committed corpus is only read.
fuzz-run: $(FUZZ_TARGETS:%=fuzz-run-%)
$(FUZZ_TARGETS:%=fuzz-run-%): fuzz-run-%: $(O)/tests/fuzz/fuzz_%
	$(Q)mkdir -p $(O)/corpus/$*
	$(Q)$< -max_total_time=$(FUZZ_TIME) -timeout=10 -print_final_stats=1 -dict=tests/fuzz/fuzz_$*.dict \
		-artifact_prefix=$(O)/corpus/$*- $(O)/corpus/$* tests/fuzz/corpus/$*
.PHONY: fuzz fuzz-replay fuzz-run $(FUZZ_TARGETS:%=fuzz-run-%)

# Bench: the load client, the limit server, a player of the MRFC; tests/bench/run.py puts them together.
BENCH_BIN := $(addprefix $(O)/tests/bench/,fanload limit)
$(O)/tests/bench/fanload: $(addprefix $(O)/tests/bench/,latency.o load.o load_seal.o load_tls.o mix.o usage.o) $(O)/libproto.a $(O)/libcommon.a
$(BENCH_BIN): $(O)/tests/bench/%: $(O)/tests/bench/%.o
	$(call say,LD,$@)
	$(Q)$(CC) $(ALL_LDFLAGS) -o $@ $^ $(PKG_LIBS)
$(O)/tests/bench/drive: $(O)/tests/bench/drive.o $(O)/libproto.a $(O)/libcommon.a
	$(call say,LD,$@)
	$(Q)$(CC) $(ALL_LDFLAGS) -o $@ $^ $(PKG_LIBS)
# The SIP stack alone, what tests/bench/calls.py compares the MRFC with.
$(O)/tests/bench/nta_uas.o: PKG_CFLAGS += $(SOFIA_CFLAGS)
$(O)/tests/bench/nta_uas: $(O)/tests/bench/nta_uas.o
	$(call say,LD,$@)
	$(Q)$(CC) $(ALL_LDFLAGS) -o $@ $^ $(SOFIA_LIBS)
