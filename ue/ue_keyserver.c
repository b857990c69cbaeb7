/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A key server of one conference behind frames. The focus is believed in nothing that matters: it
 * says who is in, and who of them shares a key with us gets the group's. What goes out of one body
 * is put together to bodies of KS_BODY_MAX; timestamps are in their file before that.
 */
#include "ue/ue_keyserver.h"

#include <errno.h>
#include <stdlib.h>
#include <uthash.h>

#include "common/mem.h"
#include "common/secret.h"
#include "proto/ks/ks_serve.h"
#include "proto/sip_uri.h"
#include "ue/ue_keyring.h"
#include "ue/ue_times.h"

#define SKEW_MS     300000u
#define HOLDERS_MAX (2 * UE_KEYRING_MAX) /* with those who were refused */
#define REFUSALS    10                   /* told in REFUSALS_MS */
#define REFUSALS_MS 60000u

struct holder {
	struct ue_key_holder is;
	const char *refused; /* why, when that was told; static text */
	UT_hash_handle hh;
	char name[]; /* URI, line feed, key id */
};

struct ue_keyserver {
	const struct ue_keyserver_ops *ops;
	void *arg;
	char *me, *expected; /* expected: the conference as we know it; NULL: not yet */
	char *room;          /* as the focus opened it; NULL: it has not */
	struct ue_keyring *ring;
	struct ue_times *times; /* NULL: none */
	struct ks_serve *serve;
	struct ks_client focus;
	struct holder *holders;
	struct bytes out;
	struct gkid used;             /* told by ops->epoch; epoch number 0: none */
	uint32_t n_asked, n_answered; /* PINGs since HELLO */
	bool spoilt;          /* what the focus says is not listened to before its next HELLO */
	bool keys_broken;     /* told that the file is */
	bool times_broken;    /* the same of the other one */
	uint64_t refusals_ms; /* the time that is counted in began then */
	unsigned n_refusals, n_untold;
};

/* --- who is in --- */

static struct holder *holder_find(const struct ue_keyserver *k, const char *uri, const char *id)
{
	char *name = xasprintf("%s\n%s", uri, id);
	struct holder *h;

	HASH_FIND_STR(k->holders, name, h);
	free(name);
	return h;
}

/* NULL: there are too many. */
static struct holder *holder_get(struct ue_keyserver *k, const char *uri, const char *id)
{
	struct holder *h = holder_find(k, uri, id);
	size_t len = strlen(uri) + strlen(id) + 2;

	if (h != NULL || HASH_COUNT(k->holders) >= HOLDERS_MAX)
		return h;
	h = xcalloc(1, sizeof(*h) + len);
	memcpy(h->name, uri, strlen(uri));
	h->name[strlen(uri)] = '\n';
	memcpy(h->name + strlen(uri) + 1, id, strlen(id));
	h->is.uri = xstrdup(uri);
	h->is.key_id = xstrdup(id);
	HASH_ADD_STR(k->holders, name, h);
	return h;
}

static void holder_drop(struct ue_keyserver *k, struct holder *h)
{
	HASH_DEL(k->holders, h);
	free((char *)(uintptr_t)h->is.uri);
	free((char *)(uintptr_t)h->is.key_id);
	free(h);
}

static void holders_drop(struct ue_keyserver *k)
{
	struct holder *h, *next;

	HASH_ITER(hh, k->holders, h, next)
		holder_drop(k, h);
}

/* All members got something of this epoch: who did not is none any more. Who was refused is remembered. */
static size_t holders_sweep(struct ue_keyserver *k, uint32_t epoch)
{
	struct holder *h, *next;
	size_t n = 0;

	HASH_ITER(hh, k->holders, h, next) {
		if (h->is.given == epoch)
			n++;
		else if (h->refused == NULL)
			holder_drop(k, h);
		else
			h->is.given = h->is.confirmed = 0;
	}
	return n;
}

static void tell(struct ue_keyserver *k, enum ue_key_step step, const struct holder *h,
		 uint32_t epoch)
{
	k->ops->member(
		&(struct ue_key_news){
			.step = step, .uri = h->is.uri, .key_id = h->is.key_id, .epoch = epoch},
		k->arg);
}

