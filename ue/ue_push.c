/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Files that a UE pushes into its conference. Those of a sealed one are hashed first, some of it a turn of
 * the loop, because their sealed head says the digest of the whole; then they, or what is left to
 * send, go as any other sealed file of that size.
 */
#include <event2/event.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/digest.h"
#include "common/mem.h"
#include "ue/ue_part.h"
#include "ue/ue_priv.h"

#define TURN  16 /* pieces hashed a turn */
#define PIECE 65536

struct ue_pushing {
	LIST_ENTRY(ue_pushing) link;
	struct ue *ue;
	char *name, *type;
	int fd;
	uint64_t size, from, hashed;
	unsigned ticket;
	struct digest *digest;
	struct event *ev;
};

static void drop(struct ue_pushing *p)
{
	char hex[DIGEST_HEX_SIZE];

	LIST_REMOVE(p, link);
	event_free(p->ev);
	if (p->digest)
		digest_finish(&p->digest, hex);
	if (p->fd >= 0)
		close(p->fd);
	free(p->name);
	free(p->type);
	free(p);
}

/* The next piece. 0; -ERR_IO. */
static int hash_piece(struct ue_pushing *p)
{
	char buf[PIECE];
	uint64_t left = p->size - p->hashed;
	ssize_t n = pread(p->fd, buf, left < sizeof(buf) ? (size_t)left : sizeof(buf),
			  (off_t)p->hashed);

	if (n <= 0)
		return -ERR_IO;
	digest_add(p->digest, slice_make(buf, (size_t)n));
	p->hashed += (uint64_t)n;
	return 0;
}

/* The sealed body of what is to be sent, in a call of its own. */
static int seal_and_call(struct ue_pushing *p)
{
	struct ue *ue = p->ue;
	struct ue_range range = {.first = p->from + 1, .total = p->size};
	struct cpim_fields f = {.content_type = slice_str(p->type)};
	struct ue_source source = {.fd = p->fd, .offset = p->from, .size = p->size - p->from};
	char when[CLOCK_RFC3339_SIZE], *disposition;
	struct ue_octets octets;
	struct ue_seal_id id;
	uint64_t sealed;
	int err;

	p->fd = -1;
	digest_finish(&p->digest, range.digest);
	ue_cpim_to(ue, NULL, when, &f);
	disposition = ue_range_disposition(p->name, &range);
	f.content_disposition = slice_str(disposition);
	err = ue_seal_file(ue->seal, &f, &source, &id, &octets, &sealed);
	if (err == 0)
		err = ue_files_push_sealed(ue->files, ue->names.conference, &octets, sealed,
					   p->ticket);
	free(disposition);
	return err;
}

static void on_turn(evutil_socket_t fd, short what, void *arg)
{
	static const struct timeval next = {0, 0};
	struct ue_pushing *p = arg;
	struct ue *ue = p->ue;
	unsigned ticket = p->ticket;
	const char *why = NULL;
	int err = 0;

	(void)fd;
	(void)what;
	for (int i = 0; i < TURN && err == 0 && p->hashed < p->size; i++)
		err = hash_piece(p);
	if (err == 0 && p->hashed < p->size) {
		evtimer_add(p->ev, &next);
		return;
	}
	if (err < 0)
		why = "it cannot be read";
	else if (!ue->call)
		why = "the call is over";
	else if (seal_and_call(p) < 0)
		why = "it cannot be sealed or sent now";
	drop(p);
	if (!why)
		return;
	ue->ops->files->sent(ticket, UE_FILE_LOST, why, ue->arg);
	ue_leave_when_sent(ue);
}

static void begin(struct ue *ue, const char *name, const char *type, int fd_take, uint64_t size,
		  uint64_t from, unsigned ticket)
{
	static const struct timeval next = {0, 0};
	struct ue_pushing *p = xcalloc(1, sizeof(*p));

	p->ue = ue;
	p->name = xstrdup(name);
	p->type = xstrdup(type);
	p->fd = fd_take;
	p->size = size;
	p->from = from;
	p->ticket = ticket;
	p->digest = digest_new();
	p->ev = evtimer_new(ue->base, on_turn, p);
	LIST_INSERT_HEAD(&ue->pushing, p, link);
	evtimer_add(p->ev, &next);
}

int ue_push(struct ue *ue, const char *name, const char *type, int fd_take, uint64_t size,
	    uint64_t from, unsigned ticket)
{
	int err = !ue->joined || !ue->call ? -ERR_WRONG_STATE : 0;

	if (err == 0 && !ue_seal_on(ue->seal))
		return ue_files_push(ue->files, ue->names.conference, name, type, fd_take, size,
				     from, ticket);
	if (err == 0)
		err = ue_seal_ready(ue->seal);
	if (err < 0)
		close(fd_take);
	else
		begin(ue, name, type, fd_take, size, from, ticket);
	return err;
}

bool ue_is_pushing(const struct ue *ue)
{
	return !LIST_EMPTY(&ue->pushing) || ue_files_sending(ue->files);
}

bool ue_stop_pushing(struct ue *ue)
{
	bool any = ue_is_pushing(ue);
	struct ue_pushing *p;

	while ((p = LIST_FIRST(&ue->pushing))) {
		unsigned ticket = p->ticket;

		drop(p);
		ue->ops->files->sent(ticket, UE_FILE_STOPPED, "given up", ue->arg);
	}
	ue_files_stop(ue->files);
	return any;
}

void ue_push_forget(struct ue *ue)
{
	while (!LIST_EMPTY(&ue->pushing))
		drop(LIST_FIRST(&ue->pushing));
}
