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
};
void ue_sdp_write(const struct ue_sdp *of, struct bytes *out);
/* The chat line of the peer's description; -1 when there is none we can use. */
int ue_sdp_chat_line(const struct sdp_session *sdp);

#endif