static void note_given(struct ue_keyserver *k, const char *uri, const char *id, uint32_t epoch)
{
	struct holder *h = holder_get(k, uri, id);
	bool first = h != NULL && h->is.given == 0;

	if (h == NULL)
		return;
	h->is.given = epoch;
	h->refused = NULL;
	if (first)
		tell(k, UE_KEY_GIVEN, h, epoch);
}

static void note_confirmed(struct ue_keyserver *k, const char *uri, const char *id, uint32_t epoch)
{
	struct holder *h = holder_find(k, uri, id);
	bool first = h != NULL && h->is.confirmed == 0;

	if (h == NULL)
		return;
	h->is.confirmed = epoch;
	if (first)
		tell(k, UE_KEY_CONFIRMED, h, epoch);
}

/* Once for each reason, and not too many: whoever can call the conference can cause it. */
static void note_refused(struct ue_keyserver *k, const char *uri, const char *id, const char *why,
			 const struct keyserver_now *now)
{
	struct holder *h;

	if (id[0] == '\0' && sip_uri_same(slice_str(uri), slice_str(k->me)))
		return; /* a session of our own that is not gone yet */
	h = holder_get(k, uri, id);
	if (h != NULL && h->refused != NULL && strcmp(h->refused, why) == 0)
		return;
	if (h != NULL) {
		h->is.given = h->is.confirmed = 0;
		h->refused = why;
	}
	if (now->mono_ms - k->refusals_ms >= REFUSALS_MS) {
		k->refusals_ms = now->mono_ms;
		k->n_refusals = 0;
	}
	if (k->n_refusals >= REFUSALS) {
		k->n_untold++;
		return;
	}
	k->n_refusals++;
	k->ops->member(&(struct ue_key_news){.step = UE_KEY_REFUSED,
					     .uri = uri,
					     .key_id = id,
					     .why = why,
					     .n_untold = k->n_untold},
		       k->arg);
	k->n_untold = 0;
}

/* --- to the focus --- */

static void save_times(struct ue_keyserver *k)
{
	bool was_broken = k->times_broken;

	if (k->times == NULL)
		return;
	k->times_broken = ue_times_save(k->times) < 0;
	if (k->times_broken && !was_broken)
		k->ops->trouble("the file of times cannot be written: after a restart old key "
				"messages may be taken for new",
				k->arg);
}

static void flush(struct ue_keyserver *k)
{
	if (k->out.len == 0)
		return;
	save_times(k);
	k->ops->send(bytes_slice(&k->out), k->arg);
	bytes_reset(&k->out);
}

static void add(struct ue_keyserver *k, const struct ks_frame *f)
{
	size_t before = k->out.len;

	ks_frame_build(f, &k->out);
	if (k->out.len <= KS_BODY_MAX)
		return;
	k->out.len = before; /* it begins the next one */
	flush(k);
	ks_frame_build(f, &k->out);
}

/* The current key is used once the focus has told the switch of it. */
static void use_epoch(struct ue_keyserver *k)
{
	struct gkid id;
	struct slice tek;

	if (k->room == NULL || k->n_answered != k->n_asked ||
	    !ks_serve_key(k->serve, k->room, &id, &tek) || gkid_eq(&id, &k->used))
		return;
	k->used = id;
	k->ops->epoch(&id, tek, holders_sweep(k, gkid_epoch(&id)), k->arg);
}

static uint32_t current(const struct ue_keyserver *k)
{
	struct gkid id;
	struct slice tek;

	return k->room != NULL && ks_serve_key(k->serve, k->room, &id, &tek) ? gkid_epoch(&id) : 0;
}

static void note(struct ue_keyserver *k, const struct ks_out *out, const struct keyserver_now *now)
{
	char *id = slice_dup(out->frame.key_id);
	struct gkid gkid;

	if (out->kind == KEYSERVER_MESSAGE)
		note_given(k, out->uri, id, current(k));
	else if (out->kind == KEYSERVER_CONFIRMED && gkid_read(out->frame.bytes, &gkid) == 0)
		note_confirmed(k, out->uri, id, gkid_epoch(&gkid));
	else if (out->kind == KEYSERVER_REFUSED)
		note_refused(k, out->uri, id, out->why, now);
	free(id);
}

