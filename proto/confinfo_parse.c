/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading of conference-info documents for a watcher, RFC 4575. A table maps (parent, element) to
 * what we keep; everything else, other namespaces included, is skipped with its children. The
 * document owns its strings. Applying it to what was known before is the watcher's business.
 */
#include <stdlib.h>
#include <string.h>

#include "common/mem.h"
#include "proto/confinfo.h"
#include "proto/xml.h"

#define NS_INFO      "urn:ietf:params:xml:ns:conference-info"
#define NS_XCON      "urn:ietf:params:xml:ns:xcon-conference-info"
#define NS_MRF       "urn:x-mrf:conference-info:1"
#define MAX_BYTES    (4u << 20)
#define MAX_DEPTH    32
#define EPOCH_DIGITS 24
#define MAX_ITEMS    100000 /* users, and endpoints */

enum node {
	NODE_NONE, /* not ours */
	NODE_TOP,
	NODE_INFO,
	NODE_DESCRIPTION,
	NODE_DISPLAY,
	NODE_SUBJECT,
	NODE_MAX_USERS,
	NODE_EPOCH,
	NODE_STATE,
	NODE_USER_COUNT,
	NODE_ACTIVE,
	NODE_LOCKED,
	NODE_USERS,
	NODE_USER,
	NODE_USER_DISPLAY,
	NODE_AORS,
	NODE_AOR_ENTRY,
	NODE_AOR,
	NODE_ROLES,
	NODE_ROLE,
	NODE_ENDPOINT,
	NODE_REFERRED,
	NODE_REFERRED_BY,
	NODE_STATUS,
	NODE_JOINING,
	NODE_JOINING_INFO,
	NODE_JOINED_WHEN,
	NODE_JOINED_BY,
	NODE_LEAVING,
	NODE_LEAVING_INFO,
	NODE_LEFT_REASON,
	NODE_LEFT_BY,
	NODE_MEDIA,
	NODE_MEDIA_STATUS,
};

static const struct {
	enum node parent;
	const char *name;
	enum node node;
} tree[] = {
	{NODE_TOP, "conference-info", NODE_INFO},
	{NODE_INFO, "conference-description", NODE_DESCRIPTION},
	{NODE_DESCRIPTION, "display-text", NODE_DISPLAY},
	{NODE_DESCRIPTION, "subject", NODE_SUBJECT},
	{NODE_DESCRIPTION, "maximum-user-count", NODE_MAX_USERS},
	{NODE_INFO, "conference-state", NODE_STATE},
	{NODE_STATE, "user-count", NODE_USER_COUNT},
	{NODE_STATE, "active", NODE_ACTIVE},
	{NODE_STATE, "locked", NODE_LOCKED},
	{NODE_INFO, "users", NODE_USERS},
	{NODE_USERS, "user", NODE_USER},
	{NODE_USER, "display-text", NODE_USER_DISPLAY},
	{NODE_USER, "associated-aors", NODE_AORS},
	{NODE_AORS, "entry", NODE_AOR_ENTRY},
	{NODE_AOR_ENTRY, "uri", NODE_AOR},
	{NODE_USER, "roles", NODE_ROLES},
	{NODE_ROLES, "entry", NODE_ROLE},
	{NODE_USER, "endpoint", NODE_ENDPOINT},
	{NODE_ENDPOINT, "referred", NODE_REFERRED},
	{NODE_REFERRED, "by", NODE_REFERRED_BY},
	{NODE_ENDPOINT, "status", NODE_STATUS},
	{NODE_ENDPOINT, "joining-method", NODE_JOINING},
	{NODE_ENDPOINT, "joining-info", NODE_JOINING_INFO},
	{NODE_JOINING_INFO, "when", NODE_JOINED_WHEN},
	{NODE_JOINING_INFO, "by", NODE_JOINED_BY},
	{NODE_ENDPOINT, "disconnection-method", NODE_LEAVING},
	{NODE_ENDPOINT, "disconnection-info", NODE_LEAVING_INFO},
	{NODE_LEAVING_INFO, "reason", NODE_LEFT_REASON},
	{NODE_LEAVING_INFO, "by", NODE_LEFT_BY},
	{NODE_ENDPOINT, "media", NODE_MEDIA},
	{NODE_MEDIA, "status", NODE_MEDIA_STATUS},
};

