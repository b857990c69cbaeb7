/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Disposition notifications, RFC 5438 sections 10 and 11. Only elements of the IMDN namespace are
 * read (extensions are skipped whatever they hold), and one of our own: in a document that stands for
 * many recipients, how many. Which notification is due is the caller's business.
 */
#include "proto/imdn_priv.h"

#include <stdlib.h>

#include "common/mem.h"
#include "proto/xml.h"

#define NS_IMDN   "urn:ietf:params:xml:ns:imdn"
#define MAX_DEPTH 16

const char *const imdn_kind_names[IMDN_KINDS] = {
	[IMDN_DELIVERY] = "delivery-notification",
	[IMDN_DISPLAY] = "display-notification",
	[IMDN_PROCESSING] = "processing-notification",
};

const char *const imdn_status_names[IMDN_STATUSES] = {
	[IMDN_DELIVERED] = "delivered", [IMDN_FAILED] = "failed", [IMDN_DISPLAYED] = "displayed",
	[IMDN_PROCESSED] = "processed", [IMDN_STORED] = "stored", [IMDN_FORBIDDEN] = "forbidden",
	[IMDN_ERROR] = "error",         [IMDN_OTHER] = "other",
};

struct reading {
	struct imdn doc;
	int depth; /* of the element that is open; the root's is 1 */
	bool has_kind, has_status;
	bool in_kind, in_status;
	char **field; /* takes the text of the open element */
	struct bytes text;
	bool counting; /* the open element is our extension */
};

const char *imdn_status_name(enum imdn_status status)
{
	return imdn_status_names[status];
}

bool imdn_status_fits(enum imdn_kind kind, enum imdn_status status)
{
	switch (status) {
	case IMDN_DELIVERED:
	case IMDN_FAILED:
		return kind == IMDN_DELIVERY;
	case IMDN_DISPLAYED:
		return kind == IMDN_DISPLAY;
	case IMDN_PROCESSED:
	case IMDN_STORED:
		return kind == IMDN_PROCESSING;
	case IMDN_FORBIDDEN:
	case IMDN_ERROR:
		return true;
	default:
		return false;
	}
}

void imdn_fini(struct imdn *imdn)
{
	free(imdn->message_id);
	free(imdn->date_time);
	free(imdn->recipient);
	free(imdn->original_recipient);
	free(imdn->subject);
	*imdn = (struct imdn){0};
}

/* The first element of a name counts. */
static void open_field(struct reading *r, char **field)
{
	bytes_reset(&r->text);
	r->field = *field ? NULL : field;
}

/* A child of <imdn>. */
static void start_child(struct reading *r, const char *name)
{
	struct imdn *d = &r->doc;

	if (strcmp(name, "message-id") == 0)
		open_field(r, &d->message_id);
	else if (strcmp(name, "datetime") == 0)
		open_field(r, &d->date_time);
	else if (strcmp(name, "recipient-uri") == 0)
		open_field(r, &d->recipient);
	else if (strcmp(name, "original-recipient-uri") == 0)
		open_field(r, &d->original_recipient);
	else if (strcmp(name, "subject") == 0)
		open_field(r, &d->subject);
	for (unsigned k = 0; k < IMDN_KINDS && !r->has_kind; k++) {
		if (strcmp(name, imdn_kind_names[k]) == 0) {
			d->kind = (enum imdn_kind)k;
			r->has_kind = r->in_kind = true;
		}
	}
}

static void start_status(struct reading *r, const char *name)
{
	r->has_status = true;
	for (unsigned s = 0; s < IMDN_OTHER; s++) {
		if (strcmp(name, imdn_status_names[s]) == 0)
			r->doc.status = (enum imdn_status)s;
	}
}

