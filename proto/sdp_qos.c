/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Preconditions in session descriptions, RFC 3312 sections 4 to 6: the lines read into a table of
 * sides, and our lines made of the peer's. We reserve nothing: what we need is always there.
 */
#include "proto/sdp_qos.h"

static const char *const dir_names[] = {"none", "send", "recv", "sendrecv"};

/* -1: no direction. */
static int dir_of(struct slice word)
{
	for (int d = 0; d <= SDP_QOS_BOTH; d++) {
		if (slice_ieq_str(word, dir_names[d]))
			return d;
	}
	return -1;
}

static struct slice next_word(struct slice *rest)
{
	struct slice word;

	while (slice_next(rest, ' ', &word)) {
		word = slice_trim(word);
		if (word.len > 0)
			return word;
	}
	return SLICE_NULL;
}

static struct sdp_qos_side *side_of(struct sdp_qos *q, struct slice word)
{
	if (slice_ieq_str(word, "local"))
		return &q->local;
	return slice_ieq_str(word, "remote") ? &q->remote : NULL;
}

bool sdp_qos_is_attribute(struct slice name)
{
	return slice_ieq_str(name, "curr") || slice_ieq_str(name, "des") ||
	       slice_ieq_str(name, "conf");
}

void sdp_qos_take(struct sdp_qos *q, struct slice name, struct slice value)
{
	bool des = slice_ieq_str(name, "des");
	struct slice strength = SLICE_NULL;
	struct sdp_qos_side *side;
	int dir;

	if (!slice_ieq_str(next_word(&value), "qos"))
		return;
	if (des)
		strength = next_word(&value);
	side = side_of(q, next_word(&value));
	dir = dir_of(next_word(&value));
	if (side == NULL || dir < 0)
		return;
	q->present = true;
	if (slice_ieq_str(name, "curr"))
		side->curr = (unsigned)dir;
	else if (!des)
		side->conf = (unsigned)dir;
	else if (slice_ieq_str(strength, "mandatory"))
		side->mandatory |= (unsigned)dir;
	else if (slice_ieq_str(strength, "optional"))
		side->optional |= (unsigned)dir;
}

static void build_des(struct bytes *out, const struct sdp_qos_side *s, const char *side)
{
	if (s->mandatory)
		bytes_addf(out, "a=des:qos mandatory %s %s\r\n", side, dir_names[s->mandatory]);
	if (s->optional)
		bytes_addf(out, "a=des:qos optional %s %s\r\n", side, dir_names[s->optional]);
	if (!s->mandatory && !s->optional)
		bytes_addf(out, "a=des:qos none %s sendrecv\r\n", side);
}

void sdp_qos_build(struct bytes *out, const struct sdp_qos *q)
{
	if (!q->present)
		return;
	bytes_addf(out, "a=curr:qos local %s\r\n", dir_names[q->local.curr]);
	bytes_addf(out, "a=curr:qos remote %s\r\n", dir_names[q->remote.curr]);
	build_des(out, &q->local, "local");
	build_des(out, &q->remote, "remote");
	if (q->local.conf)
		bytes_addf(out, "a=conf:qos local %s\r\n", dir_names[q->local.conf]);
	if (q->remote.conf)
		bytes_addf(out, "a=conf:qos remote %s\r\n", dir_names[q->remote.conf]);
}

bool sdp_qos_waits(const struct sdp_qos *q)
{
	return q->present && (q->local.mandatory & ~q->local.curr) != 0;
}

bool sdp_qos_asks(const struct sdp_qos *q)
{
	return q->present &&
	       ((q->remote.conf | q->remote.mandatory | q->remote.optional) & ~q->remote.curr) != 0;
}

/* Their sending is our receiving. */
static unsigned turned(unsigned dirs)
{
	return ((dirs & SDP_QOS_SEND) ? SDP_QOS_RECV : 0u) |
	       ((dirs & SDP_QOS_RECV) ? SDP_QOS_SEND : 0u);
}

static struct sdp_qos_side turned_side(const struct sdp_qos_side *s)
{
	return (struct sdp_qos_side){.curr = turned(s->curr),
				     .mandatory = turned(s->mandatory),
				     .optional = turned(s->optional)};
}

struct sdp_qos sdp_qos_reply(const struct sdp_qos *theirs, bool confirm)
{
	struct sdp_qos ours = {.present = theirs->present};

	if (!theirs->present)
		return ours;
	ours.local = turned_side(&theirs->remote);
	ours.remote = turned_side(&theirs->local);
	ours.local.curr = SDP_QOS_BOTH;
	if (confirm)
		ours.remote.conf = ours.remote.mandatory & ~ours.remote.curr;
	return ours;
}
