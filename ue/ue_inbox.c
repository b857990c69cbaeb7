/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reassembly of incoming MSRP messages (RFC 4975 7.3.1): what octets are there is a short sorted
 * list of intervals; the octets themselves sit in memory or, past UE_INBOX_MEMORY, in an unlinked
 * temporary file. Knows nothing of connections or transactions.
 */
#include "ue/ue_inbox.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <unistd.h>

#include "common/mem.h"

#define MAX_SPANS     64
#define CPIM_HEAD_MAX 8192u

struct span {
	uint64_t from, to; /* [from, to) */
};

struct ue_inbox_message {
	LIST_ENTRY(ue_inbox_message) link;
	char id[MSRP_MESSAGE_ID_MAX + 1];
	char *mem;
	size_t mem_cap;
	int fd;
	uint64_t pos;   /* where the present chunk writes next */
	uint64_t total; /* MSRP_UNSPECIFIED until known */
	uint64_t end;   /* length fixed by a '$' chunk, else MSRP_UNSPECIFIED */
	struct span spans[MAX_SPANS];
	size_t n_spans;
	uint64_t done;
	unsigned bare;
	bool known;
	char *head; /* CPIM head's bytes, when read back from the file */
};

struct ue_inbox {
	LIST_HEAD(, ue_inbox_message) messages;
	size_t n;
};

struct ue_inbox *ue_inbox_new(void)
{
	struct ue_inbox *in = xcalloc(1, sizeof(*in));

	LIST_INIT(&in->messages);
	return in;
}

void ue_inbox_drop(struct ue_inbox *in, struct ue_inbox_message *m)
{
	LIST_REMOVE(m, link);
	in->n--;
	if (m->fd >= 0)
		close(m->fd);
	free(m->mem);
	free(m->head);
	free(m);
}

void ue_inbox_free(struct ue_inbox **in)
{
	struct ue_inbox_message *m;

	if (!*in)
		return;
	while ((m = LIST_FIRST(&(*in)->messages)))
		ue_inbox_drop(*in, m);
	free(*in);
	*in = NULL;
}

int ue_inbox_begin(struct ue_inbox *in, const struct msrp_head *head, unsigned bare,
		   struct ue_inbox_message **message_r)
{
	struct ue_inbox_message *m;
	uint64_t start = head->range.present ? head->range.start : 1;

	if (head->range.present && head->range.total != MSRP_UNSPECIFIED &&
	    head->range.total > UE_INBOX_MAX_SIZE)
		return -ERR_LIMIT;
	LIST_FOREACH(m, &in->messages, link)
		if (slice_eq_str(head->message_id, m->id))
			break;
	if (!m) {
		if (in->n >= UE_INBOX_MESSAGES || head->message_id.len > MSRP_MESSAGE_ID_MAX)
			return -ERR_LIMIT;
		m = xcalloc(1, sizeof(*m));
		m->bare = bare;
		memcpy(m->id, head->message_id.ptr, head->message_id.len);
		m->fd = -1;
		m->total = m->end = MSRP_UNSPECIFIED;
		LIST_INSERT_HEAD(&in->messages, m, link);
		in->n++;
	}
	if (head->range.present && head->range.total != MSRP_UNSPECIFIED)
		m->total = head->range.total;
	m->pos = start - 1;
	*message_r = m;
	return 0;
}

/* Add [from, to) to the list; intervals that touch become one. */
static int add_span(struct ue_inbox_message *m, uint64_t from, uint64_t to)
{
	size_t i = 0, j;

	while (i < m->n_spans && m->spans[i].to < from)
		i++;
	for (j = i; j < m->n_spans && m->spans[j].from <= to; j++) {
		from = m->spans[j].from < from ? m->spans[j].from : from;
		to = m->spans[j].to > to ? m->spans[j].to : to;
	}
	if (j == i && m->n_spans == MAX_SPANS)
		return -ERR_LIMIT;
	memmove(&m->spans[i + 1], &m->spans[j], (m->n_spans - j) * sizeof(m->spans[0]));
	m->n_spans = m->n_spans - (j - i) + 1;
	m->spans[i] = (struct span){from, to};
	return 0;
}

