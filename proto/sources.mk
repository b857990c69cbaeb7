# SPDX-License-Identifier: Apache-2.0
PROTO_SRC := \
	proto/base64.c \
	proto/chars.c \
	proto/cms.c \
	proto/cms_gcm.c \
	proto/cms_signed.c \
	proto/cms_signed_cert.c \
	proto/confinfo.c \
	proto/confinfo_parse.c \
	proto/cpim.c \
	proto/cpim_build.c \
	proto/ctl_codec.c \
	proto/ctl_frame.c \
	proto/ctl_msgs.c \
	proto/der.c \
	proto/ece.c \
	proto/gke.c \
	proto/gke_body.c \
	proto/imdn.c \
	proto/imdn_scan.c \
	proto/iscomposing.c \
	proto/key_mgmt.c \
	proto/ks/keyserver.c \
	proto/ks/keyserver_judge.c \
	proto/ks/keyserver_leg.c \
	proto/ks/ks_frame.c \
	proto/ks/ks_serve.c \
	proto/lookalike.c \
	proto/mikey.c \
	proto/mikey_build.c \
	proto/mikey_crypt.c \
	proto/mikey_open.c \
	proto/msrp_build.c \
	proto/msrp_head.c \
	proto/msrp_parse.c \
	proto/media_type.c \
	proto/msrp_uri.c \
	proto/multipart.c \
	proto/precis.c \
	proto/reslist.c \
	proto/sdp_build.c \
	proto/sdp_file.c \
	proto/sdp_msrp.c \
	proto/sdp_qos.c \
	proto/sip_uri.c \
	proto/ws.c \
	proto/ws_hello.c \
	proto/xml.c
SOFIA_SRC += proto/sdp_msrp.c
UNIT_TESTS += chars msrp_parse msrp_limits msrp_build msrp_uri cpim cpim_build media_type sip_uri \
	msrp_head sdp_msrp sdp_build sdp_file confinfo reslist ctl_frame ctl_codec ctl_msgs \
	imdn iscomposing multipart ws ws_hello
UNIT_TESTS += precis
UNIT_TESTS += sdp_qos
UNIT_TESTS += base64 gke key_mgmt mikey mikey_open mikey_types mikey_vectors mikey_wipe
UNIT_TESTS += cms cms_shape cms_openssl cms_signed der ece gke_body
UNIT_TESTS += keyserver keyserver_judge keyserver_leg ks_frame ks_serve
