# SPDX-License-Identifier: Apache-2.0
MRFC_SRC := \
	mrfc/access.c \
	mrfc/api.c \
	mrfc/api_json.c \
	mrfc/api_page.c \
	mrfc/conf_store.c \
	mrfc/conference.c \
	mrfc/dialog.c \
	mrfc/dialog_out.c \
	mrfc/dialog_state.c \
	mrfc/event_heap.c \
	mrfc/event_pkg.c \
	mrfc/focus.c \
	mrfc/focus_dialout.c \
	mrfc/focus_events.c \
	mrfc/focus_file.c \
	mrfc/focus_file_leg.c \
	mrfc/focus_file_line.c \
	mrfc/focus_file_sdp.c \
	mrfc/focus_join.c \
	mrfc/focus_leave.c \
	mrfc/focus_media.c \
	mrfc/focus_refer.c \
	mrfc/focus_reinvite.c \
	mrfc/focus_room.c \
	mrfc/focus_sdp.c \
	mrfc/identity.c \
	mrfc/media.c \
	mrfc/mrfp_link.c \
	mrfc/mrfp_link_loop.c \
	mrfc/mrfp_link_wire.c \
	mrfc/mrfp_pool.c \
	mrfc/mrfp_pool_audit.c \
	mrfc/mrfp_pool_ctx.c \
	mrfc/mrfp_pool_info.c \
	mrfc/mrfp_pool_trust.c \
	mrfc/nickname.c \
	mrfc/options.c \
	mrfc/roster.c \
	mrfc/roster_doc.c \
	mrfc/roster_nick.c \
	mrfc/server.c \
	mrfc/session_timer.c \
	mrfc/sip.c \
	mrfc/sip_event.c \
	mrfc/sip_in.c \
	mrfc/sip_leg.c \
	mrfc/sip_out.c \
	mrfc/sip_read.c \
	mrfc/stats.c \
	mrfc/timer.c \
	mrfc/unwind.c
SOFIA_SRC += mrfc/sip.c mrfc/sip_in.c mrfc/sip_leg.c mrfc/sip_out.c mrfc/sip_read.c
MRFCTL_SRC := mrfc/mrfctl.c mrfc/mrfctl_print.c
UNIT_TESTS += access api conf_store conference dialog_state event_heap event_pkg focus_file_sdp focus_sdp \
	identity media mrfp_link mrfp_pool nickname roster session_timer unwind
