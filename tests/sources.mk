# Programs of the test tree that are not unit tests: fuzz targets, bench drivers.
$(O)/tests/e2e/ctl_frames: $(O)/tests/e2e/ctl_frames.o $(O)/libproto.a $(O)/libcommon.a
	$(call say,LD,$@)
	$(Q)$(CC) $(ALL_LDFLAGS) -o $@ $^ $(PKG_LIBS)
e2e: $(O)/tests/e2e/ctl_frames