static int start(struct reading *r, const struct xml_item *item)
{
	bool ours = strcmp(item->ns, NS_IMDN) == 0;

	r->depth++;
	if (r->depth == 1)
		return ours && strcmp(item->name, "imdn") == 0 ? 0 : -ERR_SYNTAX;
	if (r->depth == 2 && ours) {
		start_child(r, item->name);
	} else if (r->depth == 2) {
		r->counting =
			strcmp(item->ns, IMDN_NS_COUNT) == 0 && strcmp(item->name, "count") == 0;
		bytes_reset(&r->text);
	} else if (r->depth == 3 && r->in_kind && ours) {
		r->in_status = !r->has_status && strcmp(item->name, "status") == 0;
	} else if (r->depth == 4 && r->in_status && !r->has_status) {
		start_status(r, ours ? item->name : "");
	}
	return 0;
}

static void end(struct reading *r)
{
	uint64_t count;

	if (r->depth == 2 && r->field) {
		*r->field = slice_dup(slice_trim(bytes_slice(&r->text)));
		r->field = NULL;
	}
	if (r->depth == 2 && r->counting &&
	    slice_u64(slice_trim(bytes_slice(&r->text)), UINT32_MAX, &count) == 0)
		r->doc.count = (uint32_t)count;
	if (r->depth == 2)
		r->in_kind = r->counting = false;
	if (r->depth == 3)
		r->in_status = false;
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
		if (item.type == XML_ITEM_TEXT && r->depth == 2 && (r->field || r->counting))
			bytes_add_slice(&r->text, item.text);
	}
	return rc;
}

int imdn_read_xml(struct slice text, struct imdn *imdn_r)
{
	struct reading r = {.doc.status = IMDN_OTHER};
	struct xml_reader *x;
	int rc = xml_open(text, IMDN_MAX_BYTES, MAX_DEPTH, &x);

	if (rc < 0)
		return rc;
	rc = read_items(&r, x);
	xml_close(&x);
	bytes_fini(&r.text);
	if (rc == 0 && (!r.has_kind || !r.doc.message_id || !r.doc.message_id[0]))
		rc = -ERR_SYNTAX;
	if (rc < 0) {
		imdn_fini(&r.doc);
		return rc;
	}
	if (!imdn_status_fits(r.doc.kind, r.doc.status))
		r.doc.status = IMDN_OTHER;
	*imdn_r = r.doc;
	return 0;
}

int imdn_parse(struct slice text, struct imdn *imdn_r)
{
	return imdn_scan(text, imdn_r) ? 0 : imdn_read_xml(text, imdn_r);
}

void imdn_build(struct bytes *out, const struct imdn *imdn)
{
	const char *kind = imdn_kind_names[imdn->kind];

	bytes_add_str(out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\r\n"
			   "<imdn xmlns=\"" NS_IMDN "\">");
	xml_add_element(out, "message-id", imdn->message_id);
	xml_add_element(out, "datetime", imdn->date_time);
	xml_add_element(out, "recipient-uri", imdn->recipient);
	xml_add_element(out, "original-recipient-uri", imdn->original_recipient);
	xml_add_element(out, "subject", imdn->subject);
	bytes_addf(out, "<%s><status><%s/></status></%s>", kind, imdn_status_names[imdn->status],
		   kind);
	if (imdn->count)
		bytes_addf(out, "<n:count xmlns:n=\"" IMDN_NS_COUNT "\">%u</n:count>", imdn->count);
	bytes_add_str(out, "</imdn>");
}

unsigned imdn_wanted(struct slice rest)
{
	static const struct {
		const char *word;
		unsigned bit;
	} words[] = {
		{"positive-delivery", IMDN_WANT_POSITIVE},
		{"negative-delivery", IMDN_WANT_NEGATIVE},
		{"processing", IMDN_WANT_PROCESSING},
		{"display", IMDN_WANT_DISPLAY},
	};
	struct slice word;
	unsigned wanted = 0;

	while (slice_next(&rest, ',', &word)) {
		ptrdiff_t params = slice_chr(word, ';');

		if (params >= 0)
			word = slice_first(word, (size_t)params);
		for (size_t i = 0; i < ARRAY_LEN(words); i++) {
			if (slice_eq_str(slice_trim(word), words[i].word))
				wanted |= words[i].bit;
		}
	}
	return wanted;
}
