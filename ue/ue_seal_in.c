/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sealed messages that come: the form that each has, the wait for a key that is not here yet, and
 * what is handed on of it. The head in the clear was the switch's; what is shown stood inside.
 */
#include <stdlib.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/mem.h"
#include "proto/media_type.h"
#include "ue/ue_inbox.h"
#include "ue/ue_records.h"
#include "ue/ue_seal_priv.h"

#define HEAD_MAX 8192u
#define STEP_OCTETS                                                                                \
	(256u << 10) /* opened at a time: more than comes at a time, so that a gap is made up for */

static bool is_cms(const struct cpim_head *h)
{
	struct slice smime = media_type_param(h->content_type, "smime-type");

	return slice_ieq_str(media_type_base(h->content_type), "application/pkcs7-mime") &&
	       (slice_ieq_str(smime, "auth-enveloped-data") ||
		slice_ieq_str(smime, "authEnveloped-data"));
}

static bool is_records(const struct cpim_head *h)
{
	return slice_ieq_str(h->content_encoding, "aes128gcm") &&
	       slice_ieq_str(media_type_base(h->content_type), "application/octet-stream");
}

bool ue_seal_is_sealed(const struct cpim_head *head)
{
	return is_cms(head) || is_records(head);
}

static void drop(struct ue_seal *s, const struct ue_message *m, uint32_t epoch, int err,
		 const char *why)
{
	s->ops->dropped(&(struct ue_dropped){.from = m->cpim.from,
					     .size = m->size,
					     .epoch = epoch,
					     .replay = err == -ERR_EXISTS,
					     .why = why},
			s->arg);
}

void ue_seal_refuse(struct ue_seal *s, const struct ue_message *m)
{
	drop(s, m, 0, -ERR_DENIED, "it is not sealed, and this conference is");
}

/* --- files under way --- */

static void forget_file(struct ue_seal_file *f)
{
	if (f->opener && f->fd >= 0)
		close(f->fd);
	ue_opener_free(&f->opener);
	free(f->id);
	if (f->front.data)
		mem_wipe(f->front.data, f->front.len);
	bytes_fini(&f->front);
	*f = (struct ue_seal_file){.fd = -1};
}

void ue_seal_forget_files(struct ue_seal *s)
{
	for (size_t i = 0; i < UE_SEAL_FILES; i++)
		forget_file(&s->files[i]);
}

static struct ue_seal_file *find_file(struct ue_seal *s, const char *id)
{
	for (size_t i = 0; id && i < UE_SEAL_FILES; i++)
		if (s->files[i].id && strcmp(s->files[i].id, id) == 0)
			return &s->files[i];
	return NULL;
}

void ue_seal_gone(struct ue_seal *s, const char *id)
{
	struct ue_seal_file *f = find_file(s, id);

	if (f)
		forget_file(f);
}

/* A record of it is genuine. */
static int on_plain(struct slice plain, void *arg)
{
	struct ue_seal_file *f = arg;

	if (f->fd < 0) {
		if (ue_records_temporary(&f->fd) < 0)
			return -ERR_IO;
		bytes_add_slice(&f->front, plain);
	}
	f->size += plain.len;
	return ue_records_write(f->fd, plain);
}

/* The place of a file whose key is here; NULL: it is not. The oldest gives way. */
static struct ue_seal_file *note_file(struct ue_seal *s, const char *id,
				      const struct ece_head *head, uint64_t skip, uint64_t wall_us)
{
	struct ue_seal_file *f;
	struct ece_keys keys;

	if (ue_crypto_file_keys(s->crypto, head, &keys) < 0)
		return NULL;
	f = &s->files[s->next_file++ % UE_SEAL_FILES];
	forget_file(f);
	f->gkid = head->gkid;
	f->id = id ? xstrdup(id) : NULL;
	f->begun_us = wall_us;
	f->skip = skip;
	f->fed = ECE_HEAD_SIZE;
	f->opener = ue_opener_new(head, &keys, on_plain, f);
	mem_wipe(&keys, sizeof(keys));
	return f;
}

/* Open what is here of it, at most so many octets. Errors show at its end. */
static void advance(struct ue_seal_file *f, const struct ue_source *here, uint64_t most)
{
	uint64_t end = here->size > f->skip ? here->size - f->skip : 0;
	char piece[ECE_RECORD];
	int err = 0;

	while (err == 0 && f->fed < end && most > 0) {
		size_t n = end - f->fed < sizeof(piece) ? (size_t)(end - f->fed) : sizeof(piece);

		err = ue_source_read(here, f->skip + f->fed, piece, n);
		if (err == 0)
			err = ue_opener_take(f->opener, slice_make(piece, n));
		f->fed += n;
		most -= n < most ? n : most;
	}
}

