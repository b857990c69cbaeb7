/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MRFC_SIP_DIALOG_PRIV_H
#define MRFC_SIP_DIALOG_PRIV_H

#include <sys/queue.h>

#include "common/bytes.h"
#include "mrfc/sip/dialog.h"
#include "mrfc/sip/sip.h"
#include "mrfc/timer.h"

#define DIALOG_OVER 256
struct dialog_set {
	struct event_base *base;
	struct sip_agent *agent;
	struct dialog_settings settings;
	const struct dialog_ops *ops;
	LIST_HEAD(, dialog) all;
	size_t n;
	uint64_t over[DIALOG_OVER]; /* marks of those that ended lately; a ring */
	uint64_t n_over;            /* ever */
};

struct dialog {
	LIST_ENTRY(dialog) link;
	struct dialog_set *set;
	enum dialog_state state;
	struct sip_usage usage;
	char *name;
	char *call_id;
	char *remote_contact;
	bool incoming;
	void *arg;
	bool closed;           /* by its owner: only the last words are left */
	struct sip_in *invite; /* INVITE or re-INVITE of the peer until its ACK */
	struct sip_in *update; /* UPDATE with an offer that waits for our answer */
	struct sip_in *bye;
	bool change_waits;        /* the owner has a change to answer */
	struct bytes explanation; /* of a refusal */
	bool we_offer;            /* the 2xx carries our offer, the ACK the answer */
	bool wait_prack;
	struct bytes held; /* answer that waits for the PRACK */
	bool holding;
	struct sip_out *out; /* our INVITE, re-INVITE or UPDATE in progress */
	bool out_is_offer;   /* it carries an offer of ours */
	bool out_is_refresh;
	struct bytes local; /* our last description: refresh by re-INVITE repeats it */
	struct bytes next_offer;
	struct bytes early;        /* answer to our INVITE that came before the 2xx */
	struct sip_out *early_out; /* our UPDATE in an early dialog */
	bool progressed;           /* our answer went in a 183 */
	struct timer *reserve_timer;
	bool offer_waits;
	bool peer_updates; /* lists UPDATE in Allow */
	int busy;          /* callbacks running: free later */
	bool doomed;
	struct session_timer session;
	uint32_t min_se_s;    /* the largest that a 422 told us; 0: none did */
	unsigned n_too_small; /* 422 in a row */
	bool session_ending;  /* the timer that runs is the end, not the refresh */
	uint64_t confirmed_wall_ms;
	uint64_t expires_wall_ms; /* when the session is over; 0: never */
	struct timer *ack_timer;  /* revived without an ACK: its time to show life; NULL */
	struct timer *session_timer;
	struct timer *retry_timer;
	int bye_cause; /* BYE that waits for the ACK */
	char *bye_text;
};

struct dialog *dialog_new(struct dialog_set *set, const char *name, void *arg);
/* Move; false (and a log line) when the event cannot happen in this state. */
bool dialog_event(struct dialog *d, enum dialog_event event);
void dialog_release(struct dialog *d); /* frees, at once or when the running callback is over */
void dialog_enter(struct dialog *d);
void dialog_leave(struct dialog *d);
void dialog_send_bye(struct dialog *d, int cause, const char *text);
/* Remember that there was such a session. */
void dialog_note_over(struct dialog *d);
/* Contact of the focus for this dialog, as a heap string. */
char *dialog_contact(const struct dialog *d);
void dialog_session_start(struct dialog *d);
/* The timer runs on with what is left until expires_wall_ms. */
void dialog_session_resume(struct dialog *d);
void dialog_tell_changed(struct dialog *d);
/* The ACK of our first 2xx is in, or as good as in. */
void dialog_confirm(struct dialog *d, struct slice sdp);
/* There will be none. */
void dialog_no_ack(struct dialog *d);
/* 200 with the description that holds, to a request that was seen already. */
void dialog_answer_again(struct dialog *d, struct sip_in *in_take);
void dialog_request(struct sip_in *in_take, void *arg);
/* Something of ours may be due now that a transaction is over. */
void dialog_continue(struct dialog *d);
void dialog_tell_ended(struct dialog *d, enum dialog_end how, int status, const char *phrase);
/* Half of the session is over: refresh by UPDATE, or by a re-INVITE. */
void dialog_refresh(struct dialog *d);
void dialog_common_headers(const struct dialog *d, struct bytes *h);
/* 200 to an INVITE, UPDATE or PRACK with an offer. */
void dialog_send_ok(struct dialog *d, struct sip_in *in, struct slice sdp);
/* A reliable provisional answer to the INVITE that waits. */
void dialog_ring(struct dialog *d, int status, struct slice sdp);
/* May this offer come now, before our 2xx? */
bool dialog_takes_early(const struct dialog *d, const struct sip_in *in);
void dialog_keep_early(struct dialog *d, struct slice sdp);

#endif
