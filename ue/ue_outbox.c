/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sending side of a UE's MSRP session (RFC 4975 7.1.1): every chunk is one transaction with a
 * fresh id that does not occur in its body; a long message has a bounded number of unanswered
 * chunks, and a short one queued later overtakes it at the next chunk border. A message given up
 * before its last chunk ends with a chunk without body that is flagged '#' (RFC 4975 7.1.2, 10.5).
 */
#include "ue/ue_outbox.h"

#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <unistd.h>

#include "common/mem.h"
#include "common/rand.h"
#include "proto/msrp_build.h"

#define ID_LEN 16
#define BULK   (64u << 10)

struct item {
	TAILQ_ENTRY(item) link;
	enum ue_outbox_kind kind;
	unsigned ticket;
	char id[ID_LEN + 1];
	char *head;
	size_t head_len;
	char *type;    /* NULL: message/cpim */
	uint64_t from; /* octets of the file before the message's first */
	char *payload; /* NULL: from fd; nickname: the name */
	size_t payload_len;
	int fd;
	struct ue_octets octets; /* read NULL: from the above */
	const char *mime;        /* further header lines; NULL */
	uint64_t total;          /* octets with the head */
	uint64_t pos;            /* octets sent */
	uint32_t open;           /* unanswered chunks */
	bool started, all_sent, cut, bare;
	bool given_up; /* reported already; only the '#' is to be sent */
};

struct transaction {
	TAILQ_ENTRY(transaction) link;
	char tid[ID_LEN + 1];
	struct item *item;
	uint64_t written_ms; /* 0: not yet */
};

struct ue_outbox {
	TAILQ_HEAD(, item) items;
	TAILQ_HEAD(transaction_list, transaction) transactions;
	char *to_path, *from_path;
	char chunk[UE_OUTBOX_CHUNK];
};

struct ue_outbox *ue_outbox_new(void)
{
	struct ue_outbox *o = xcalloc(1, sizeof(*o));

	TAILQ_INIT(&o->items);
	TAILQ_INIT(&o->transactions);
	return o;
}

static void drop_transactions(struct ue_outbox *o, struct item *it)
{
	struct transaction *t = TAILQ_FIRST(&o->transactions), *next;

	for (; t; t = next) {
		next = TAILQ_NEXT(t, link);
		if (t->item == it) {
			TAILQ_REMOVE(&o->transactions, t, link);
			free(t);
		}
	}
	it->open = 0;
}

static void item_drop(struct ue_outbox *o, struct item *it)
{
	drop_transactions(o, it);
	TAILQ_REMOVE(&o->items, it, link);
	if (it->fd >= 0)
		close(it->fd);
	if (it->octets.drop)
		it->octets.drop(it->octets.arg);
	free(it->head);
	free(it->type);
	free(it->payload);
	free(it);
}

void ue_outbox_free(struct ue_outbox **o_p)
{
	struct ue_outbox *o = *o_p;
	struct item *it;

	if (!o)
		return;
	while ((it = TAILQ_FIRST(&o->items)))
		item_drop(o, it);
	free(o->to_path);
	free(o->from_path);
	free(o);
	*o_p = NULL;
}

void ue_outbox_paths(struct ue_outbox *o, struct slice to_path, struct slice from_path)
{
	free(o->to_path);
	free(o->from_path);
	o->to_path = slice_dup(to_path);
	o->from_path = slice_dup(from_path);
}

static struct item *item_new(enum ue_outbox_kind kind, unsigned ticket)
{
	struct item *it = xcalloc(1, sizeof(*it));

	it->kind = kind;
	it->ticket = ticket;
	it->fd = -1;
	rand_ident(it->id, ID_LEN);
	return it;
}

void ue_outbox_bind(struct ue_outbox *o)
{
	struct item *it = item_new(UE_OUTBOX_BIND, 0);

	TAILQ_INSERT_HEAD(&o->items, it, link);
}

/* Short messages stand before long ones, each kind in its own order. */
static void enqueue(struct ue_outbox *o, struct item *it)
{
	struct item *at;

	TAILQ_FOREACH(at, &o->items, link)
		if (it->total <= BULK && at->kind == UE_OUTBOX_MESSAGE && at->total > BULK)
			break;
	if (at)
		TAILQ_INSERT_BEFORE(at, it, link);
	else
		TAILQ_INSERT_TAIL(&o->items, it, link);
}

void ue_outbox_message(struct ue_outbox *o, struct slice head, struct slice payload, int fd_take,
		       uint64_t size, unsigned ticket)
{
	struct item *it = item_new(UE_OUTBOX_MESSAGE, ticket);

	it->head = slice_dup(head);
	it->head_len = head.len;
	it->fd = fd_take;
	if (fd_take < 0) {
		it->payload = slice_dup(payload);
		it->payload_len = payload.len;
		size = payload.len;
	}
	it->total = head.len + size;
	enqueue(o, it);
}

