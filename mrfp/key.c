/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Key messages on their way up. They are gathered whole, as the focus judges them as one piece, and
 * not looked into: the bytes are opaque here.
 */
#include "mrfp/key.h"

#include <string.h>

#include "common/mem.h"

void key_begin(struct inmsg *m, size_t head_len)
{
	m->key = xcalloc(1, KEY_MESSAGE_MAX);
	m->key_head = head_len;
}

void key_octets(struct inmsg *m, uint64_t start, struct slice piece)
{
	if (!start || start - 1 + piece.len > KEY_MESSAGE_MAX || !piece.len)
		return;
	memcpy(m->key + start - 1, piece.ptr, piece.len);
}

void key_finish(const struct inmsg *m)
{
	const struct session *s = m->from;
	struct ctl_notify n = {0};

	if (m->length > KEY_MESSAGE_MAX || m->length < m->key_head)
		return;
	CTL_SET(&n, notify, event, CTL_EVENT_KEY);
	CTL_SET(&n, notify, termination, s->termination);
	CTL_SET(&n, notify, body,
		slice_make(m->key + m->key_head, (size_t)m->length - m->key_head));
	s->ctx->plane->notify(s->ctx, &n, s->ctx->plane->notify_arg);
}