/* All that came of calls goes out, an epoch's end being asked for. */
static void send_all(struct ue_keyserver *k, const struct keyserver_now *now)
{
	const struct ks_frame ping = {.verb = KS_PING};
	bool epoch = false;
	struct ks_out out;

	while (ks_serve_next(k->serve, now, &out)) {
		if (out.to == NULL)
			continue;
		epoch = epoch || out.kind == KEYSERVER_EPOCH;
		add(k, &out.frame);
		note(k, &out, now);
	}
	if (epoch) {
		k->n_asked++;
		add(k, &ping);
		k->ops->wait(k->arg);
	}
	flush(k);
}

/* --- from the focus --- */

/* By a Contact we may know it with an address for host. */
static bool is_ours(const struct ue_keyserver *k, struct slice room)
{
	struct sip_uri a, b;

	if (k->room != NULL)
		return slice_eq_str(room, k->room);
	return k->expected != NULL && sip_uri_parse(room, &a) == 0 &&
	       sip_uri_parse(slice_str(k->expected), &b) == 0 && a.user.len > 0 &&
	       slice_eq(a.user, b.user);
}

static void forget_room(struct ue_keyserver *k)
{
	free(k->room);
	k->room = NULL;
	k->used = (struct gkid){{0}};
	k->n_asked = k->n_answered = 0;
	holders_drop(k);
}

static void renew_keys(struct ue_keyserver *k)
{
	unsigned line = 0;
	int rc = ue_keyring_renew(k->ring, &line);
	char *text;

	if (rc == 1)
		k->keys_broken = false;
	if (rc >= 0 || (rc == -ERR_IO && k->keys_broken))
		return;
	k->keys_broken = true;
	text = rc == -ERR_IO
		       ? xasprintf("the file of members' keys cannot be read any more (%s): "
				   "those that were read hold",
				   strerror(errno))
		       : xasprintf("line %u of the file of members' keys is wrong: those that "
				   "were read before hold",
				   line);
	k->ops->trouble(text, k->arg);
	free(text);
}

static void spoil(struct ue_keyserver *k, const char *text)
{
	k->spoilt = true;
	ks_serve_gone(k->serve, &k->focus);
	k->focus.hello = false;
	forget_room(k);
	k->ops->trouble(text, k->arg);
}

static void take_open(struct ue_keyserver *k, const struct ks_frame *f)
{
	if (k->room == NULL)
		k->room = slice_dup(f->room);
	k->used = (struct gkid){{0}};
	holders_drop(k);
	k->ops->serving(k->room, (enum gke_suite)f->number, k->arg);
}

static void take(struct ue_keyserver *k, const struct ks_frame *f, const struct keyserver_now *now)
{
	struct ks_taken taken;

	if (f->verb == KS_PONG) {
		k->n_answered += k->n_answered != k->n_asked;
		use_epoch(k);
		return;
	}
	if (f->verb == KS_HELLO) {
		k->spoilt = false;
		forget_room(k);
	}
	if (k->spoilt)
		return;
	if (f->room.len > 0 && !is_ours(k, f->room)) {
		if (f->verb == KS_OPEN)
			spoil(k, "the focus wants keys of another conference");
		return;
	}
	if (f->verb == KS_CHANGE)
		renew_keys(k);
	if (ks_serve_take(k->serve, &k->focus, f, now, &taken) < 0) {
		spoil(k, "the focus says what no key server understands");
	} else if (taken.answer != 0) {
		add(k, &(struct ks_frame){.verb = taken.answer,
					  .number = taken.answer == KS_HELLO ? KS_VERSION : 0});
	} else if (f->verb == KS_OPEN) {
		take_open(k, f);
	} else if (f->verb == KS_CLOSE) {
		forget_room(k);
	}
}

/* Who is alone in a conference that was opened has a key to speak with, too. */
static void begin_epochs(struct ue_keyserver *k, const struct keyserver_now *now)
{
	const struct ks_frame change = {.verb = KS_CHANGE, .room = slice_str(k->room)};

	if (k->room != NULL && current(k) == 0)
		take(k, &change, now);
}

void ue_keyserver_take(struct ue_keyserver *k, struct slice body, const struct keyserver_now *now)
{
	struct ks_frame f;
	size_t used;
	int rc;

	while ((rc = ks_frame_next(body, &f, &used)) > 0) {
		take(k, &f, now);
		body = slice_from(body, used);
	}
	if ((rc < 0 || body.len > 0) && !k->spoilt)
		spoil(k, "the focus says what no key server understands");
	begin_epochs(k, now);
	send_all(k, now);
}

