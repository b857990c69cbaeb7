/* SPDX-License-Identifier: Apache-2.0 */
#ifndef UE_UE_SDP_H
#define UE_UE_SDP_H

#include "proto/sdp_msrp.h"

/* The descriptions a UE writes, and what it looks for in its peer's: one chat session. */

struct ue_sdp {
	const char *host; /* numeric */
	bool v6;
	uint16_t port;
	const char *path;
	uint64_t id, version;
	enum sdp_setup setup;
	enum sdp_dir dir;
	const char *key_mgmt;    /* value of a=key-mgmt; NULL: none */
	bool keys;               /* sealed bodies and keys are understood */
	bool frames;             /* and those of a key server's frames */
	const char *fingerprint; /* of our certificate, "sha-256 ..."; NULL: TCP without TLS */
};
/* Transport of a line over TLS with this fingerprint, or plain when it is NULL. */
void ue_sdp_transport(struct sdp_media *m, const char *fingerprint);
/* What the peer's line pins; false: it is not over TLS. */
bool ue_sdp_pins(const struct sdp_media *m, struct fingerprint_list *pins_r);
/* It takes frames of a key server: where its peer is one. */
bool ue_sdp_takes_frames(const struct sdp_media *m);
void ue_sdp_write(const struct ue_sdp *of, struct bytes *out);
/* The chat line of the peer's description; -1 when there is none we can use. */
int ue_sdp_chat_line(const struct sdp_session *sdp);

#endif
