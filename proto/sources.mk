# SPDX-License-Identifier: Apache-2.0
PROTO_SRC := $(wildcard \
	proto/chars.c \
	proto/confinfo.c \
	proto/confinfo_parse.c \
	proto/cpim.c \
	proto/cpim_build.c \
	proto/ctl_codec.c \
	proto/ctl_frame.c \
	proto/ctl_msgs.c \
	proto/msrp_build.c \
	proto/msrp_head.c \
	proto/msrp_parse.c \
	proto/media_type.c \
	proto/msrp_uri.c \
	proto/reslist.c \
	proto/sdp_build.c \
	proto/sdp_msrp.c \
	proto/sip_uri.c \
	proto/xml.c)
SOFIA_SRC += $(wildcard proto/sdp_msrp.c)
UNIT_TESTS += $(patsubst tests/unit/test_%.c,%,$(wildcard $(addprefix tests/unit/test_,\
	chars.c msrp_parse.c msrp_limits.c msrp_build.c msrp_uri.c cpim.c cpim_build.c media_type.c sip_uri.c msrp_head.c sdp_msrp.c sdp_build.c confinfo.c reslist.c ctl_frame.c ctl_codec.c ctl_msgs.c)))