void ue_outbox_octets(struct ue_outbox *o, struct slice head, const char *type, const char *mime,
		      const struct ue_octets *octets_take, uint64_t size, unsigned ticket)
{
	struct item *it = item_new(UE_OUTBOX_MESSAGE, ticket);

	it->head = slice_dup(head);
	it->head_len = head.len;
	it->type = type ? xstrdup(type) : NULL;
	it->mime = mime;
	it->octets = *octets_take;
	it->total = head.len + size;
	enqueue(o, it);
}

void ue_outbox_file(struct ue_outbox *o, const char *type, int fd_take, uint64_t from,
		    uint64_t size, unsigned ticket)
{
	struct item *it = item_new(UE_OUTBOX_MESSAGE, ticket);

	it->type = xstrdup(type);
	it->fd = fd_take;
	it->from = from;
	it->total = size;
	TAILQ_INSERT_TAIL(&o->items, it, link);
}

void ue_outbox_bare(struct ue_outbox *o, const char *type, struct slice payload, unsigned ticket)
{
	struct item *it = item_new(UE_OUTBOX_MESSAGE, ticket), *at;

	it->bare = true;
	it->type = xstrdup(type);
	it->payload = slice_dup(payload);
	it->payload_len = it->total = payload.len;
	TAILQ_FOREACH(at, &o->items, link)
		if (at->kind == UE_OUTBOX_MESSAGE && !at->started && !at->bare)
			break;
	if (at)
		TAILQ_INSERT_BEFORE(at, it, link);
	else
		TAILQ_INSERT_TAIL(&o->items, it, link);
}

void ue_outbox_nickname(struct ue_outbox *o, struct slice nick, unsigned ticket)
{
	struct item *it = item_new(UE_OUTBOX_NICKNAME, ticket);

	it->payload = slice_dup(nick);
	it->payload_len = nick.len;
	TAILQ_INSERT_HEAD(&o->items, it, link);
}

/* Next octets of the message at pos into o->chunk; returns how many (0: the file got shorter). */
static size_t read_chunk(struct ue_outbox *o, const struct item *it)
{
	size_t n = 0, want = UE_OUTBOX_CHUNK;
	uint64_t pos = it->pos;

	if (it->total - pos < want)
		want = (size_t)(it->total - pos);
	if (pos < it->head_len) {
		n = it->head_len - (size_t)pos < want ? it->head_len - (size_t)pos : want;
		memcpy(o->chunk, it->head + pos, n);
		pos += n;
	}
	if (it->octets.read)
		return n < want ? n + it->octets.read(it->octets.arg, pos - it->head_len,
						      o->chunk + n, want - n)
				: n;
	if (it->fd < 0) {
		if (n < want)
			memcpy(o->chunk + n, it->payload + (pos - it->head_len), want - n);
		return want;
	}
	while (n < want) {
		ssize_t got = pread(it->fd, o->chunk + n, want - n,
				    (off_t)(it->from + pos - it->head_len));

		if (got <= 0)
			break;
		n += (size_t)got;
		pos += (uint64_t)got;
	}
	return n;
}

static struct transaction *transaction_new(struct ue_outbox *o, struct item *it)
{
	struct transaction *t = xcalloc(1, sizeof(*t));

	rand_ident(t->tid, ID_LEN);
	t->item = it;
	TAILQ_INSERT_TAIL(&o->transactions, t, link);
	it->open++;
	it->started = true;
	return t;
}

static void start_frame(struct ue_outbox *o, struct bytes *out, struct slice tid,
			const char *method)
{
	msrp_build_start(out, tid, slice_str(method));
	msrp_build_paths(out, slice_str(o->to_path), slice_str(o->from_path));
}

static void build_simple(struct ue_outbox *o, struct item *it, struct bytes *out)
{
	struct transaction *t = transaction_new(o, it);
	struct slice tid = slice_str(t->tid);
	struct msrp_rest rest = {0};
	struct bytes quoted = BYTES_INIT;

	if (it->kind == UE_OUTBOX_BIND) {
		start_frame(o, out, tid, "SEND");
		rest.message_id = slice_str(it->id);
		rest.range = (struct msrp_range){true, 1, 0, 0};
	} else {
		start_frame(o, out, tid, "NICKNAME");
		msrp_build_quoted(&quoted, slice_make(it->payload, it->payload_len));
		rest.use_nickname = bytes_slice(&quoted);
	}
	msrp_build_rest(out, &rest);
	msrp_build_end(out, tid, false, '$');
	bytes_fini(&quoted);
	it->all_sent = true;
}

