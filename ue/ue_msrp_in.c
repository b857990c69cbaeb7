/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Frames that come in on a UE's MSRP session: requests are judged and answered (RFC 4975 7.3),
 * responses settle what the outbox sent, bodies go to the inbox. Knows nothing of the connection.
 */
#include "proto/ks/ks_frame.h"
#include "proto/media_type.h"
#include "proto/mikey.h"
#include "proto/msrp_build.h"
#include "ue/ue_msrp_priv.h"

static void now_bound(struct ue_msrp *m)
{
	if (m->bound)
		return;
	m->bound = true;
	m->ops->up(m->arg);
}

void ue_msrp_tell(struct ue_msrp *m, const struct ue_outbox_done *done, int status,
		  const char *reason)
{
	if (done->cut) {
		status = 0;
		reason = "the file became shorter while it was sent";
	}
	if (done->kind == UE_OUTBOX_MESSAGE)
		m->ops->sent(done->ticket, status, reason, m->arg);
	else if (done->kind == UE_OUTBOX_NICKNAME)
		m->ops->nickname(done->ticket, status, reason, m->arg);
}

/* Keep the fields of a head beyond its bytes: only what the end of the frame needs. */
static void keep_head(struct ue_msrp *m, const struct msrp_head *h)
{
	size_t tid = h->tid.len, to = h->to_path.len, from = h->from_path.len;

	m->head = *h;
	bytes_reset(&m->head_text);
	bytes_add_slice(&m->head_text, h->tid);
	bytes_add_slice(&m->head_text, h->to_path);
	bytes_add_slice(&m->head_text, h->from_path);
	m->head.tid = slice_make(m->head_text.data, tid);
	m->head.to_path = slice_make(m->head_text.data + tid, to);
	m->head.from_path = slice_make(m->head_text.data + tid + to, from);
}

enum { NOT_BARE, BARE_KEY, BARE_FRAMES };

/* What kind of message without CPIM it is, of those that are taken. */
static unsigned bare_kind(const struct ue_msrp *m, const struct msrp_head *h)
{
	struct slice type = media_type_base(h->content_type);

	if (m->ops->key && slice_ieq_str(type, MIKEY_TYPE))
		return BARE_KEY;
	return m->takes_frames && slice_ieq_str(type, KS_BODY_TYPE) ? BARE_FRAMES : NOT_BARE;
}

static int judge_request(struct ue_msrp *m, const struct msrp_head *h)
{
	struct msrp_uri ours, theirs;
	struct msrp_path to;

	if (h->error)
		return h->error;
	if (msrp_path_parse(h->to_path, &to) < 0 || to.n_items != 1 ||
	    msrp_uri_parse(to.items[0], &theirs) < 0 ||
	    msrp_uri_parse(slice_str(m->path), &ours) < 0 || !msrp_uri_same_session(&ours, &theirs))
		return 481;
	if (h->method == MSRP_REPORT)
		return 0;
	if (h->method != MSRP_SEND)
		return 501;
	if (h->has_body && !m->ops->octets && bare_kind(m, h) == NOT_BARE &&
	    !slice_ieq_str(slice_first(h->content_type, 12), "message/cpim"))
		return 415;
	return 200;
}

static void on_head(struct ue_msrp *m, const struct msrp_head *h)
{
	struct ue_outbox_done done;

	keep_head(m, h);
	m->message = NULL;
	m->status = 0;
	if (h->is_response) {
		if (!ue_outbox_response(m->outbox, h->tid, h->status, &done))
			return;
		if (done.kind == UE_OUTBOX_BIND && h->status == 200)
			now_bound(m);
		else if (done.kind == UE_OUTBOX_BIND)
			m->status = -1; /* closed at the end of the frame */
		else
			ue_msrp_tell(m, &done, h->status, msrp_status_text(h->status));
		if (h->status == 481)
			m->status = -1;
		return;
	}
	m->status = judge_request(m, h);
	if (m->status == 200 && !m->active)
		now_bound(m);
	m->raw_pos = h->range.present ? h->range.start - 1 : 0;
	m->raw_body = m->status == 200 && h->has_body && m->ops->octets;
	if (m->status == 200 && h->has_body && !m->ops->octets &&
	    ue_inbox_begin(m->inbox, h, bare_kind(m, h), &m->message) < 0)
		m->status = 413;
}

