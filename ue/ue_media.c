/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a UE agrees on with the focus in offers and answers: the MSRP session, TLS for it, the
 * group's key. What was agreed once is never given up in a later exchange.
 */
#include <stdlib.h>

#include "ue/ue_priv.h"
#include "ue/ue_sdp.h"

static void write_sdp(struct ue *ue, enum sdp_setup setup, enum sdp_dir dir, const char *key_mgmt,
		      struct bytes *out)
{
	char host[ADDR_STRLEN];

	ue_msrp_secure(ue->msrp, ue->secure);
	ue_sdp_write(&(struct ue_sdp){.host = addr_host(ue_sip_addr(ue->sip), host),
				      .v6 = addr_is_v6(ue_sip_addr(ue->sip)),
				      .port = ue_msrp_port(ue->msrp),
				      .path = ue_msrp_path(ue->msrp),
				      .id = ue->sdp_id,
				      .version = ++ue->sdp_version,
				      .setup = setup,
				      .dir = dir,
				      .key_mgmt = key_mgmt,
				      .keys = ue->seal != NULL,
				      .frames = ue->keyserver != NULL,
				      .fingerprint = ue->secure ? tls_fingerprint(ue->tls) : NULL},
		     out);
}

void ue_media_offer(struct ue *ue, struct bytes *out)
{
	char *key_mgmt = ue->seal ? ue_seal_offer(ue->seal) : NULL;

	write_sdp(ue, SDP_SETUP_ACTPASS, SDP_SENDRECV, key_mgmt, out);
	free(key_mgmt);
}

/* The media is agreed: start it. */
static void start_media(struct ue *ue, const struct sdp_media *m, bool active)
{
	struct fingerprint_list pins;
	bool tls = ue_sdp_pins(m, &pins);

	if (tls != ue->secure) {
		ue_fail(ue, 0, "the answer is not of the transport that was offered");
		return;
	}
	ue->chatroom = m->has_chatroom ? m->chatroom : 0;
	ue->max_size = m->max_size;
	ue_msrp_limit(ue->msrp, m->max_size);
	ue_files_secure(ue->files, tls);
	if (ue_seal_on(ue->seal))
		ue_files_seal(ue->files, ue->seal);
	ue_msrp_leg(ue->msrp, ue_seal_leg(ue->seal));
	if (ue_msrp_start(ue->msrp, m->path, active, tls ? &pins : NULL) < 0)
		ue_fail(ue, 0, "the MSRP session cannot be opened");
}

/* Does the answer seal the conference as it should? */
static bool answer_seals(struct ue *ue, const struct sdp_media *m)
{
	const char *why = NULL;
	int rc = 0;

	if (ue->seal) {
		ue_seal_room(ue->seal, ue->names.conference);
		rc = ue_serve_agreed(ue, m) ? 1 : ue_seal_answered(ue->seal, m, &why);
	}
	if (rc < 0)
		ue_fail(ue, 0, why);
	else if (rc == 0 && ue->insist_seal)
		ue_fail(ue, 0, "the conference is not sealed");
	return rc == 1 || (rc == 0 && !ue->insist_seal);
}

void ue_media_answered(struct ue *ue, struct slice text)
{
	struct sdp_session sdp;
	int line;

	if (sdp_parse_msrp(text, false, &sdp) < 0) {
		ue_fail(ue, 0, "the answer has no usable description");
		return;
	}
	line = ue_sdp_chat_line(&sdp);
	if (line < 0)
		ue_fail(ue, 0, "the answer accepts no chat session");
	else if (answer_seals(ue, &sdp.media[line]))
		/* no setup in the answer: the offerer is active (RFC 4975 5.4) */
		start_media(ue, &sdp.media[line], sdp.media[line].setup != SDP_SETUP_ACTIVE);
	sdp_fini(&sdp);
}

bool ue_media_refused(struct ue *ue, struct slice text, const char **why_r)
{
	struct sdp_session sdp;
	int again = 0;

	*why_r = NULL;
	if (!ue->seal || sdp_parse_msrp(text, false, &sdp) < 0)
		return false;
	for (size_t i = 0; i < sdp.n_media && again == 0; i++)
		if (sdp.media[i].is_message && sdp.media[i].n_key_mgmt > 0)
			again = ue_seal_refused(ue->seal, &sdp.media[i], why_r);
	sdp_fini(&sdp);
	return again == 1;
}

/* Is the offered line as we insist on; *value_r (the caller frees): what confirms its key. */
static bool accept_seal(struct ue *ue, const struct sdp_media *m, char **value_r)
{
	const char *why = NULL;
	int rc = 0;

	*value_r = NULL;
	if (ue->seal) {
		ue_seal_room(ue->seal, ue->names.conference);
		rc = ue_serve_agreed(ue, m) || ue_seal_owned(ue->seal)
			     ? 1
			     : ue_seal_offered(ue->seal, m, value_r, &why);
	}
	return rc == 1 || (rc == 0 && !ue->insist_seal && !ue_seal_on(ue->seal));
}

static bool accept_tls(const struct ue *ue, const struct sdp_media *m)
{
	return !ue->insist_tls || m->transport == SDP_TCP_TLS_MSRP;
}

static void answer_line(struct ue *ue, const struct sdp_media *m, const char *key_mgmt,
			struct bytes *out)
{
	enum sdp_setup setup = SDP_SETUP_PASSIVE;

	if (m->setup == SDP_SETUP_PASSIVE || (m->setup == SDP_SETUP_ACTPASS && !ue->passive))
		setup = SDP_SETUP_ACTIVE;
	ue->secure = m->transport == SDP_TCP_TLS_MSRP;
	write_sdp(ue, setup, sdp_dir_answer(m->dir, SDP_SENDRECV), key_mgmt, out);
	start_media(ue, m, setup == SDP_SETUP_ACTIVE);
}

bool ue_media_answer(struct ue *ue, struct slice offer, struct bytes *out)
{
	struct sdp_session sdp;
	char *key_mgmt = NULL;
	bool ok;
	int line;

	if (sdp_parse_msrp(offer, false, &sdp) < 0)
		return false;
	line = ue_sdp_chat_line(&sdp);
	ok = line >= 0 && accept_tls(ue, &sdp.media[line]) &&
	     accept_seal(ue, &sdp.media[line], &key_mgmt);
	if (ok)
		answer_line(ue, &sdp.media[line], key_mgmt, out);
	free(key_mgmt);
	sdp_fini(&sdp);
	return ok;
}