static struct ue_seal_file *begin_file(struct ue_seal *s, const char *id,
				       const struct ue_source *here, bool *more_r)
{
	char first[HEAD_MAX + ECE_HEAD_SIZE];
	size_t n = here->size < sizeof(first) ? (size_t)here->size : sizeof(first);
	struct cpim_head cpim;
	struct ece_head head;
	struct slice start;
	int rc = ue_source_read(here, 0, first, n);

	if (rc == 0)
		rc = cpim_parse(slice_make(first, n), HEAD_MAX, false, false, &cpim);
	*more_r = rc == 0;
	if (rc != 1 || !is_records(&cpim))
		return NULL;
	start = slice_first(slice_from(slice_make(first, n), cpim.head_len), ECE_HEAD_SIZE);
	*more_r = true;
	if (start.len < ECE_HEAD_SIZE)
		return NULL;
	*more_r = ece_head_read(start, &head) == 0; /* its key may yet come */
	return *more_r ? note_file(s, id, &head, cpim.head_len, ue_seal_wall_us(s)) : NULL;
}

bool ue_seal_growing(struct ue_seal *s, const char *id, const struct ue_source *here)
{
	struct ue_seal_file *f = find_file(s, id);
	bool more = true;

	if (!f)
		f = begin_file(s, id, here, &more);
	if (f)
		advance(f, here, STEP_OCTETS);
	return more;
}

/* --- opening --- */

/* The message as its sender sealed it; notifications that he asked for stand outside. */
static void describe(const struct ue_message *m, const struct gke_inner *inner,
		     const struct gkid *gkid, bool verified, struct ue_message *out_r)
{
	struct ue_message out = *m;

	out.cpim.from = inner->from;
	out.cpim.to = inner->to;
	out.cpim.date_time = inner->date_time;
	out.cpim.imdn_message_id = inner->message_id;
	out.cpim.content_type = inner->content_type;
	out.cpim.content_disposition = inner->disposition;
	out.cpim.content_encoding = SLICE_NULL;
	out.cpim.kind = cpim_kind_of(inner->content_type, inner->disposition);
	out.payload = inner->payload;
	out.size = inner->payload.len;
	out.fd = -1;
	out.sealed = true;
	out.verified = verified;
	out.epoch = gkid_epoch(gkid);
	*out_r = out;
}

static struct ue_outer outer_of(const struct ue_message *m)
{
	return (struct ue_outer){m->cpim.from, m->cpim.to, m->cpim.imdn_message_id};
}

/* Sealed to our certificate; as long as no other group member has its key, he does not read it. */
static int open_alone(struct ue_seal *s, const struct ue_message *m, uint64_t wall_us)
{
	struct ue_outer outer = outer_of(m);
	struct bytes plain = BYTES_INIT;
	struct ue_opened opened = {.verified = false};
	struct ue_message out;
	const char *why = NULL;
	int err =
		ue_crypto_open_alone(s->crypto, m->payload, &outer, wall_us, &plain, &opened, &why);

	if (err < 0) {
		drop(s, m, 0, err, why);
		return 0;
	}
	ue_seal_keep(s);
	describe(m, &opened.inner, &opened.gkid, opened.verified, &out);
	out.words = opened.words;
	out.alone = true;
	s->ops->opened(&out, s->arg);
	mem_wipe(plain.data, plain.len);
	bytes_fini(&plain);
	return 0;
}

/* 0: dealt with; -ERR_NOT_FOUND: the key of *gkid_r is not here. */
static int open_cms(struct ue_seal *s, const struct ue_message *m, uint64_t wall_us,
		    struct gkid *gkid_r)
{
	struct ue_outer outer = outer_of(m);
	struct bytes plain = BYTES_INIT;
	struct ue_opened opened = {.verified = false};
	struct ue_message out;
	struct cms_head head;
	const char *why = "it is too long";
	int err = -ERR_LIMIT;

	if (m->payload.ptr && ue_crypto_is_alone(m->payload))
		return open_alone(s, m, wall_us);
	if (m->payload.ptr)
		err = ue_crypto_open(s->crypto, m->payload, &outer, wall_us, &plain, &opened, &why);
	if (err == -ERR_NOT_FOUND && !ue_crypto_has(s->crypto, &opened.gkid)) {
		*gkid_r = opened.gkid;
	} else if (err < 0) {
		drop(s, m,
		     m->payload.ptr && cms_parse(m->payload, &head) == 0 ? gkid_epoch(&head.gkid)
									 : 0,
		     err, why);
		err = 0;
	} else {
		describe(m, &opened.inner, &opened.gkid, opened.verified, &out);
		out.words = opened.words;
		s->ops->opened(&out, s->arg);
		mem_wipe(plain.data, plain.len);
	}
	bytes_fini(&plain);
	return err;
}

/* Its octets are in fd: short ones are read, as texts come in memory. */
static void hand_on_file(struct ue_seal *s, const struct ue_message *m,
			 const struct gke_inner *inner, const struct gkid *gkid, size_t head_len,
			 int fd, uint64_t size)
{
	struct ue_message out;
	char *text = NULL;

	describe(m, inner, gkid, false, &out);
	out.size = size - head_len;
	out.offset = head_len;
	out.fd = fd;
	out.payload = SLICE_NULL;
	if (out.size <= UE_INBOX_MEMORY) {
		text = xcalloc(1, (size_t)out.size + 1);
		if (pread(fd, text, (size_t)out.size, (off_t)head_len) == (ssize_t)out.size)
			out.payload = slice_make(text, (size_t)out.size);
	}
	s->ops->opened(&out, s->arg);
	free(text);
}