struct confinfo_parsed {
	struct confinfo_doc doc;
	struct confinfo_user *users;
	size_t *first_endpoint; /* of each user, in endpoints */
	size_t n_users, cap_users;
	struct confinfo_endpoint *endpoints;
	size_t n_endpoints, cap_endpoints;
	char **strings;
	size_t n_strings, cap_strings;
};

/* State of one reading. */
struct reading {
	struct confinfo_parsed *p;
	struct xml_reader *x;
	enum node path[MAX_DEPTH + 1];
	size_t depth; /* path[depth] is the open element */
	struct bytes text;
	bool seen_info;
};

static void *grow(void *array, size_t n, size_t *cap, size_t size)
{
	if (n < *cap)
		return array;
	*cap = *cap ? *cap * 2 : 16;
	return xrealloc(array, *cap * size);
}

static const char *keep(struct confinfo_parsed *p, char *s)
{
	if (!s)
		return NULL;
	p->strings = grow(p->strings, p->n_strings, &p->cap_strings, sizeof(*p->strings));
	p->strings[p->n_strings++] = s;
	return s;
}

static enum node child_of(enum node parent, const struct xml_item *item)
{
	if (parent == NODE_DESCRIPTION && strcmp(item->ns, NS_MRF) == 0 &&
	    strcmp(item->name, "epoch") == 0)
		return NODE_EPOCH;
	if (strcmp(item->ns, NS_INFO) != 0)
		return NODE_NONE;
	for (size_t i = 0; i < ARRAY_LEN(tree); i++) {
		if (tree[i].parent == parent && strcmp(tree[i].name, item->name) == 0)
			return tree[i].node;
	}
	return NODE_NONE;
}

/* The state attribute; full when absent (RFC 4575 4.4). */
static int state_attr(struct xml_reader *x, enum confinfo_state *state_r)
{
	char *value = xml_attr(x, "state", NULL);
	int err = 0;

	if (!value || strcmp(value, "full") == 0)
		*state_r = CONFINFO_FULL;
	else if (strcmp(value, "partial") == 0)
		*state_r = CONFINFO_PARTIAL;
	else if (strcmp(value, "deleted") == 0)
		*state_r = CONFINFO_DELETED;
	else
		err = -ERR_SYNTAX;
	free(value);
	return err;
}

static int start_info(struct reading *r)
{
	struct confinfo_doc *doc = &r->p->doc;
	uint64_t version = 0;
	char *value;
	int err;

	r->seen_info = true;
	doc->entity = keep(r->p, xml_attr(r->x, "entity", NULL));
	if (!doc->entity)
		return -ERR_SYNTAX;
	value = xml_attr(r->x, "version", NULL);
	if (value && slice_u64(slice_trim(slice_str(value)), UINT32_MAX, &version) < 0) {
		free(value);
		return -ERR_SYNTAX;
	}
	free(value);
	doc->version = (uint32_t)version;
	err = state_attr(r->x, &doc->state);
	doc->users_state = doc->state; /* no users in a partial document: they are as before */
	return err;
}

static bool is_own(struct xml_reader *x)
{
	char *text = xml_attr(x, "yourown", NULL);
	bool own = text != NULL && strcmp(text, "true") == 0;

	free(text);
	return own;
}

static int start_user(struct reading *r)
{
	struct confinfo_parsed *p = r->p;
	struct confinfo_user *u;
	size_t cap = p->cap_users;

	if (p->n_users == MAX_ITEMS)
		return -ERR_LIMIT;
	p->users = grow(p->users, p->n_users, &p->cap_users, sizeof(*p->users));
	p->first_endpoint = grow(p->first_endpoint, p->n_users, &cap, sizeof(*p->first_endpoint));
	u = &p->users[p->n_users];
	*u = (struct confinfo_user){
		.entity = keep(p, xml_attr(r->x, "entity", NULL)),
		.nickname = keep(p, xml_attr(r->x, "nickname", NS_XCON)),
		.yourown = is_own(r->x),
	};
	p->first_endpoint[p->n_users++] = p->n_endpoints;
	return u->entity ? state_attr(r->x, &u->state) : -ERR_SYNTAX;
}

