/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sealed messages that come: the form that each has, the wait for a key that is not here yet, and
 * what is handed on of it. The head in the clear was the switch's; what is shown stood inside.
 */
#include <stdlib.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/mem.h"
#include "common/secret.h"
#include "proto/media_type.h"
#include "ue/ue_inbox.h"
#include "ue/ue_records.h"
#include "ue/ue_seal_priv.h"

#define HEAD_MAX 8192u

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

static struct ue_seal_file *find_file(struct ue_seal *s, const struct ece_head *head)
{
	for (size_t i = 0; i < UE_SEAL_FILES; i++)
		if (s->files[i].keys &&
		    memcmp(s->files[i].head.salt, head->salt, sizeof(head->salt)) == 0 &&
		    gkid_eq(&s->files[i].head.gkid, &head->gkid) &&
		    s->files[i].head.record == head->record)
			return &s->files[i];
	return NULL;
}

static void forget_file(struct ue_seal_file *f)
{
	secret_free(&f->keys, sizeof(*f->keys));
}

void ue_seal_forget_files(struct ue_seal *s)
{
	for (size_t i = 0; i < UE_SEAL_FILES; i++)
		forget_file(&s->files[i]);
}

/* The place of a file whose key is here; NULL: it is not. The oldest gives way. */
static struct ue_seal_file *note_file(struct ue_seal *s, const struct ece_head *head,
				      uint64_t wall_us)
{
	struct ue_seal_file *f = find_file(s, head);
	struct ece_keys keys;

	if (f || ue_crypto_file_keys(s->crypto, head, &keys) < 0)
		return f;
	f = &s->files[s->next_file++ % UE_SEAL_FILES];
	forget_file(f);
	f->head = *head;
	f->begun_us = wall_us;
	f->keys = secret_alloc(sizeof(*f->keys));
	*f->keys = keys;
	mem_wipe(&keys, sizeof(keys));
	return f;
}

bool ue_seal_begun(struct ue_seal *s, struct slice first)
{
	struct cpim_head cpim;
	struct ece_head head;
	struct slice start;
	int rc = cpim_parse(first, HEAD_MAX, false, false, &cpim);

	if (rc != 1 || !is_records(&cpim))
		return rc != 0;
	start = slice_first(slice_from(first, cpim.head_len), ECE_HEAD_SIZE);
	if (start.len == ECE_HEAD_SIZE && ece_head_read(start, &head) == 0)
		(void)note_file(s, &head, clock_wall_us());
	return start.len == ECE_HEAD_SIZE;
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

static void open_file(struct ue_seal *s, const struct ue_message *m, struct ue_seal_file *f)
{
	struct ue_source from = {m->payload, m->payload.ptr ? -1 : m->fd,
				 m->payload.ptr ? 0 : m->offset, m->size};
	struct ue_outer outer = outer_of(m);
	struct bytes front = BYTES_INIT;
	struct gke_inner inner;
	struct slice more;
	uint64_t size;
	const char *why = "it was changed, cut off, or sealed with another key";
	int fd = -1, err = ue_records_open(&f->head, f->keys, &from, &front, &fd, &size);

	if (err == -ERR_IO)
		why = "there is no room for it";
	if (err == 0 && gke_inner_parse(bytes_slice(&front), &inner, &more) < 0) {
		err = -ERR_SYNTAX;
		why = "what was sealed is malformed";
	}
	if (err == 0)
		err = ue_crypto_judge(s->crypto, &f->head.gkid, &inner, &outer, f->begun_us, &why);
	if (err == 0)
		hand_on_file(s, m, &inner, &f->head.gkid, (size_t)(inner.payload.ptr - front.data),
			     fd, size);
	else
		drop(s, m, gkid_epoch(&f->head.gkid), err, why);
	if (fd >= 0)
		close(fd);
	bytes_fini(&front);
	forget_file(f);
}

static int open_records(struct ue_seal *s, const struct ue_message *m, uint64_t wall_us,
			struct gkid *gkid_r)
{
	char first[ECE_HEAD_SIZE];
	struct slice start = slice_first(m->payload, ECE_HEAD_SIZE);
	struct ue_seal_file *f;
	struct ece_head head;

	if (!m->payload.ptr && pread(m->fd, first, sizeof(first), (off_t)m->offset) > 0)
		start = slice_make(first, sizeof(first));
	if (m->size < ECE_HEAD_SIZE || ece_head_read(start, &head) < 0) {
		drop(s, m, 0, -ERR_SYNTAX, "it is not well-formed");
		return 0;
	}
	f = note_file(s, &head, wall_us);
	if (!f) {
		*gkid_r = head.gkid;
		return -ERR_NOT_FOUND;
	}
	open_file(s, m, f);
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
				  clock_wall_us());
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

	if (try_open(s, m, clock_wall_us(), &gkid) != -ERR_NOT_FOUND)
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
