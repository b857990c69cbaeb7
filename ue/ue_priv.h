/* SPDX-License-Identifier: Apache-2.0 */
#ifndef UE_UE_PRIV_H
#define UE_UE_PRIV_H

/* Shared by ue.c (the call), ue_media.c (descriptions), ue_say.c (messages) and ue_push.c (files) only. */

#include <sys/queue.h>

#include "common/clock.h"
#include "common/resolve.h"
#include "common/tls.h"
#include "ue/ue.h"
#include "ue/ue_names.h"
#include "ue/ue_seal.h"
#include "ue/ue_sip.h"

struct event;

struct ue {
	struct event_base *base;
	const struct ue_ops *ops;
	void *arg;
	char *as, *display;
	char *calling; /* whom we call; NULL: it is us who are called */
	bool passive, subscribe, insist_tls, insist_seal;
	struct ue_sip *sip;
	struct ue_call *call;
	struct tls *tls;
	struct ue_msrp *msrp;
	struct ue_files *files;
	LIST_HEAD(, ue_pushing) pushing; /* hashed before they go */
	struct resolver *resolver;
	struct ue_roster roster;
	struct ue_names names;
	struct ue_signals *signals;
	struct ue_seal *seal;           /* NULL: no key of ours */
	struct ue_keyserver *keyserver; /* NULL: we are nobody's */
	struct event *ev_age, *ev_late; /* of it */
	int64_t n_key_members;          /* of the epoch that is told next; -1: not ours */
	uint64_t sdp_id, sdp_version;
	bool secure; /* the session is over TLS */
	bool up, joined, leaving, failed;
	bool tried, again;       /* our offer was made anew; is to be */
	const char *refused_why; /* static; NULL: not known */
	unsigned chatroom;       /* of the peer's SDP */
	uint64_t max_size;       /* of the peer's SDP; 0: none */
	struct event *ev_grace;  /* runs while the session is lost */
};

/* ue.c: set-up failed, or the session did not come back. */
void ue_fail(struct ue *ue, int code, const char *text);
/* A leaver's BYE waits until everything queued is answered. */
void ue_leave_when_sent(struct ue *ue);

/* ue_push.c */
/* Is a file being pushed, or about to be? */
bool ue_is_pushing(const struct ue *ue);
void ue_push_forget(struct ue *ue); /* without a word */

/* ue_media.c */
/* Our offer. */
void ue_media_offer(struct ue *ue, struct bytes *out);
/* The answer to it. */
void ue_media_answered(struct ue *ue, struct slice text);
/* Our offer was refused with this: is a new one to be made? *why_r: NULL, or a sentence. */
bool ue_media_refused(struct ue *ue, struct slice text, const char **why_r);
/* Answer an offer; false: it has no chat line for us. */
bool ue_media_answer(struct ue *ue, struct slice offer, struct bytes *out);

/* ue_serve.c: we are the key server of the conference */
/* -ERR_*: of its files. */
MUST_CHECK int ue_serve_open(struct ue *ue, const struct ue_keyserver_config *config);
void ue_serve_close(struct ue *ue);
/* Does the peer's line ask that of us? From then on it is sealed by us. */
bool ue_serve_agreed(struct ue *ue, const struct sdp_media *m);
void ue_serve_take(struct slice body, void *ue);
/* Frames of ours were answered. */
void ue_serve_sent(struct ue *ue, int status, const char *reason);
/* The session or the call is over. */
void ue_serve_gone(struct ue *ue, const char *why);

/* ue_say.c */
/* From, To and DateTime of a message of ours; to NULL: to the conference. */
void ue_cpim_to(const struct ue *ue, const char *to, char when[CLOCK_RFC3339_SIZE],
		struct cpim_fields *f);
extern const struct ue_signals_ops ue_signal_ops;
extern const struct ue_seal_ops ue_sealed_ops;
void ue_take_message(const struct ue_message *m, void *ue);
void ue_take_key(struct slice mikey, void *ue);
bool ue_take_growing(const char *id, const struct ue_source *here, void *ue);
void ue_take_gone(const char *id, void *ue);

#endif