/* Malformed: no epoch, as for who does not know the element. */
static void start_epoch(struct reading *r)
{
	char *id = xml_attr(r->x, "id", NULL);
	struct slice text = id ? slice_str(id) : SLICE_NULL;
	bool ok = text.len == EPOCH_DIGITS;

	for (size_t i = 0; i < text.len && ok; i++)
		ok = strchr("0123456789abcdefABCDEF", text.ptr[i]) != NULL;
	if (ok)
		r->p->doc.epoch = keep(r->p, id);
	else
		free(id);
}

static int start_endpoint(struct reading *r)
{
	struct confinfo_parsed *p = r->p;
	struct confinfo_endpoint *e;

	if (p->n_endpoints == MAX_ITEMS)
		return -ERR_LIMIT;
	p->endpoints = grow(p->endpoints, p->n_endpoints, &p->cap_endpoints, sizeof(*p->endpoints));
	e = &p->endpoints[p->n_endpoints++];
	*e = (struct confinfo_endpoint){.entity = keep(p, xml_attr(r->x, "entity", NULL))};
	p->users[p->n_users - 1].n_endpoints++;
	return e->entity ? state_attr(r->x, &e->state) : -ERR_SYNTAX;
}

static int on_start(struct reading *r, const struct xml_item *item)
{
	enum node node = child_of(r->path[r->depth], item);

	if (r->depth == 0 && node != NODE_INFO)
		return -ERR_SYNTAX;
	if (r->depth == MAX_DEPTH)
		return -ERR_LIMIT;
	r->path[++r->depth] = node;
	bytes_reset(&r->text);
	switch (node) {
	case NODE_INFO:
		return start_info(r);
	case NODE_DESCRIPTION:
		r->p->doc.with_description = true;
		return 0;
	case NODE_EPOCH:
		start_epoch(r);
		return 0;
	case NODE_STATE:
		r->p->doc.with_counts = true;
		return 0;
	case NODE_USERS:
		r->p->doc.users_state = CONFINFO_FULL;
		return state_attr(r->x, &r->p->doc.users_state);
	case NODE_USER:
		return start_user(r);
	case NODE_ENDPOINT:
		return start_endpoint(r);
	default:
		return 0;
	}
}

static int number(struct slice text, uint32_t *value_r)
{
	uint64_t v;
	int err = slice_u64(text, UINT32_MAX, &v);

	if (err < 0)
		return -ERR_SYNTAX;
	*value_r = (uint32_t)v;
	return 0;
}

/* xs:boolean */
static int truth(struct slice text, bool *value_r)
{
	bool yes = slice_eq_str(text, "true") || slice_eq_str(text, "1");

	if (!yes && !slice_eq_str(text, "false") && !slice_eq_str(text, "0"))
		return -ERR_SYNTAX;
	*value_r = yes;
	return 0;
}

/* Enumerations may be extended by others: an unknown word reads as the first, neutral value. */
static void status_of(struct slice text, struct confinfo_endpoint *e)
{
	for (enum confinfo_status s = CONFINFO_PENDING; s <= CONFINFO_DISCONNECTED; s++) {
		if (slice_eq_str(text, confinfo_status_name(s)))
			e->status = s;
	}
}

static void joining_of(struct slice text, struct confinfo_endpoint *e)
{
	for (enum confinfo_joining j = CONFINFO_DIALED_IN; j <= CONFINFO_FOCUS_OWNER; j++) {
		if (slice_eq_str(text, confinfo_joining_name(j)))
			e->joining = j;
	}
}

static void leaving_of(struct slice text, struct confinfo_endpoint *e)
{
	for (enum confinfo_leaving l = CONFINFO_DEPARTED; l <= CONFINFO_BUSY; l++) {
		if (slice_eq_str(text, confinfo_leaving_name(l)))
			e->leaving = l;
	}
}

