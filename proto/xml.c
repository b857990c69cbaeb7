/* SPDX-License-Identifier: Apache-2.0 */
/*
 * XML for the two document types we exchange. The writer escapes; the reader wraps libxml2's
 * xmlTextReader and refuses what only attackers send: document types, entities, other encodings,
 * deep nesting, large documents. It prints nothing and opens nothing.
 */
#include "proto/xml.h"

#include <limits.h>
#include <stdlib.h>

#include <libxml/xmlreader.h>

#include "common/mem.h"

struct xml_reader {
	xmlTextReaderPtr reader;
	int max_depth;
	bool end_pending; /* an empty element: its END comes next */
	bool broken;      /* an error that the library would read on after (namespaces) */
};

#define REPLACEMENT "\xef\xbf\xbd"

/* Octets of the valid UTF-8 character at p that XML allows; 0 when there is none. */
static size_t char_len(const char *p, size_t left)
{
	unsigned char c = (unsigned char)*p;
	size_t n = c < 0x80 ? 1 : c < 0xe0 ? 2 : c < 0xf0 ? 3 : 4;

	if (c < 0x20 && c != '\t' && c != '\n' && c != '\r')
		return 0;
	if (n > left || !slice_is_utf8(slice_make(p, n)))
		return 0;
	/* U+FFFE and U+FFFF are UTF-8 but no XML characters. */
	if (n == 3 && memcmp(p, "\xef\xbf", 2) == 0 && (unsigned char)p[2] >= 0xbe)
		return 0;
	return n;
}

static const char *escape_of(char c)
{
	switch (c) {
	case '&':
		return "&amp;";
	case '<':
		return "&lt;";
	case '>':
		return "&gt;";
	case '"':
		return "&quot;";
	case '\t':
		return "&#9;";
	case '\n':
		return "&#10;";
	case '\r':
		return "&#13;";
	default:
		return NULL;
	}
}

void xml_add_text(struct bytes *out, const char *text)
{
	size_t left = strlen(text), run = 0;

	while (left > run) {
		const char *p = text + run, *escape = escape_of(*p);
		size_t n = char_len(p, left - run);

		if (n > 0 && !escape) {
			run += n;
			continue;
		}
		bytes_add(out, text, run);
		bytes_add_str(out, escape ? escape : REPLACEMENT);
		text += run + 1;
		left -= run + 1;
		run = 0;
	}
	bytes_add(out, text, run);
}

void xml_add_attr(struct bytes *out, const char *name, const char *value)
{
	if (!value)
		return;
	bytes_add_char(out, ' ');
	bytes_add_str(out, name);
	bytes_add_str(out, "=\"");
	xml_add_text(out, value);
	bytes_add_char(out, '"');
}

void xml_add_element(struct bytes *out, const char *name, const char *text)
{
	if (!text)
		return;
	bytes_add_char(out, '<');
	bytes_add_str(out, name);
	bytes_add_char(out, '>');
	xml_add_text(out, text);
	bytes_add_str(out, "</");
	bytes_add_str(out, name);
	bytes_add_char(out, '>');
}

/* libxml2 tells some errors of encodings past all options on standard error. */
static void say_nothing(void *ctx, const char *fmt, ...) PRINTF_LIKE(2, 3);
static void say_nothing(void *ctx, const char *fmt, ...)
{
	(void)ctx;
	(void)fmt;
}

/* Prefixes without a namespace, attributes that are the same in two disguises. */
static void on_error(void *arg, xmlErrorPtr error)
{
	struct xml_reader *x = arg;

	if (error->level >= XML_ERR_ERROR)
		x->broken = true;
}

int xml_open(struct slice text, size_t max_bytes, int max_depth, struct xml_reader **x_r)
{
	const int options = XML_PARSE_NONET | XML_PARSE_NOERROR | XML_PARSE_NOWARNING |
			    XML_PARSE_NOCDATA | XML_PARSE_COMPACT;
	xmlTextReaderPtr reader;
	struct xml_reader *x;

	if (text.len > max_bytes || text.len > INT_MAX)
		return -ERR_LIMIT;
	/* The declaration is looked for before libxml2 would read what it declares. */
	if (text.len == 0 || !slice_is_utf8(text) || slice_find(text, SLICE_LIT("<!DOCTYPE")) >= 0)
		return -ERR_SYNTAX;
	xmlSetGenericErrorFunc(NULL, say_nothing);
	reader = xmlReaderForMemory(text.ptr, (int)text.len, NULL, "UTF-8", options);
	if (!reader)
		return -ERR_SYNTAX;
	x = xcalloc(1, sizeof(*x));
	x->reader = reader;
	x->max_depth = max_depth;
	xmlTextReaderSetStructuredErrorHandler(reader, on_error, x);
	*x_r = x;
	return 0;
}

static void item_name(struct xml_reader *x, enum xml_item_type type, struct xml_item *item)
{
	const xmlChar *ns = xmlTextReaderConstNamespaceUri(x->reader);

	*item = (struct xml_item){
		.type = type,
		.name = (const char *)xmlTextReaderConstLocalName(x->reader),
		.ns = ns ? (const char *)ns : "",
	};
}

/* 1: *item_r is set; 0: nothing of interest; < 0: refused. */
static int take_node(struct xml_reader *x, struct xml_item *item_r)
{
	const xmlChar *value;

	if (xmlTextReaderDepth(x->reader) >= x->max_depth)
		return -ERR_LIMIT;
	switch (xmlTextReaderNodeType(x->reader)) {
	case XML_READER_TYPE_ELEMENT:
		x->end_pending = xmlTextReaderIsEmptyElement(x->reader) == 1;
		item_name(x, XML_ITEM_START, item_r);
		return 1;
	case XML_READER_TYPE_END_ELEMENT:
		item_name(x, XML_ITEM_END, item_r);
		return 1;
	case XML_READER_TYPE_TEXT:
	case XML_READER_TYPE_CDATA:
	case XML_READER_TYPE_SIGNIFICANT_WHITESPACE:
		value = xmlTextReaderConstValue(x->reader);
		*item_r = (struct xml_item){.type = XML_ITEM_TEXT,
					    .text = slice_str((const char *)value)};
		return 1;
	case XML_READER_TYPE_DOCUMENT_TYPE:
	case XML_READER_TYPE_ENTITY_REFERENCE:
		return -ERR_SYNTAX;
	default:
		return 0;
	}
}

int xml_next(struct xml_reader *x, struct xml_item *item_r)
{
	int n;

	if (x->end_pending) {
		x->end_pending = false;
		item_name(x, XML_ITEM_END, item_r);
		return 1;
	}
	while ((n = xmlTextReaderRead(x->reader)) == 1) {
		int taken = take_node(x, item_r);

		if (x->broken)
			return -ERR_SYNTAX;
		if (taken != 0)
			return taken;
	}
	return n == 0 && !x->broken ? 0 : -ERR_SYNTAX;
}

char *xml_attr(struct xml_reader *x, const char *name, const char *ns)
{
	xmlChar *value;
	char *copy;

	if (ns)
		value = xmlTextReaderGetAttributeNs(x->reader, (const xmlChar *)name,
						    (const xmlChar *)ns);
	else
		value = xmlTextReaderGetAttribute(x->reader, (const xmlChar *)name);
	if (!value)
		return NULL;
	copy = xstrdup((const char *)value);
	xmlFree(value);
	return copy;
}

void xml_close(struct xml_reader **x)
{
	if (!*x)
		return;
	xmlFreeTextReader((*x)->reader);
	free(*x);
	*x = NULL;
}
