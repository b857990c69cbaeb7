/* SPDX-License-Identifier: Apache-2.0 */
/* Session descriptions of user equipment: RFC 4975 section 8, 6135, 7701. Pure. */
#include "ue/ue_sdp.h"

#define MAX_SIZE (256ull << 20)

void ue_sdp_write(const struct ue_sdp *of, struct bytes *out)
{
	struct sdp_media line = {0}, *m = &line;
	struct sdp_session sdp = {.media = m, .n_media = 1};

	sdp.origin_user = (char *)"-";
	sdp.origin_id = of->id;
	sdp.origin_version = of->version;
	sdp.origin_host = (char *)of->host;
	sdp.origin_v6 = of->v6;
	m->type = (char *)"message";
	m->is_message = true;
	m->transport = SDP_TCP_MSRP;
	m->proto = (char *)"TCP/MSRP";
	m->formats = (char *)"*";
	m->port = of->port;
	m->host = (char *)of->host;
	m->host_is_v6 = of->v6;
	m->path = (char *)of->path;
	m->accept_types = (char *)"message/cpim";
	m->accept_wrapped_types = (char *)"* multipart/mixed";
	m->max_size = MAX_SIZE;
	m->setup = of->setup;
	m->dir = of->dir;
	m->has_chatroom = true;
	m->chatroom = SDP_CHATROOM_NICKNAME | SDP_CHATROOM_PRIVATE;
	sdp_build(out, &sdp);
}

int ue_sdp_chat_line(const struct sdp_session *sdp)
{
	size_t i;
	const char *why;

	for (i = 0; i < sdp->n_media; i++)
		if (sdp->media[i].is_message && sdp->media[i].port != 0 &&
		    sdp_chat_problem(&sdp->media[i], &why) == 0)
			return (int)i;
	return -1;
}