void ue_keyserver_gone(struct ue_keyserver *k)
{
	ks_serve_gone(k->serve, &k->focus);
	k->focus.hello = false;
	bytes_reset(&k->out);
	forget_room(k);
}

void ue_keyserver_late(struct ue_keyserver *k)
{
	k->n_answered = k->n_asked;
	use_epoch(k);
}

void ue_keyserver_age(struct ue_keyserver *k, const struct keyserver_now *now)
{
	ks_serve_age(k->serve, now);
	send_all(k, now);
}

/* --- as a whole --- */

static const struct member_key *find_key(const char *uri, struct slice id, void *arg)
{
	const struct ue_keyserver *k = arg;

	return ue_keyring_find(k->ring, uri, id);
}

static char *why_keys(const char *file, int err, unsigned line)
{
	if (err == -ERR_IO)
		return xasprintf("cannot read %s: %s", file, strerror(errno));
	if (err == -ERR_EXISTS)
		return xasprintf("line %u of %s: this user has a key of that id above", line, file);
	if (err == -ERR_LIMIT)
		return xasprintf("%s has more than %u keys", file, UE_KEYRING_MAX);
	return xasprintf("line %u of %s is not URI, ID and 64 hex digits", line, file);
}

static char *why_times(const char *file, int err)
{
	if (err == -ERR_EXISTS)
		return xasprintf("another process keeps its times in %s", file);
	return err == -ERR_IO ? xasprintf("cannot read and write %s: %s", file, strerror(errno))
			      : xasprintf("%s is not what mrfue wrote", file);
}

int ue_keyserver_new(const struct ue_keyserver_config *config, const struct keyserver_now *now,
		     const struct ue_keyserver_ops *ops, void *arg, struct ue_keyserver **k_r,
		     bool *open_to_others_r, char **why_r)
{
	struct ue_keyserver *k = xcalloc(1, sizeof(*k));
	struct keyserver_settings settings = {.name = config->as,
					      .skew_ms = SKEW_MS,
					      .life_ms = config->life_ms,
					      .life_messages = config->life_messages,
					      .random = secret_random_to};
	const struct keyserver_keys keys = {find_key, k};
	unsigned line = 0;
	int rc = ue_keyring_load(config->keys_file, &k->ring, &line);

	k->ops = ops;
	k->arg = arg;
	k->me = xstrdup(config->as);
	*open_to_others_r = rc == 1;
	if (rc < 0)
		*why_r = why_keys(config->keys_file, rc, line);
	if (rc >= 0 && config->times_file != NULL) {
		rc = ue_times_open(config->times_file, SKEW_MS, now->wall_us, &k->times);
		if (rc < 0)
			*why_r = why_times(config->times_file, rc);
		else
			settings.memory = ue_times_hooks(k->times);
	}
	if (rc < 0) {
		ue_keyserver_free(&k);
		return rc;
	}
	k->serve = ks_serve_new(&settings, &keys, now);
	*k_r = k;
	return 0;
}

void ue_keyserver_free(struct ue_keyserver **kp)
{
	struct ue_keyserver *k = *kp;

	if (k == NULL)
		return;
	*kp = NULL;
	holders_drop(k);
	ks_serve_free(&k->serve);
	ue_times_free(&k->times);
	ue_keyring_free(&k->ring);
	bytes_fini(&k->out);
	free(k->me);
	free(k->expected);
	free(k->room);
	free(k);
}

void ue_keyserver_room(struct ue_keyserver *k, const char *uri)
{
	free(k->expected);
	k->expected = xstrdup(uri);
}

bool ue_keyserver_serves(const struct ue_keyserver *k)
{
	return k->room != NULL;
}

size_t ue_keyserver_keys(const struct ue_keyserver *k)
{
	return ue_keyring_count(k->ring);
}

void ue_keyserver_each(const struct ue_keyserver *k, ue_key_holder_fn *fn, void *arg)
{
	uint32_t epoch = current(k); /* whoever is in was given something of it */

	for (const struct holder *h = k->holders; h != NULL; h = h->hh.next) {
		if (epoch != 0 && h->is.given == epoch)
			fn(&h->is, arg);
	}
}