const char *ue_seal_why(int err)
{
	return err == -ERR_IO ? "there is no room for it"
			      : "it was changed, cut off, or sealed with another key";
}

/* All of it came: here is what stands behind the CPIM head. */
static void open_file(struct ue_seal *s, const struct ue_message *m, const struct ue_source *here,
		      struct ue_seal_file *f)
{
	struct ue_outer outer = outer_of(m);
	struct gke_inner inner;
	struct slice more;
	const char *why;
	int err;

	f->skip = 0;
	advance(f, here, UINT64_MAX);
	err = ue_opener_end(f->opener);
	why = ue_seal_why(err);
	if (err == 0 && gke_inner_parse(bytes_slice(&f->front), &inner, &more) < 0) {
		err = -ERR_SYNTAX;
		why = "what was sealed is malformed";
	}
	if (err == 0)
		err = ue_crypto_judge(s->crypto, &f->gkid, &inner, &outer, f->begun_us, &why);
	if (err == 0)
		hand_on_file(s, m, &inner, &f->gkid, (size_t)(inner.payload.ptr - f->front.data),
			     f->fd, f->size);
	else
		drop(s, m, gkid_epoch(&f->gkid), err, why);
	forget_file(f);
}

static int open_records(struct ue_seal *s, const struct ue_message *m, uint64_t wall_us,
			struct gkid *gkid_r)
{
	struct ue_source here = {m->payload, m->payload.ptr ? -1 : m->fd,
				 m->payload.ptr ? 0 : m->offset, m->size};
	struct ue_seal_file *f = find_file(s, m->id);
	char first[ECE_HEAD_SIZE];
	struct ece_head head;

	if (m->size < ECE_HEAD_SIZE || ue_source_read(&here, 0, first, sizeof(first)) < 0 ||
	    ece_head_read(slice_make(first, sizeof(first)), &head) < 0) {
		drop(s, m, 0, -ERR_SYNTAX, "it is not well-formed");
		return 0;
	}
	if (!f)
		f = note_file(s, NULL, &head, 0, wall_us);
	if (!f) {
		*gkid_r = head.gkid;
		return -ERR_NOT_FOUND;
	}
	open_file(s, m, &here, f);
	return 0;
}

static int try_open(struct ue_seal *s, const struct ue_message *m, uint64_t wall_us,
		    struct gkid *gkid_r)
{
	return is_cms(&m->cpim) ? open_cms(s, m, wall_us, gkid_r)
				: open_records(s, m, wall_us, gkid_r);
}

/* --- waiting for keys --- */

static const char no_key[] = "the key of its epoch did not come (it was sealed before we came, or "
			     "we are out)";

static void hold(struct ue_seal *s, const struct ue_message *m, const struct gkid *gkid)
{
	struct bytes whole = BYTES_INIT;
	int err = -ERR_LIMIT;

	if (m->payload.ptr) {
		bytes_add_slice(&whole, m->head);
		bytes_add_slice(&whole, m->payload);
		err = ue_held_add(s->held, gkid, bytes_slice(&whole), clock_now_ms(),
				  ue_seal_wall_us(s));
	}
	if (err < 0)
		drop(s, m, gkid_epoch(gkid), err,
		     "the key of its epoch is not here, and too much waits for keys already");
	ue_seal_ask(s);
	bytes_fini(&whole);
}

void ue_seal_take(struct ue_seal *s, const struct ue_message *m)
{
	struct gkid gkid;
	enum ue_place place;

	if (try_open(s, m, ue_seal_wall_us(s), &gkid) != -ERR_NOT_FOUND)
		return;
	place = ue_crypto_place(s->crypto, &gkid);
	if (place == UE_PLACE_AHEAD)
		hold(s, m, &gkid);
	else if (place == UE_PLACE_OVER)
		drop(s, m, gkid_epoch(&gkid), -ERR_STALE, "its epoch is over, and its key is gone");
}

static bool has_key(const struct gkid *id, void *arg)
{
	const struct ue_seal *s = arg;

	return ue_crypto_has(s->crypto, id);
}

static void take_held(struct ue_seal *s, const struct ue_held_item *item)
{
	struct ue_message m = {.fd = -1};
	struct slice whole = slice_make(item->octets, item->len);
	struct gkid gkid;

	if (cpim_parse(whole, HEAD_MAX, true, false, &m.cpim) != 1)
		return; /* it was parsed when it came */
	m.head = slice_first(whole, m.cpim.head_len);
	m.payload = slice_from(whole, m.cpim.head_len);
	m.size = m.payload.len;
	if (try_open(s, &m, item->wall_us, &gkid) == -ERR_NOT_FOUND)
		drop(s, &m, gkid_epoch(&item->gkid), -ERR_NOT_FOUND, no_key);
}

void ue_seal_release(struct ue_seal *s)
{
	struct ue_held_item *item;

	while (ue_held_next(s->held, has_key, s, clock_now_ms(), &item)) {
		take_held(s, item);
		ue_held_drop(&item);
	}
}
