/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Ways into a sealed conference: what a peer's description must say (RFC 4567, and that it takes
 * sealed bodies and keys), and the wait for the key that our description carries, also that of a new
 * place after a restart. A session never loses what it came in with: a change without a key is refused.
 */
#include <stdlib.h>

#include "common/log.h"
#include "common/mem.h"
#include "mrfc/focus/focus_dialout.h"
#include "mrfc/focus/focus_join.h"
#include "mrfc/focus/focus_key_owner.h"
#include "mrfc/focus/focus_leave.h"
#include "mrfc/focus/focus_priv.h"
#include "mrfc/focus/focus_reinvite.h"
#include "mrfc/groupkey/member_server.h"
#include "proto/key_mgmt.h"
#include "proto/media_type.h"
#include "proto/mikey.h"

#define LOG_PLACE "focus/key"

#define WARN_NOT_UNDERSTOOD 306 /* RFC 3261 20.43 */
#define WARN_OTHER          399
#define PROOF_MS            2000
#define KEYING_MS           10000 /* far more than the windows of rekey.h */
#define MOVING_MS           20000 /* the key server starts, the owner's terminal is back; mrfue waits 30 s */
#define SEALED_TYPE         "application/pkcs7-mime"

static int no(struct focus_sdp_why *why_r, int warning, const char *text)
{
	*why_r = (struct focus_sdp_why){warning, text};
	return 488;
}

static const struct sdp_media *line_of(const struct focus_sdp_peer *p)
{
	return &p->sdp.media[p->chat];
}

static bool takes(const char *list, const char *type)
{
	return list != NULL && media_type_listed(slice_str(list), slice_str(type));
}

bool key_takes(const struct focus_sdp_peer *p, const char *type)
{
	return takes(line_of(p)->accept_types, type);
}

/* NULL, or which type its chat line lacks: for sealed bodies, and for keys too. */
static const char *lacks_sealed(const struct sdp_media *m)
{
	if (!takes(m->accept_types, SEALED_TYPE) && m->accept_wrapped_types != NULL &&
	    !takes(m->accept_wrapped_types, SEALED_TYPE))
		return "a=accept-wrapped-types lacks " SEALED_TYPE;
	return NULL;
}

static const char *lacks_type(const struct sdp_media *m)
{
	return takes(m->accept_types, MIKEY_TYPE) ? lacks_sealed(m)
						  : "a=accept-types lacks " MIKEY_TYPE;
}

/* The line, refused, with a message of the key management's own (RFC 3264 9, RFC 4567 4.1.2). */
static void describe_error(const struct sdp_media *theirs, struct slice message, struct bytes *sdp)
{
	struct bytes value = BYTES_INIT;
	struct sdp_media line = {
		.type = theirs->type, .proto = theirs->proto, .formats = theirs->formats};
	struct sdp_session s = {.origin_user = (char *)(uintptr_t) "-",
				.origin_host = (char *)(uintptr_t) "0.0.0.0",
				.media = &line,
				.n_media = 1};

	key_mgmt_build(message, &value);
	line.key_mgmt[0] = value.data;
	line.n_key_mgmt = 1;
	bytes_reset(sdp);
	sdp_build(sdp, &s);
	bytes_fini(&value);
}

/* Algorithms that are not spoken here: what is, for anybody who asks, as no key proves who he is. */
static void name_suite(const struct sdp_media *line, const struct mikey *m, enum mikey_error error,
		       enum gke_suite suite, struct bytes *sdp)
{
	struct bytes out = BYTES_INIT;
	struct mikey as = *m;

	if (sdp == NULL || as.t == 0) /* too little of it was read */
		return;
	as.suite = suite;
	mikey_build_error(&as, error, &out);
	describe_error(line, bytes_slice(&out), sdp);
	bytes_fini(&out);
}

/*
 * The MIKEY message of a line, whose form and list of protocols are right. 0, or 488; sdp (NULL: not
 * wanted) tells then which suite would be.
 */