static void build_chunk(struct ue_outbox *o, struct item *it, struct bytes *out)
{
	struct transaction *t = transaction_new(o, it);
	size_t n = read_chunk(o, it);
	struct slice body = slice_make(o->chunk, n);
	uint64_t after = it->pos + n;
	struct msrp_tail_scan scan;
	struct msrp_rest rest = {.message_id = slice_str(it->id),
				 .range = {true, it->pos + 1, MSRP_UNSPECIFIED, it->total},
				 .other_mime = slice_str(it->mime),
				 .content_type = slice_str(it->type ? it->type : "message/cpim")};
	bool cut = n == 0 && it->total > it->pos;

	for (;;) { /* our end-line must not occur in the body (RFC 4975 7.1) */
		msrp_tail_scan_init(&scan, slice_str(t->tid));
		if (!msrp_tail_scan(&scan, body))
			break;
		rand_ident(t->tid, ID_LEN);
	}
	if (n <= 2048)
		rest.range.end = after;
	if (cut)
		rest.content_type = rest.other_mime = SLICE_NULL;
	start_frame(o, out, slice_str(t->tid), "SEND");
	msrp_build_rest(out, &rest);
	bytes_add_slice(out, body);
	it->pos = after;
	it->cut = cut;
	it->all_sent = cut || after == it->total;
	msrp_build_end(out, slice_str(t->tid), !cut, cut ? '#' : it->all_sent ? '$' : '+');
}

/* The rest of a message does not come; whatever this is answered with plays no part. */
static void build_abort(struct ue_outbox *o, struct item *it, struct bytes *out)
{
	char tid[ID_LEN + 1];
	struct msrp_rest rest = {.message_id = slice_str(it->id),
				 .range = {true, it->pos + 1, it->pos, it->total}};

	rand_ident(tid, ID_LEN);
	start_frame(o, out, slice_str(tid), "SEND");
	msrp_build_rest(out, &rest);
	msrp_build_end(out, slice_str(tid), false, '#');
	item_drop(o, it);
}

/* It failed: report it, and leave it in the list if its receiver waits for the rest. */
static void give_up(struct ue_outbox *o, struct item *it, struct ue_outbox_done *done_r)
{
	*done_r = (struct ue_outbox_done){it->kind, it->ticket, it->cut};
	if (it->kind != UE_OUTBOX_MESSAGE || it->all_sent || !it->started) {
		item_drop(o, it);
		return;
	}
	drop_transactions(o, it);
	it->given_up = true;
	TAILQ_REMOVE(&o->items, it, link);
	TAILQ_INSERT_HEAD(&o->items, it, link);
}

void ue_outbox_abort(struct ue_outbox *o)
{
	struct item *it, *next;

	for (it = TAILQ_FIRST(&o->items); it; it = next) {
		next = TAILQ_NEXT(it, link);
		if (it->kind != UE_OUTBOX_MESSAGE || it->all_sent)
			continue;
		if (!it->started) {
			item_drop(o, it);
			continue;
		}
		drop_transactions(o, it);
		it->given_up = true;
	}
}

bool ue_outbox_next(struct ue_outbox *o, struct bytes *out)
{
	struct item *it;

	TAILQ_FOREACH(it, &o->items, link) {
		if (it->all_sent || it->open >= UE_OUTBOX_WINDOW)
			continue;
		if (it->given_up)
			build_abort(o, it, out);
		else if (it->kind == UE_OUTBOX_MESSAGE)
			build_chunk(o, it, out);
		else
			build_simple(o, it, out);
		return true;
	}
	return false;
}

int ue_outbox_response(struct ue_outbox *o, struct slice tid, int status,
		       struct ue_outbox_done *done_r)
{
	struct transaction *t;
	struct item *it;

	TAILQ_FOREACH(t, &o->transactions, link)
		if (slice_eq_str(tid, t->tid))
			break;
	if (!t)
		return 0;
	it = t->item;
	TAILQ_REMOVE(&o->transactions, t, link);
	free(t);
	it->open--;
	if (status / 100 == 2 && !(it->all_sent && it->open == 0))
		return 0;
	give_up(o, it, done_r);
	return 1;
}

void ue_outbox_written(struct ue_outbox *o, uint64_t now_ms)
{
	struct transaction *t;

	TAILQ_FOREACH_REVERSE(t, &o->transactions, transaction_list, link)
	{
		if (t->written_ms)
			break;
		t->written_ms = now_ms;
	}
}

bool ue_outbox_expire(struct ue_outbox *o, uint64_t now_ms, struct ue_outbox_done *done_r)
{
	struct transaction *t = TAILQ_FIRST(&o->transactions);

	if (!t || !t->written_ms || now_ms - t->written_ms < UE_OUTBOX_WAIT_MS)
		return false;
	give_up(o, t->item, done_r);
	return true;
}

bool ue_outbox_fail(struct ue_outbox *o, struct ue_outbox_done *done_r)
{
	struct item *it = TAILQ_FIRST(&o->items);

	while (it && it->given_up) {
		item_drop(o, it);
		it = TAILQ_FIRST(&o->items);
	}
	if (!it)
		return false;
	*done_r = (struct ue_outbox_done){it->kind, it->ticket, false};
	item_drop(o, it);
	return true;
}

bool ue_outbox_empty(const struct ue_outbox *o)
{
	return TAILQ_EMPTY(&o->items);
}
