/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The short way to read notifications: in a large room the switch looks into each of them, and an
 * XML reader costs more than all else that is done with one. Whatever is not exactly the plain form
 * is left to the reader, so nothing is accepted here that it refuses.
 */
#include "common/mem.h"
#include "proto/chars.h"
#include "proto/imdn_priv.h"

#define SPACE " \t\r\n"

static bool take(struct slice *rest, const char *text)
{
	if (!slice_starts(*rest, slice_str(text)))
		return false;
	*rest = slice_from(*rest, strlen(text));
	return true;
}

static void skip_space(struct slice *rest)
{
	while (rest->len && chars_in(rest->ptr[0], SPACE))
		*rest = slice_from(*rest, 1);
}

/* "<name>", "</name>" or "<name/>" */
static bool take_tag(struct slice *rest, const char *before, const char *name, const char *after)
{
	struct slice s = *rest;

	if (!take(&s, before) || !take(&s, name) || !take(&s, after))
		return false;
	*rest = s;
	return true;
}

/* Text up to the next tag, without anything that XML gives a meaning to. */
static bool take_text(struct slice *rest, struct slice *text_r)
{
	ptrdiff_t end = slice_chr(*rest, '<');
	struct slice text = slice_first(*rest, end < 0 ? 0 : (size_t)end);

	*rest = slice_from(*rest, text.len);
	text = slice_trim(text);
	for (size_t i = 0; i < text.len; i++) {
		if (text.ptr[i] < ' ' || text.ptr[i] > '~' || chars_in(text.ptr[i], "&]"))
			return false;
	}
	*text_r = text;
	return end >= 0;
}

struct field {
	const char *name;
	struct slice value;
	bool set;
};

/* One of the fields; 1, 0 when it is none, -1 when it is not plain. The first of a name counts. */
static int take_field(struct slice *rest, struct field *fields, size_t n)
{
	struct slice text;

	for (size_t i = 0; i < n; i++) {
		if (!take_tag(rest, "<", fields[i].name, ">"))
			continue;
		if (!take_text(rest, &text) || !take_tag(rest, "</", fields[i].name, ">"))
			return -1;
		if (!fields[i].set)
			fields[i].value = text;
		fields[i].set = true;
		return 1;
	}
	return 0;
}

static bool take_notification(struct slice *rest, struct imdn *doc)
{
	unsigned k = 0, s = 0;

	while (k < IMDN_KINDS && !take_tag(rest, "<", imdn_kind_names[k], ">"))
		k++;
	if (k == IMDN_KINDS)
		return false;
	skip_space(rest);
	if (!take_tag(rest, "<", "status", ">"))
		return false;
	skip_space(rest);
	while (s < IMDN_OTHER && !take_tag(rest, "<", imdn_status_names[s], "/>"))
		s++;
	doc->kind = (enum imdn_kind)k;
	doc->status = (enum imdn_status)s;
	if (!imdn_status_fits(doc->kind, doc->status))
		return false;
	skip_space(rest);
	if (!take_tag(rest, "</", "status", ">"))
		return false;
	skip_space(rest);
	return take_tag(rest, "</", imdn_kind_names[k], ">");
}

static char *value_of(const struct field *f)
{
	return f->set ? slice_dup(f->value) : NULL;
}

bool imdn_scan(struct slice text, struct imdn *imdn_r)
{
	struct field fields[] = {{.name = "message-id"},
				 {.name = "datetime"},
				 {.name = "recipient-uri"},
				 {.name = "original-recipient-uri"},
				 {.name = "subject"}};
	struct imdn doc = {0};
	bool notified = false;
	int rc = 1;

	if (text.len > IMDN_MAX_BYTES)
		return false;
	(void)(take(&text, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>") ||
	       take(&text, "<?xml version=\"1.0\" encoding=\"utf-8\"?>"));
	skip_space(&text);
	if (!take(&text, "<imdn xmlns=\"urn:ietf:params:xml:ns:imdn\">"))
		return false;
	for (skip_space(&text); !take(&text, "</imdn>"); skip_space(&text)) {
		rc = take_field(&text, fields, ARRAY_LEN(fields));
		if (rc < 0 || (rc == 0 && (notified || !take_notification(&text, &doc))))
			return false;
		notified = notified || rc == 0;
	}
	skip_space(&text);
	if (text.len || !notified || !fields[0].value.len)
		return false;
	doc.message_id = value_of(&fields[0]);
	doc.date_time = value_of(&fields[1]);
	doc.recipient = value_of(&fields[2]);
	doc.original_recipient = value_of(&fields[3]);
	doc.subject = value_of(&fields[4]);
	*imdn_r = doc;
	return true;
}