static int read_line(const struct sdp_media *line, enum gke_suite suite, struct bytes *message_r,
		     struct mikey *m_r, struct focus_sdp_why *why_r, struct bytes *sdp)
{
	struct bytes ids = BYTES_INIT;
	int found = key_mgmt_read(line->key_mgmt, line->n_key_mgmt, message_r, &ids);
	enum mikey_error error = MIKEY_ERR_UNSPECIFIED;
	int status = 0, err = 0;

	if (found == 0)
		status = no(why_r, WARN_OTHER,
			    "The conference is end-to-end protected: a=key-mgmt is needed");
	else if (found < 0)
		status = no(why_r, WARN_NOT_UNDERSTOOD,
			    found == -ERR_UNSUPPORTED ? "a=key-mgmt without mikey"
						      : "a=key-mgmt is malformed");
	else if ((err = mikey_parse(bytes_slice(message_r), m_r, &error)) != 0)
		status = no(why_r, WARN_NOT_UNDERSTOOD,
			    "a=key-mgmt has no MIKEY message of the kind that is used here");
	else if ((line->n_key_mgmt > 1 || m_r->sdp_ids.len > 0) &&
		 !slice_eq(m_r->sdp_ids, bytes_slice(&ids)))
		status = no(why_r, WARN_OTHER, "a=key-mgmt lists others than its message");
	if (err == -ERR_UNSUPPORTED)
		name_suite(line, m_r, error, suite, sdp);
	bytes_fini(&ids);
	return status;
}

static int read_request(const struct sdp_media *line, enum gke_suite suite, struct bytes *message_r,
			struct mikey *m_r, struct focus_sdp_why *why_r, struct bytes *sdp)
{
	int status = read_line(line, suite, message_r, m_r, why_r, sdp);

	if (status != 0)
		return status;
	if (m_r->data_type != MIKEY_PSK_INIT || m_r->kemac.len != 0 || m_r->idrpsk.len == 0 ||
	    memchr(m_r->idrpsk.ptr, '\0', m_r->idrpsk.len) != NULL) /* no key has such a name */
		return no(why_r, WARN_OTHER, "a=key-mgmt is no key request");
	return 0;
}

/* The owner whose terminal makes the keys: it needs none, but must take what it is asked. */
static int judge_maker(const struct focus_sdp_peer *p, const char *lack,
		       struct focus_sdp_why *why_r)
{
	if (lack == NULL && p != NULL)
		lack = lacks_sealed(line_of(p));
	return lack != NULL ? no(why_r, WARN_OTHER, lack) : 0;
}

int key_judge_second(const struct room *room, const struct identity *who, const char *contact,
		     const struct session *replaced, struct focus_sdp_why *why_r)
{
	if (room->key == NULL || !owner_mode(room->focus) ||
	    !owner_is_elsewhere(room, who, contact, replaced))
		return 0;
	member_server_probe(room->focus->config.keys, room->c->uri);
	return no(why_r, WARN_OTHER,
		  "You are here with another terminal, which makes the keys: leave there first, or "
		  "wait 10 s if it is dead");
}

int key_judge_offer(const struct room *room, const struct identity *who,
		    const struct focus_sdp_peer *p, struct focus_sdp_why *why_r, struct bytes *sdp)
{
	const struct groupkey *g = room->focus->config.keys;
	struct bytes message = BYTES_INIT;
	struct mikey m;
	const char *lack;
	int status;

	if (room->key == NULL)
		return 0;
	if (owner_would_serve(room, who, p, &lack))
		return judge_maker(p, lack, why_r);
	if (!room->key->opened || !g->ops->ready(g, room->c->uri)) {
		*why_r = (struct focus_sdp_why){
			WARN_OTHER,
			owner_mode(room->focus)
				? "no key server: the conference's owner is not connected"
				: "no key server"};
		return 503;
	}
	if (p == NULL)
		return 0;
	status = read_request(line_of(p), room->focus->config.key_suite, &message, &m, why_r, sdp);
	bytes_fini(&message);
	if (status != 0)
		return status;
	lack = lacks_type(line_of(p));
	return lack != NULL ? no(why_r, WARN_OTHER, lack) : 0;
}

