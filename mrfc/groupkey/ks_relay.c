/* SPDX-License-Identifier: Apache-2.0 */
/* Frames of a key server that is elsewhere, as events; what it says is judged by its form alone. */
#include "mrfc/groupkey/ks_relay.h"

#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "common/mem.h"
#include "proto/mikey.h"

#define LOG_PLACE "groupkey"

#define WHY_MAX 127

void ks_relay_add(struct bytes *list, bool joined, const struct groupkey_member *who)
{
	ks_list_add(list, &(struct ks_item_view){.joined = joined,
						 .uri = slice_str(who->uri),
						 .key_id = who->key_id,
						 .request = who->request});
}

struct ks_frame ks_relay_request(const char *room, const struct groupkey_member *from,
				 struct slice bytes)
{
	return (struct ks_frame){.verb = KS_REQUEST,
				 .room = slice_str(room),
				 .uri = slice_str(from->uri),
				 .key_id = from->key_id,
				 .bytes = bytes};
}

/* Names in frames have no end of their own. */
struct names {
	char *room, *uri;
};

static bool is_name(struct slice s, size_t max)
{
	return s.len <= max && memchr(s.ptr != NULL ? s.ptr : "", '\0', s.len) == NULL &&
	       slice_chr(s, '\n') < 0;
}

static bool makes_sense(const struct ks_frame *f, struct gkid *id_r)
{
	if (!is_name(f->uri, MIKEY_ID_MAX) || !is_name(f->key_id, MEMBER_KEY_ID_MAX))
		return false;
	switch (f->verb) {
	case KS_EPOCH:
	case KS_CONFIRMED:
		return gkid_read(f->bytes, id_r) == 0 && gkid_epoch(id_r) != 0;
	case KS_MESSAGE:
		return f->bytes.len > 0 && f->bytes.len <= MIKEY_MAX_SIZE;
	case KS_ERROR:
		return f->bytes.len > 0 && f->bytes.len <= MIKEY_MAX_SIZE;
	case KS_REFUSED:
	case KS_JUDGED:
		return true;
	default:
		return false;
	}
}

/* It may go into a header of SIP: visible ASCII without quotes. */
static void words_of(struct slice text, char why[WHY_MAX + 1])
{
	size_t n = text.len < WHY_MAX ? text.len : WHY_MAX;

	for (size_t i = 0; i < n; i++) {
		char c = text.ptr[i];

		why[i] = c < ' ' || c > '~' || c == '"' || c == '\\' ? '?' : c;
	}
	why[n] = '\0';
}

static void tell_refused(const struct groupkey *g, const struct ks_frame *f, const struct names *n)
{
	bool known = f->number > 0 && f->number < ERR_MAX;
	char why[WHY_MAX + 1];

	words_of(f->bytes, why);
	log_peer("audit: no key of %s for %s: %s", n->room, n->uri, why);
	g->events->refused(n->room, n->uri, f->key_id, known ? -(int)f->number : -ERR_DENIED, why,
			   g->arg);
}

static void tell_judged(const struct groupkey *g, const struct ks_frame *f, const struct names *n)
{
	char why[WHY_MAX + 1];

	words_of(f->bytes, why);
	g->events->judged(n->room, n->uri, f->key_id,
			  f->number < ERR_MAX ? -(int)f->number : -ERR_DENIED, why, g->arg);
}

int ks_relay_tell(const struct groupkey *g, const struct ks_frame *f)
{
	const struct groupkey_events *to = g->events;
	struct gkid id = {{0}};
	struct names n;

	if (!makes_sense(f, &id))
		return -ERR_SYNTAX;
	if (to == NULL)
		return 0;
	n = (struct names){slice_dup(f->room), slice_dup(f->uri)};
	switch (f->verb) {
	case KS_EPOCH:
		to->epoch(n.room, &id, g->arg);
		break;
	case KS_MESSAGE:
		to->message(n.room, n.uri, f->key_id, f->bytes, f->number == 1, g->arg);
		break;
	case KS_CONFIRMED:
		to->confirmed(n.room, n.uri, f->key_id, &id, g->arg);
		break;
	case KS_ERROR:
		to->error(n.room, n.uri, f->key_id, f->bytes, g->arg);
		break;
	case KS_JUDGED:
		tell_judged(g, f, &n);
		break;
	default:
		tell_refused(g, f, &n);
		break;
	}
	free(n.room);
	free(n.uri);
	return 0;
}
