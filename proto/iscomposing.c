/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Typing indications, RFC 3994 section 6. Elements of other namespaces are skipped; what a state
 * means for timers is the endpoint's business.
 */
#include "proto/iscomposing.h"

#include <stdlib.h>

#include "common/mem.h"
#include "proto/xml.h"

#define NS_COMPOSING "urn:ietf:params:xml:ns:im-iscomposing"
#define MAX_DEPTH    16

struct reading {
	int depth;
	char *state, *last_active, *content_type, *refresh;
	char **field; /* takes the text of the open element */
	struct bytes text;
};

void iscomposing_fini(struct iscomposing *c)
{
	free(c->last_active);
	free(c->content_type);
	*c = (struct iscomposing){0};
}

static char **field_of(struct reading *r, const char *name)
{
	if (strcmp(name, "state") == 0)
		return &r->state;
	if (strcmp(name, "lastactive") == 0)
		return &r->last_active;
	if (strcmp(name, "contenttype") == 0)
		return &r->content_type;
	return strcmp(name, "refresh") == 0 ? &r->refresh : NULL;
}

static int start(struct reading *r, const struct xml_item *item)
{
	bool ours = strcmp(item->ns, NS_COMPOSING) == 0;

	r->depth++;
	if (r->depth == 1)
		return ours && strcmp(item->name, "isComposing") == 0 ? 0 : -ERR_SYNTAX;
	if (r->depth == 2 && ours) {
		bytes_reset(&r->text);
		r->field = field_of(r, item->name);
		if (r->field && *r->field)
			r->field = NULL; /* the first one counts */
	}
	return 0;
}

static void end(struct reading *r)
{
	if (r->depth == 2 && r->field) {
		*r->field = slice_dup(slice_trim(bytes_slice(&r->text)));
		r->field = NULL;
	}
	r->depth--;
}

static int read_items(struct reading *r, struct xml_reader *x)
{
	struct xml_item item;
	int rc;

	while ((rc = xml_next(x, &item)) == 1) {
		if (item.type == XML_ITEM_START && (rc = start(r, &item)) < 0)
			return rc;
		if (item.type == XML_ITEM_END)
			end(r);
		if (item.type == XML_ITEM_TEXT && r->depth == 2 && r->field)
			bytes_add_slice(&r->text, item.text);
	}
	return rc;
}

static void take(struct reading *r, struct iscomposing *c_r)
{
	uint64_t refresh = 0;

	if (r->refresh && slice_u64(slice_str(r->refresh), UINT32_MAX, &refresh) < 0)
		refresh = 0;
	*c_r = (struct iscomposing){.active = strcmp(r->state, "active") == 0,
				    .last_active = r->last_active,
				    .content_type = r->content_type,
				    .refresh_s = (uint32_t)refresh};
	r->last_active = r->content_type = NULL;
}

int iscomposing_parse(struct slice text, struct iscomposing *c_r)
{
	struct reading r = {0};
	struct xml_reader *x;
	int rc = xml_open(text, ISCOMPOSING_MAX_BYTES, MAX_DEPTH, &x);

	if (rc < 0)
		return rc;
	rc = read_items(&r, x);
	xml_close(&x);
	if (rc == 0 && !r.state)
		rc = -ERR_SYNTAX;
	if (rc == 0)
		take(&r, c_r);
	bytes_fini(&r.text);
	free(r.state);
	free(r.last_active);
	free(r.content_type);
	free(r.refresh);
	return rc;
}

void iscomposing_build(struct bytes *out, const struct iscomposing *c)
{
	bytes_add_str(out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\r\n"
			   "<isComposing xmlns=\"" NS_COMPOSING "\">");
	xml_add_element(out, "state", c->active ? "active" : "idle");
	xml_add_element(out, "lastactive", c->last_active);
	xml_add_element(out, "contenttype", c->content_type);
	if (c->refresh_s)
		bytes_addf(out, "<refresh>%u</refresh>", c->refresh_s);
	bytes_add_str(out, "</isComposing>");
}