/* The same value again is no news (RFC 3264 8). */
static bool same_lines(const struct sdp_media *a, const struct sdp_media *b)
{
	if (a->n_key_mgmt != b->n_key_mgmt)
		return false;
	for (size_t i = 0; i < a->n_key_mgmt; i++) {
		if (strcmp(a->key_mgmt[i], b->key_mgmt[i]) != 0)
			return false;
	}
	return true;
}

static void on_wait_over(void *arg);

static void wait_for(struct session *s, uint64_t ms)
{
	if (s->key->wait_timer == NULL)
		s->key->wait_timer = timer_new(s->room->focus->base, on_wait_over, s);
	timer_start(s->key->wait_timer, ms);
}

/*
 * A new request in a change is judged before it is answered, and refused when it is not good (RFC 4567
 * 4.1.2). While no key server is there it is answered with the key that is known. What confirms a
 * key may be late, and is no reason to refuse.
 */
static int judge_lines(struct session *s, const struct mikey *m, struct focus_sdp_why *why_r,
		       bool *wait_r)
{
	int err = 0;

	if (m->data_type == MIKEY_PSK_VERIFY || wait_r == NULL) {
		if (key_pass_on(s, m->raw) != 0)
			log_debug("%s: a key message of %s is dropped", s->room->c->name,
				  s->who.uri);
		return 0;
	}
	if (m->data_type != MIKEY_PSK_INIT || m->kemac.len != 0)
		return no(why_r, WARN_OTHER, "a=key-mgmt is no key request");
	err = key_renew(s, m->raw);
	if (err == -ERR_EXISTS) {
		*why_r = (struct focus_sdp_why){WARN_OTHER, "another terminal's key is judged"};
		return 491;
	}
	*wait_r = err == 0;
	if (err == 0)
		wait_for(s, PROOF_MS);
	return 0;
}

int key_judge_change(struct session *s, const struct focus_sdp_peer *p, struct focus_sdp_why *why_r,
		     bool *wait_r)
{
	struct bytes message = BYTES_INIT, sdp = BYTES_INIT;
	const char *lack;
	struct mikey m;
	int status;

	if (wait_r != NULL)
		*wait_r = false;
	if (s->key == NULL)
		return 0;
	*why_r = (struct focus_sdp_why){0};
	if (owner_is_maker(s))
		return judge_maker(p, owner_lacks(p), why_r);
	status = read_line(line_of(p), s->room->focus->config.key_suite, &message, &m, why_r, &sdp);
	if (status == 0 && (lack = lacks_type(line_of(p))) != NULL)
		status = no(why_r, WARN_OTHER, lack);
	if (status == 0 && s->has_peer && !same_lines(line_of(p), line_of(&s->peer)))
		status = judge_lines(s, &m, why_r, wait_r);
	if (sdp.len > 0)
		dialog_explain(s->dialog, bytes_slice(&sdp));
	bytes_fini(&message);
	bytes_fini(&sdp);
	return status;
}

void key_judged(struct session *s, int err, const char *why)
{
	timer_stop(s->key->wait_timer);
	if (err == -ERR_LIMIT) /* genuine: the key that he has been sent is as good */
		err = 0;
	reinvite_judged(s, err == 0 ? 0 : 488, why);
}

void key_explain(struct session *s, struct slice bytes)
{
	const struct focus_sdp_peer *p = s->has_offered ? s->offered : &s->peer;
	struct bytes sdp = BYTES_INIT;

	if (s->dialog == NULL || (!s->has_offered && !s->has_peer))
		return;
	describe_error(line_of(p), bytes, &sdp);
	dialog_explain(s->dialog, bytes_slice(&sdp));
	bytes_fini(&sdp);
}

static void on_wait_over(void *arg)
{
	struct session *s = arg;

	if (s->key->judging) {
		key_unjudged(s);
		reinvite_judged(s, 504, "the key server does not answer");
	} else if (s->step == SESSION_KEYING || key_move_over(s))
		focus_unwind(s, UNWIND_NO_KEY_SERVER, 0, NULL, "the key server does not answer");
	else
		focus_unwind(s, UNWIND_BAD_KEY, 0, NULL, "the answer does not confirm the key");
}

