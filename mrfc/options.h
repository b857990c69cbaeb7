/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MRFC_OPTIONS_H
#define MRFC_OPTIONS_H

#include "common/config.h"

/* Settings of the MRFC; the table in options.c says unit, range and default of each. */
enum options_profile { OPTIONS_PROFILE_IMS, OPTIONS_PROFILE_RFC };
enum options_end {
	OPTIONS_END_PROFILE,
	OPTIONS_END_LAST_LEAVES,
	OPTIONS_END_CREATOR_LEAVES,
	OPTIONS_END_MIN_PARTICIPANTS,
	OPTIONS_END_MAX_IDLE
};
enum options_stop { OPTIONS_STOP_KEEP, OPTIONS_STOP_END };
enum options_leave { OPTIONS_LEAVE_BYE, OPTIONS_LEAVE_REASON };
enum options_membership { OPTIONS_MEMBERSHIP_SESSION, OPTIONS_MEMBERSHIP_DURABLE };
enum options_offline { OPTIONS_OFFLINE_PROFILE, OPTIONS_OFFLINE_ON, OPTIONS_OFFLINE_OFF };
enum options_mode { OPTIONS_MODE_OPEN, OPTIONS_MODE_CLOSED };
enum options_setup { OPTIONS_SETUP_PASSIVE, OPTIONS_SETUP_ACTIVE };
enum options_transport { OPTIONS_TRANSPORT_TCP, OPTIONS_TRANSPORT_TLS };
enum options_verify { OPTIONS_VERIFY_FINGERPRINT, OPTIONS_VERIFY_EITHER };
enum options_anchor { OPTIONS_ANCHOR_PROFILE, OPTIONS_ANCHOR_SESSMATCH, OPTIONS_ANCHOR_RFC4975 };
enum options_cema { OPTIONS_CEMA_ACCEPT_IF_ACTIVE, OPTIONS_CEMA_REJECT };
enum options_anonymous { OPTIONS_ANONYMOUS_ALLOW, OPTIONS_ANONYMOUS_REFUSE };
enum options_assert { OPTIONS_ASSERT_ALL, OPTIONS_ASSERT_TRUSTED };
enum options_reveal { OPTIONS_REVEAL_NOBODY, OPTIONS_REVEAL_MODERATORS };

/* Two words each: bool in earlier releases. */
enum options_e2e { OPTIONS_E2E_OFF, OPTIONS_E2E_REQUIRED, OPTIONS_E2E_FALSE, OPTIONS_E2E_TRUE };
enum options_stale { OPTIONS_STALE_DROP, OPTIONS_STALE_KEEP };
enum options_require_tls {
	OPTIONS_REQUIRE_TLS_OFF,
	OPTIONS_REQUIRE_TLS_HOP,
	OPTIONS_REQUIRE_TLS_ACCESS_OR_HOP
};
enum options_groupkey {
	OPTIONS_GROUPKEY_LOCAL,
	OPTIONS_GROUPKEY_EXTERNAL,
	OPTIONS_GROUPKEY_MEMBER
};
enum options_suite { OPTIONS_SUITE_B, OPTIONS_SUITE_A };

enum options_sync { OPTIONS_SYNC_FULL, OPTIONS_SYNC_NORMAL };

struct options {
	char *domain;
	int profile; /* enum options_profile */
	char *sip_address;
	int64_t sip_port, sip_tls_port;
	char *tls_certificate, *tls_key, *tls_ca;
	int tls_verify; /* 0: none, 1: required */
	char *sip_contact, *sip_trusted, *sip_trusted_names, *sip_outbound_proxy;
	char *sip_realm;
	bool digest_md5;
	int authenticate;   /* 0: initial, 1: all */
	int64_t nonce_life; /* ms */
	int64_t auth_attempts;
	int64_t sip_idle_timeout; /* ms */
	int64_t max_rate, max_lag, max_pending;
	int64_t hop_timeout, probe_interval; /* ms */
	char *icsi, *iari, *asserted, *psi;
	int64_t session_expires, session_min_se;
	char *factory, *aliases, *wrapped_types, *reserved_nicknames;
	bool create_on_join, nicknames, refuse_lookalikes, private_messages, echo;
	int e2e;          /* enum options_e2e; options_sealed() */
	int stale_member; /* enum options_stale */
	bool fingerprint_requires_sips;
	bool tls_psk;
	int require_tls;     /* enum options_require_tls */
	int groupkey_server; /* enum options_groupkey */
	int groupkey_suite;  /* enum options_suite */
	int64_t groupkey_skew, groupkey_confirm_timeout, groupkey_max_age,
		groupkey_max_messages; /* ms */
	char *groupkey_name, *groupkey_store_key;
	char *groupkey_connect, *groupkey_tls_certificate, *groupkey_tls_key, *groupkey_pins;
	int conference_end; /* enum options_end */
	int stop;           /* enum options_stop */
	int leave;          /* enum options_leave */
	int membership;     /* enum options_membership */
	int mode;           /* enum options_mode */
	bool reinvite;
	int offline; /* enum options_offline */
	int64_t queue_messages, queue_octets, queue_expires;
	int64_t reinvite_interval, max_idle; /* ms */
	int owner_leaves;                    /* 0: nothing more, 1: transfer */
	int64_t lifetime;                    /* ms */
	int64_t max_redirects;
	int invite, remove; /* enum access_who */
	bool referrer_token;
	int watchers; /* enum access_watchers */
	char *operators, *text_full, *text_closed, *text_locked, *text_barred;
	int64_t max_users;
	int anonymous;       /* enum options_anonymous */
	int identity_assert; /* enum options_assert */
	bool identity_gruu;
	int identity_reveal; /* enum options_reveal */
	bool administrator;
	char *charging_ioi;
	bool charging_create;
	int anchor;          /* enum options_anchor */
	int media_setup;     /* enum options_setup */
	int media_transport; /* enum options_transport */
	int msrp_tls_verify; /* enum options_verify */
	bool cema;
	int cema_mismatch; /* enum options_cema */
	bool strict;
	int64_t lost_grace;
	int64_t max_message, max_file, file_hold;
	int64_t dialout_waiting, max_per_user;
	int64_t dialout_rate, list_max_entries, list_max_octets;
	bool dialout_members, list_require_tag, list_expand_refused;
	char *list_service, *list_consent;
	int64_t event_burst, event_min_interval, event_expires;
	int64_t event_roster_limit, event_subscribe_rate, event_max_per_user;
	char *admin_address;
	int64_t admin_port;
	char *admin_token_file;
	char *mp_socket, *mp_address, *mp_tls_certificate, *mp_tls_key, *mp_pins, *mp_users;
	int64_t mp_port, mp_max_load, mp_move_rate;
	char *store_path, *cdr_path;
	int store_sync; /* enum options_sync */
	int64_t store_max_size;
	int log_level; /* enum log_level */
};

/* The service settings, "profile" replaced by what it means. */
const char *options_icsi(const struct options *o);
const char *options_asserted(const struct options *o);
/* conference.e2e, whichever of its words was used. */
bool options_sealed(const struct options *o);

extern const struct config_opt options_table[];
extern const size_t options_table_len;

/*
 * What the table cannot say: addresses are numeric, lists are networks, URIs are URIs, an open admin
 * port has a token, which can be read, times fit each other. -ERR_CONFIG with one sentence that names the setting in why.
 */
MUST_CHECK int options_check(const struct options *o, char *why, size_t why_size);
/* A line for each setting that was given a value and is of another groupkey.server than the one chosen. */
void options_log_idle(const struct options *o);

#endif
