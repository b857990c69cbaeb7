/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MRFP_OPTIONS_H
#define MRFP_OPTIONS_H

#include "common/config.h"

enum options_io { IO_AUTO, IO_URING, IO_WRITEV };

/* What happens when a slow leg has nearly filled its context's logs. */
enum options_slow { SLOW_PAUSE, SLOW_CUT };

/* Who an MSRP peer over TLS must be. */
enum options_verify { TLS_VERIFY_FINGERPRINT, TLS_VERIFY_CA, TLS_VERIFY_EITHER };

/* Settings of the MRFP; the table in options.c says unit, range and default of each. */
struct options {
	char *msrp_address, *msrp_advertise;
	int64_t msrp_port, msrp_tls_port;
	int64_t wss_port, ws_port, ws_ping_ms;
	char *wss_advertise, *ws_address, *ws_origins;
	int64_t max_size, send_buffer, relay_chunk;
	char *tls_certificate, *tls_key, *tls_ca;
	int tls_verify; /* enum options_verify */
	int msrp_io;    /* enum options_io */
	int64_t gather_us;
	char *connect_allow, *trusted_media;
	int64_t bind_timeout_ms, header_timeout_ms, message_timeout_ms, response_timeout_ms;
	int64_t verdict_timeout_ms, connect_timeout_ms;
	int64_t tcp_timeout_ms, keepalive_ms, session_idle_ms;
	int64_t max_connections, max_unbound, max_per_address;
	int64_t max_sessions, max_open_messages;
	int64_t log_bytes, high_water, chat_water, private_bytes, grace_ms, stall_ms;
	int slow; /* enum options_slow */
	bool dumps;
	int64_t memory, drain_ms, mp_max_terminations;
	int64_t imdn_pass_limit, imdn_window_ms;
	int64_t message_rate, trusted_message_rate, octet_rate, nickname_rate, probe_limit,
		probe_ban_ms;
	int64_t composing_limit, composing_interval_ms, composing_rate;
	int64_t tls_overlap_ms;
	char *mp_socket, *mp_connect, *mp_id, *mp_tls_certificate, *mp_tls_key, *mp_pins;
	int64_t mp_keepalive_ms, mp_events, mp_event_bytes;
	int64_t keep_bytes, keep_wait_ms, keep_hold_ms;
	char *admin_address;
	int64_t admin_port;
	char *admin_token_file;
	int log_level; /* enum log_level */
};

extern const struct config_opt options_table[];
extern const size_t options_table_len;

/*
 * What the table cannot say: addresses are numeric, lists are networks, an open admin port has a
 * token that can be read, limits fit each other. -ERR_CONFIG with one sentence that names the setting.
 */
MUST_CHECK int options_check(const struct options *o, struct config_error *error_r);

/* Marks that the limits leave no room for move below them. */
void options_fit(struct options *o);

#endif
