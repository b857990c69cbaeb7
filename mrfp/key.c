/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Key messages on their way up. They are gathered whole, as the focus judges them as one piece, and
 * not looked into: the bytes are opaque here. So are private messages to who is away.
 */
#include "mrfp/key.h"

#include <string.h>

#include "common/mem.h"
#include "proto/media_type.h"

void key_begin(struct inmsg *m, size_t head_len)
{
	m->key = xcalloc(1, 1);
	m->key_head = head_len;
}

void key_begin_frames(struct inmsg *m)
{
	key_begin(m, 0);
	m->key_frames = true;
}

void key_begin_absent(struct inmsg *m, struct slice to)
{
	m->key = xcalloc(1, 1);
	m->absent = slice_dup(to);
}

uint64_t key_max(const struct inmsg *m)
{
	if (m->key_frames)
		return KEY_FRAMES_MAX;
	return m->absent ? KEY_ABSENT_MAX : KEY_MESSAGE_MAX;
}

static void hand_up_absent(struct inmsg *m)
{
	struct plane *p = m->from->ctx->plane;
	struct ctl_notify n = {0};

	CTL_SET(&n, notify, event, CTL_EVENT_OWED);
	CTL_SET(&n, notify, sender, m->from->termination);
	CTL_SET(&n, notify, to, slice_str(m->absent));
	CTL_SET(&n, notify, message_id, slice_str(m->id));
	CTL_SET(&n, notify, content_type, slice_str(m->out.content_type));
	CTL_SET(&n, notify, body, slice_make(m->key, (size_t)m->length));
	m->absent_transaction = p->notify(m->from->ctx, &n, p->notify_arg);
	++*(m->absent_transaction ? p->stats.owed : p->stats.owed_dropped);
}

void key_octets(struct inmsg *m, uint64_t start, struct slice piece)
{
	size_t end = (size_t)start - 1 + piece.len;

	if (!start || start - 1 > key_max(m) || end > key_max(m) || !piece.len)
		return;
	if (end > m->n_key) {
		m->key = xrealloc(m->key, end);
		memset(m->key + m->n_key, 0, end - m->n_key);
		m->n_key = end;
	}
	memcpy(m->key + start - 1, piece.ptr, piece.len);
}

void key_finish(struct inmsg *m)
{
	const struct session *s = m->from;
	struct ctl_notify n = {0};

	if (m->length > m->n_key || m->length < m->key_head)
		return;
	if (m->absent) {
		hand_up_absent(m);
		return;
	}
	CTL_SET(&n, notify, event, CTL_EVENT_KEY);
	CTL_SET(&n, notify, termination, s->termination);
	if (m->key_frames)
		CTL_SET(&n, notify, content_type, media_type_base(slice_str(m->out.content_type)));
	CTL_SET(&n, notify, body,
		slice_make(m->key + m->key_head, (size_t)m->length - m->key_head));
	s->ctx->plane->notify(s->ctx, &n, s->ctx->plane->notify_arg);
}