static void drop_message(struct ue_msrp *m)
{
	if (m->ops->gone)
		m->ops->gone(ue_inbox_id(m->message), m->arg);
	ue_inbox_drop(m->inbox, m->message);
	m->message = NULL;
}

static void on_body(struct ue_msrp *m, struct slice piece)
{
	struct ue_source here;

	if (m->raw_body && m->status == 200) {
		m->status = m->ops->octets(m->raw_pos, piece, m->arg);
		m->raw_pos += piece.len;
	}
	if (!m->message)
		return;
	if (ue_inbox_piece(m->message, piece) < 0) {
		drop_message(m);
		m->status = 413;
		return;
	}
	if (m->ops->growing && ue_inbox_here(m->message, &here))
		ue_inbox_known(m->message,
			       !m->ops->growing(ue_inbox_id(m->message), &here, m->arg));
	m->ops->receiving(ue_inbox_done(m->message), ue_inbox_total(m->message), m->arg);
}

/*
 * Does a message insist on a header that we do not know (RFC 3862 3.5, CPIM-006)? It fails with 400: after
 * a 415 no further message of its type would come (RFC 4975 10.4).
 */
static bool requires_more(const struct cpim_head *h)
{
	static const char known[] = "From To cc DateTime Subject NS Require "
				    "Message-ID Disposition-Notification Original-To "
				    "IMDN-Record-Route IMDN-Route";
	struct slice rest = h->require, name, one, names;

	while (slice_next(&rest, ',', &name)) {
		ptrdiff_t dot;
		bool found = false;

		name = slice_trim(name);
		dot = slice_chr(name, '.');
		name = slice_from(name, (size_t)(dot + 1));
		names = slice_str(known);
		while (!found && slice_next(&names, ' ', &one))
			found = slice_eq(name, one);
		if (!found || (dot >= 0 && !h->imdn_message_id.len))
			return true;
	}
	return false;
}

static void finish_message(struct ue_msrp *m, char flag)
{
	struct ue_message msg;
	int rc = ue_inbox_end(m->message, flag, &msg);

	if (rc == 1 && msg.bare_kind == BARE_FRAMES)
		m->ops->frames(msg.payload, m->arg);
	else if (rc == 1 && msg.bare)
		m->ops->key(msg.payload, m->arg);
	else if (rc == 1 && requires_more(&msg.cpim))
		m->status = 400;
	else if (rc == 1)
		m->ops->message(&msg, m->arg);
	else if (rc == -ERR_CLOSED)
		m->ops->aborted(SLICE_NULL, ue_inbox_done(m->message), m->arg);
	else if (rc < 0)
		m->status = 400;
	if (rc != 0)
		drop_message(m);
	m->message = NULL;
}

static void on_end(struct ue_msrp *m, char flag)
{
	if (m->head.is_response)
		return;
	if (m->message)
		finish_message(m, flag);
	if (m->ops->octets && flag == '#' && m->status == 200)
		m->ops->stopped(m->arg);
	else if (m->raw_body && flag == '$' && m->status == 200)
		m->status = m->ops->whole(m->raw_pos, m->arg);
	if (m->status == 0 || m->head.failure_report == MSRP_FR_NO ||
	    (m->status == 200 && m->head.failure_report == MSRP_FR_PARTIAL))
		return;
	msrp_build_response(&m->out, &m->head, m->status, msrp_status_text(m->status));
}

void ue_msrp_take(struct ue_msrp *m, const struct msrp_item *item)
{
	if (item->type == MSRP_ITEM_HEAD)
		on_head(m, &item->head);
	else if (item->type == MSRP_ITEM_BODY)
		on_body(m, item->piece);
	else
		on_end(m, item->flag);
}
