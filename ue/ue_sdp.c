/* SPDX-License-Identifier: Apache-2.0 */
/* Session descriptions of user equipment: RFC 4975 section 8, 6135, 7701. Pure. */
#include "ue/ue_sdp.h"

#include "proto/ks/ks_frame.h"
#include "proto/media_type.h"
#include "proto/mikey.h"

#define MAX_SIZE (256ull << 20)

void ue_sdp_transport(struct sdp_media *m, const char *fingerprint)
{
	m->transport = fingerprint ? SDP_TCP_TLS_MSRP : SDP_TCP_MSRP;
	m->proto = (char *)(uintptr_t)(fingerprint ? "TCP/TLS/MSRP" : "TCP/MSRP");
	m->n_fingerprints = fingerprint ? 1 : 0;
	m->fingerprints[0] = (char *)(uintptr_t)fingerprint;
}

bool ue_sdp_pins(const struct sdp_media *m, struct fingerprint_list *pins_r)
{
	struct fingerprint_list pins = {.n = 0};

	if (m->transport != SDP_TCP_TLS_MSRP)
		return false;
	for (size_t i = 0; i < m->n_fingerprints; i++)
		if (fingerprint_list_add(&pins, slice_str(m->fingerprints[i])) < 0)
			break; /* sdp_chat_problem() has told */
	*pins_r = pins;
	return true;
}

bool ue_sdp_takes_frames(const struct sdp_media *m)
{
	struct slice rest = slice_str(m->accept_types), one;

	while (slice_next(&rest, ' ', &one))
		if (slice_ieq_str(media_type_base(one), KS_BODY_TYPE))
			return true;
	return false; /* not by "*" either: nobody says that by chance */
}

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
	ue_sdp_transport(m, of->fingerprint);
	m->formats = (char *)"*";
	m->port = of->port;
	m->host = (char *)of->host;
	m->host_is_v6 = of->v6;
	m->path = (char *)of->path;
	m->accept_types =
		(char *)(uintptr_t)(of->frames ? "message/cpim " MIKEY_TYPE " " KS_BODY_TYPE
				    : of->keys ? "message/cpim " MIKEY_TYPE
					       : "message/cpim");
	m->accept_wrapped_types =
		(char *)(uintptr_t)(of->keys ? "* multipart/mixed application/pkcs7-mime"
					     : "* multipart/mixed");
	m->n_key_mgmt = of->key_mgmt ? 1 : 0;
	m->key_mgmt[0] = (char *)(uintptr_t)of->key_mgmt;
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
		    sdp_chat_problem(&sdp->media[i], false, &why) == 0)
			return (int)i;
	return -1;
}