/* Leaves below conference-description and conference-state. */
static int end_info_leaf(struct reading *r, enum node node, struct slice text)
{
	struct confinfo_doc *doc = &r->p->doc;

	switch (node) {
	case NODE_DISPLAY:
		doc->display = keep(r->p, slice_dup(text));
		return 0;
	case NODE_SUBJECT:
		doc->subject = keep(r->p, slice_dup(text));
		return 0;
	case NODE_MAX_USERS:
		return number(text, &doc->max_users);
	case NODE_USER_COUNT:
		return number(text, &doc->user_count);
	case NODE_ACTIVE:
		return truth(text, &doc->active);
	case NODE_LOCKED:
		return truth(text, &doc->locked);
	default:
		return 0;
	}
}

/* Leaves below user and endpoint. */
static void end_user_leaf(struct reading *r, enum node node, struct slice text)
{
	struct confinfo_parsed *p = r->p;
	struct confinfo_user *u = p->n_users ? &p->users[p->n_users - 1] : NULL;
	struct confinfo_endpoint *e = p->n_endpoints ? &p->endpoints[p->n_endpoints - 1] : NULL;

	switch (node) {
	case NODE_USER_DISPLAY:
		u->display = keep(p, slice_dup(text));
		break;
	case NODE_AOR:
		u->aor = keep(p, slice_dup(text));
		break;
	case NODE_ROLE:
		u->role = keep(p, slice_dup(text));
		break;
	case NODE_REFERRED_BY:
		e->referred_by = keep(p, slice_dup(text));
		break;
	case NODE_STATUS:
		status_of(text, e);
		break;
	case NODE_JOINING:
		joining_of(text, e);
		break;
	case NODE_JOINED_WHEN:
		e->joined_when = keep(p, slice_dup(text));
		break;
	case NODE_JOINED_BY:
		e->joined_by = keep(p, slice_dup(text));
		break;
	case NODE_LEAVING:
		leaving_of(text, e);
		break;
	case NODE_LEFT_REASON:
		e->left_reason = keep(p, slice_dup(text));
		break;
	case NODE_LEFT_BY:
		e->left_by = keep(p, slice_dup(text));
		break;
	case NODE_MEDIA_STATUS:
		e->media_status = keep(p, slice_dup(text));
		break;
	default:
		break;
	}
}

static int on_end(struct reading *r)
{
	enum node node = r->path[r->depth--];
	struct slice text = slice_trim(bytes_slice(&r->text));
	int err = 0;

	if (node < NODE_USERS)
		err = end_info_leaf(r, node, text);
	else
		end_user_leaf(r, node, text);
	bytes_reset(&r->text);
	return err;
}

static int read_all(struct reading *r)
{
	struct xml_item item;
	int n, err = 0;

	while (err == 0 && (n = xml_next(r->x, &item)) != 0) {
		if (n < 0)
			return n;
		if (item.type == XML_ITEM_START)
			err = on_start(r, &item);
		else if (item.type == XML_ITEM_END)
			err = on_end(r);
		else if (r->path[r->depth] != NODE_NONE)
			bytes_add_slice(&r->text, item.text);
	}
	return err < 0 ? err : r->seen_info ? 0 : -ERR_SYNTAX;
}

int confinfo_parse(struct slice text, struct confinfo_parsed **doc_r)
{
	struct reading r = {.path = {NODE_TOP}};
	struct confinfo_parsed *p;
	int err = xml_open(text, MAX_BYTES, MAX_DEPTH, &r.x);

	if (err < 0)
		return err;
	p = r.p = xcalloc(1, sizeof(*p));
	err = read_all(&r);
	bytes_fini(&r.text);
	xml_close(&r.x);
	if (err < 0) {
		confinfo_free(&p);
		return err;
	}
	for (size_t i = 0; i < p->n_users; i++) {
		if (p->users[i].n_endpoints > 0)
			p->users[i].endpoints = &p->endpoints[p->first_endpoint[i]];
	}
	p->doc.users = p->users;
	p->doc.n_users = p->n_users;
	*doc_r = p;
	return 0;
}

const struct confinfo_doc *confinfo_doc(const struct confinfo_parsed *p)
{
	return &p->doc;
}

void confinfo_free(struct confinfo_parsed **pp)
{
	struct confinfo_parsed *p = *pp;

	if (!p)
		return;
	for (size_t i = 0; i < p->n_strings; i++)
		free(p->strings[i]);
	free(p->strings);
	free(p->users);
	free(p->first_endpoint);
	free(p->endpoints);
	free(p);
	*pp = NULL;
}