static int to_file(struct ue_inbox_message *m)
{
	FILE *f = tmpfile();
	size_t i;

	if (!f)
		return -ERR_IO;
	m->fd = dup(fileno(f));
	fclose(f);
	if (m->fd < 0)
		return -ERR_IO;
	for (i = 0; i < m->n_spans; i++) {
		size_t len = (size_t)(m->spans[i].to - m->spans[i].from);

		if (pwrite(m->fd, m->mem + m->spans[i].from, len, (off_t)m->spans[i].from) !=
		    (ssize_t)len)
			return -ERR_IO;
	}
	free(m->mem);
	m->mem = NULL;
	return 0;
}

int ue_inbox_piece(struct ue_inbox_message *m, struct slice piece)
{
	uint64_t to = m->pos + piece.len;
	int err;

	if (to > UE_INBOX_MAX_SIZE)
		return -ERR_LIMIT;
	if (m->fd < 0 && to > UE_INBOX_MEMORY && (err = to_file(m)) < 0)
		return err;
	if (m->fd < 0) {
		if (to > m->mem_cap) {
			m->mem_cap = to > m->mem_cap * 2 ? (size_t)to : m->mem_cap * 2;
			m->mem = xrealloc(m->mem, m->mem_cap);
		}
		memcpy(m->mem + m->pos, piece.ptr, piece.len);
	} else if (pwrite(m->fd, piece.ptr, piece.len, (off_t)m->pos) != (ssize_t)piece.len) {
		return -ERR_IO;
	}
	err = add_span(m, m->pos, to);
	if (err < 0)
		return err;
	m->done += piece.len;
	m->pos = to;
	return 0;
}

static int describe(struct ue_inbox_message *m, struct ue_message *out_r)
{
	struct ue_message out = {.id = m->id, .fd = m->fd};
	struct slice bytes = slice_make(m->mem, (size_t)(m->fd < 0 ? m->end : 0));
	uint64_t whole = m->end;
	int rc;

	if (m->fd >= 0) {
		ssize_t n;

		m->head = xcalloc(1, CPIM_HEAD_MAX);
		n = pread(m->fd, m->head, CPIM_HEAD_MAX, 0);
		if (n < 0)
			return -ERR_IO;
		bytes = slice_make(m->head, (size_t)n);
	}
	if (m->bare) {
		out.bare = true;
		out.bare_kind = m->bare;
		out.payload = bytes;
		out.size = whole;
		*out_r = out;
		return m->fd < 0 ? 1 : -ERR_SYNTAX;
	}
	rc = cpim_parse(bytes, CPIM_HEAD_MAX, true, false, &out.cpim);
	if (rc != 1)
		return -ERR_SYNTAX;
	out.head = slice_first(bytes, out.cpim.head_len);
	out.offset = out.cpim.head_len;
	out.size = whole - out.cpim.head_len;
	if (m->fd < 0)
		out.payload = slice_from(bytes, out.cpim.head_len);
	*out_r = out;
	return 1;
}

int ue_inbox_end(struct ue_inbox_message *m, char flag, struct ue_message *out_r)
{
	if (flag == '#')
		return -ERR_CLOSED;
	if (flag == '$')
		m->end = m->pos;
	if (m->end == MSRP_UNSPECIFIED || m->n_spans != 1 || m->spans[0].from != 0 ||
	    m->spans[0].to < m->end)
		return 0;
	return describe(m, out_r);
}

const char *ue_inbox_id(const struct ue_inbox_message *m)
{
	return m->id;
}

bool ue_inbox_here(const struct ue_inbox_message *m, struct ue_source *here_r)
{
	if (m->known || m->bare || m->n_spans == 0 || m->spans[0].from != 0)
		return false;
	*here_r = (struct ue_source){.fd = m->fd, .size = m->spans[0].to};
	if (m->fd < 0)
		here_r->mem = slice_make(m->mem, (size_t)m->spans[0].to);
	return true;
}

void ue_inbox_known(struct ue_inbox_message *m, bool known)
{
	m->known = known;
}

uint64_t ue_inbox_done(const struct ue_inbox_message *m)
{
	return m->done;
}

uint64_t ue_inbox_total(const struct ue_inbox_message *m)
{
	return m->total == MSRP_UNSPECIFIED ? 0 : m->total;
}
