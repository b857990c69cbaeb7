/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PROTO_XML_H
#define PROTO_XML_H

#include "common/bytes.h"

/*
 * What confinfo and reslist share of XML. Writing: escaped text into a byte buffer. Reading: a
 * pull reader over libxml2 without DTD, entities or network, for whole documents in UTF-8.
 */

/* Escaped for text and attribute values; characters XML 1.0 forbids and broken UTF-8 become U+FFFD. */
void xml_add_text(struct bytes *out, const char *text);
/* ' name="value"'; nothing when value is NULL. */
void xml_add_attr(struct bytes *out, const char *name, const char *value);
/* '<name>text</name>'; nothing when text is NULL. */
void xml_add_element(struct bytes *out, const char *name, const char *text);

enum xml_item_type { XML_ITEM_START, XML_ITEM_TEXT, XML_ITEM_END };
struct xml_item {
	enum xml_item_type type;
	const char *name;  /* START, END: local name */
	const char *ns;    /* START, END: namespace, "" when none */
	struct slice text; /* TEXT */
};
struct xml_reader;

/*
 * Reader of one document; text must outlive it. -ERR_LIMIT over max_bytes, -ERR_SYNTAX when it is
 * not UTF-8 or has a document type declaration. Release with xml_close.
 */
MUST_CHECK int xml_open(struct slice text, size_t max_bytes, int max_depth,
			struct xml_reader **x_r);
/*
 * Next item: 1, or 0 after the end of the document; -ERR_SYNTAX, -ERR_LIMIT (too deep). Every START
 * has its END. Strings in *item_r live until the next call.
 */
MUST_CHECK int xml_next(struct xml_reader *x, struct xml_item *item_r);
/* Attribute of the START just returned, heap copy; NULL when absent. ns NULL: without namespace. */
char *xml_attr(struct xml_reader *x, const char *name, const char *ns);
void xml_close(struct xml_reader **x);

#endif
