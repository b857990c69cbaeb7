/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MRFP_TERMINAL_H
#define MRFP_TERMINAL_H

#include "common/fingerprint.h"
#include "mrfp/session.h"

/* The fields of Add and Modify that concern a termination, checked first and then applied. */
struct terminal_change {
	bool has_uris, has_path, has_setup, has_connect, has_match, has_caps, has_types,
		has_wrapped, has_max_size, has_direction, has_nickname, has_transport, has_family,
		has_pins;
	bool new_local, by_name, has_psk;
	struct slice psk_identity, psk;
	struct ctl_list uris;
	struct slice path, connect, types, wrapped, nickname;
	uint8_t transport, family, setup, match, caps, direction;
	struct ctl_list fingerprints;
	struct fingerprint_list pins; /* of those texts, once checked */
	uint64_t max_size;
};

/*
 * CTL_R_OK and the change, or the result to refuse with and *why_r (static text). Views of the
 * message live on in the change. ctx may be NULL when the Add makes it.
 */
int terminal_check_add(struct plane *plane, struct context *ctx, const struct ctl_add *m,
		       struct terminal_change *ch_r, const char **why_r);
int terminal_check_modify(struct plane *plane, struct session *s, const struct ctl_modify *m,
			  struct terminal_change *ch_r, const char **why_r);
/*
 * Make it so: a changed path or a new local URI ends the bound connection's session without a
 * Notify; then the session waits or connects as its setup says.
 */
void terminal_apply(struct session *s, const struct terminal_change *ch, bool fresh);

#endif