bool key_wait(struct session *s)
{
	struct focus_sdp_why why;
	struct bytes request = BYTES_INIT;
	struct mikey m = {0};

	if (s->room->key == NULL)
		return false;
	if (owner_begin(s))
		return false;
	session_step(s, SESSION_KEYING);
	if (s->has_peer && !s->we_offered &&
	    read_request(line_of(&s->peer), s->room->focus->config.key_suite, &request, &m, &why,
			 NULL) != 0)
		log_debug("%s: the request of %s was judged before", s->room->c->name, s->who.uri);
	key_ask(s, m.idrpsk, bytes_slice(&request));
	bytes_fini(&request);
	wait_for(s, KEYING_MS);
	return true;
}

void key_ready(struct session *s)
{
	timer_stop(s->key->wait_timer);
	if (key_leg_waits(s))
		return;
	if (s->dialled_out)
		dialout_describe(s);
	else
		join_describe(s);
}

bool key_may_offer(const struct session *s)
{
	return s->key == NULL || owner_is_maker(s) || s->local.key_mgmt != NULL;
}

bool key_move_waits(struct session *s)
{
	if (key_may_offer(s))
		return false;
	log_info("%s: the new offer for %s waits for a key", s->room->c->name, s->who.uri);
	s->key->move_waits = true;
	wait_for(s, MOVING_MS);
	return true;
}

bool key_move_over(struct session *s)
{
	if (s->key == NULL || !s->key->move_waits)
		return false;
	s->key->move_waits = false;
	timer_stop(s->key->wait_timer);
	return true;
}

void key_prove(struct session *s)
{
	session_step(s, SESSION_PROVING);
	wait_for(s, PROOF_MS);
}

void key_proven(struct session *s)
{
	timer_stop(s->key->wait_timer);
	join_proven(s);
}

const char *key_take_answer(struct session *s, const struct focus_sdp_peer *p, bool *wait_r)
{
	struct bytes message = BYTES_INIT;
	struct focus_sdp_why why;
	const char *lack = lacks_type(line_of(p));
	struct mikey m;

	*wait_r = false;
	if (s->key == NULL)
		return NULL;
	if (owner_is_maker(s))
		return owner_lacks(p) != NULL ? owner_lacks(p) : lacks_sealed(line_of(p));
	if (read_line(line_of(p), GKE_SUITE_B, &message, &m, &why, NULL) != 0) {
		bytes_fini(&message);
		return why.text;
	}
	if (m.data_type != MIKEY_PSK_VERIFY)
		lack = "the answer does not confirm the key";
	else if (lack == NULL)
		/* What it confirms may have been replaced meanwhile: then the newest is sent again. */
		*wait_r = key_pass_on(s, bytes_slice(&message)) == 0 && s->key->copy.open &&
			  strstr(bytes_cstr(&s->local.last), s->local.key_mgmt) != NULL;
	bytes_fini(&message);
	return lack;
}

bool key_take_later_answer(struct session *s, const struct focus_sdp_peer *p)
{
	struct bytes message = BYTES_INIT;
	struct focus_sdp_why why;
	struct mikey m;

	if (s->key == NULL || owner_is_maker(s))
		return true;
	if (read_line(line_of(p), GKE_SUITE_B, &message, &m, &why, NULL) == 0) {
		if (key_pass_on(s, bytes_slice(&message)) != 0)
			log_debug("%s: a key message of %s is dropped", s->room->c->name,
				  s->who.uri);
	} else if (s->key->copy.open) { /* else it had nothing to confirm */
		bytes_fini(&message);
		focus_unwind(s, UNWIND_BAD_ANSWER, 0, NULL, why.text);
		return false;
	}
	bytes_fini(&message);
	return true;
}

void key_refused(struct session *s, int err, const char *why)
{
	log_debug("%s: no key for %s: %s", s->room->c->name, s->who.uri, why);
	focus_unwind(s, err == -ERR_NOT_FOUND ? UNWIND_NO_KEY : UNWIND_BAD_KEY, 0, NULL, why);
}
