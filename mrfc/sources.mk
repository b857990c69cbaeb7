# SPDX-License-Identifier: Apache-2.0
MRFC_SRC := \
	mrfc/admin/api.c \
	mrfc/admin/api_json.c \
	mrfc/admin/api_key.c \
	mrfc/admin/api_page.c \
	mrfc/admin/api_user.c \
	mrfc/admin/api_policy.c \
	mrfc/admin/api_stored.c \
	mrfc/conference/access.c \
	mrfc/conference/bars.c \
	mrfc/conference/conference.c \
	mrfc/conference/event_heap.c \
	mrfc/conference/event_rate.c \
	mrfc/conference/event_pkg.c \
	mrfc/conference/identity.c \
	mrfc/conference/members.c \
	mrfc/conference/nickname.c \
	mrfc/conference/attempts.c \
	mrfc/conference/credential.c \
	mrfc/conference/privacy.c \
	mrfc/conference/psi.c \
	mrfc/conference/rekey.c \
	mrfc/conference/roster.c \
	mrfc/conference/roster_doc.c \
	mrfc/conference/roster_nick.c \
	mrfc/conference/service.c \
	mrfc/conference/trust.c \
	mrfc/conference/unwind.c \
	mrfc/conference/users.c \
	mrfc/conference/urilist.c \
	mrfc/consent_file.c \
	mrfc/focus/focus.c \
	mrfc/focus/focus_access.c \
	mrfc/focus/focus_auth.c \
	mrfc/focus/focus_charging.c \
	mrfc/focus/focus_core.c \
	mrfc/focus/focus_control.c \
	mrfc/focus/focus_dialout.c \
	mrfc/focus/focus_drain.c \
	mrfc/focus/focus_events.c \
	mrfc/focus/focus_file.c \
	mrfc/focus/focus_file_dialog.c \
	mrfc/focus/focus_file_leg.c \
	mrfc/focus/focus_file_line.c \
	mrfc/focus/focus_file_sdp.c \
	mrfc/focus/focus_index.c \
	mrfc/focus/focus_join.c \
	mrfc/focus/focus_key.c \
	mrfc/focus/focus_key_gate.c \
	mrfc/focus/focus_key_join.c \
	mrfc/focus/focus_key_judge.c \
	mrfc/focus/focus_key_leg.c \
	mrfc/focus/focus_key_member.c \
	mrfc/focus/focus_key_owner.c \
	mrfc/focus/focus_key_send.c \
	mrfc/focus/focus_leave.c \
	mrfc/focus/focus_list.c \
	mrfc/focus/focus_list_body.c \
	mrfc/focus/focus_list_refuse.c \
	mrfc/focus/focus_media.c \
	mrfc/focus/focus_member.c \
	mrfc/focus/focus_owed.c \
	mrfc/focus/focus_owed_away.c \
	mrfc/focus/focus_owed_entering.c \
	mrfc/focus/focus_owed_give.c \
	mrfc/focus/focus_privacy.c \
	mrfc/focus/focus_record.c \
	mrfc/focus/focus_recover.c \
	mrfc/focus/focus_refer.c \
	mrfc/focus/focus_reinvite.c \
	mrfc/focus/focus_replace.c \
	mrfc/focus/focus_reserve.c \
	mrfc/focus/focus_room.c \
	mrfc/focus/focus_sdp.c \
	mrfc/focus/focus_tls.c \
	mrfc/focus/focus_token.c \
	mrfc/focus/focus_turn.c \
	mrfc/focus/focus_user.c \
	mrfc/groupkey/allow.c \
	mrfc/groupkey/external.c \
	mrfc/groupkey/key_rows.c \
	mrfc/groupkey/ks_relay.c \
	mrfc/groupkey/ks_service.c \
	mrfc/groupkey/ks_stream.c \
	mrfc/groupkey/local.c \
	mrfc/groupkey/member_keys.c \
	mrfc/groupkey/member_server.c \
	mrfc/groupkey/t_memory.c \
	mrfc/groupkey/vault.c \
	mrfc/mp/media.c \
	mrfc/mp/mrfp_link.c \
	mrfc/mp/mrfp_link_loop.c \
	mrfc/mp/mrfp_link_wire.c \
	mrfc/mp/mrfp_pool.c \
	mrfc/mp/mrfp_pool_audit.c \
	mrfc/mp/mrfp_pool_ctx.c \
	mrfc/mp/mrfp_pool_door.c \
	mrfc/mp/mrfp_pool_info.c \
	mrfc/mp/mrfp_pool_place.c \
	mrfc/mp/mrfp_pool_trust.c \
	mrfc/options.c \
	mrfc/options_check.c \
	mrfc/server.c \
	mrfc/server_keys.c \
	mrfc/sip/charging.c \
	mrfc/sip/dialog.c \
	mrfc/sip/dialog_named.c \
	mrfc/sip/dialog_early.c \
	mrfc/sip/dialog_out.c \
	mrfc/sip/dialog_record.c \
	mrfc/sip/dialog_revive.c \
	mrfc/sip/dialog_state.c \
	mrfc/sip/hop_table.c \
	mrfc/sip/overload.c \
	mrfc/sip/session_timer.c \
	mrfc/sip/sip.c \
	mrfc/sip/sip_event.c \
	mrfc/sip/sip_in.c \
	mrfc/sip/sip_leg.c \
	mrfc/sip/sip_out.c \
	mrfc/sip/sip_result.c \
	mrfc/sip/sip_tls.c \
	mrfc/sip/sip_way.c \
	mrfc/sip/sip_probe.c \
	mrfc/sip/sip_read.c \
	mrfc/sip/sip_ref.c \
	mrfc/sip/sip_record.c \
	mrfc/state/conf_record.c \
	mrfc/state/conf_store.c \
	mrfc/state/conf_store_load.c \
	mrfc/state/conf_store_owed.c \
	mrfc/state/record.c \
	mrfc/stats.c \
	mrfc/timer.c
MRFKS_SRC := mrfc/ks/main.c mrfc/ks/options.c mrfc/ks/server.c
SOFIA_SRC += mrfc/sip/sip.c mrfc/sip/sip_in.c mrfc/sip/sip_leg.c mrfc/sip/sip_out.c mrfc/sip/sip_read.c
SOFIA_SRC += mrfc/sip/sip_probe.c mrfc/sip/sip_result.c mrfc/sip/sip_tls.c mrfc/sip/sip_way.c
MRFCTL_SRC := mrfc/admin/mrfctl.c mrfc/admin/mrfctl_print.c mrfc/admin/mrfctl_room.c mrfc/admin/mrfctl_status.c mrfc/admin/mrfctl_user.c mrfc/admin/mrfctl_key.c
UNIT_TESTS += access api bars conf_store conference dialog_state event_crowd event_heap event_pkg event_rate focus_file_sdp focus_sdp \
	identity media members mrfp_link mrfp_pool mrfp_pool_audit mrfp_pool_place nickname record roster session_timer sip_ref unwind
UNIT_TESTS += api_policy roster_absent
UNIT_TESTS += urilist
UNIT_TESTS += hop_table overload psi service
UNIT_TESTS += groupkey member_keys member_server
UNIT_TESTS += attempts charging credential privacy roster_doc trust users
UNIT_TESTS += rekey
