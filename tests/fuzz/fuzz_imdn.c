/* SPDX-License-Identifier: Apache-2.0 */
/* Notifications, typing indications, and multipart bodies that carry some: what can be read is written, readable, and stays the same. */
#include <stdlib.h>

#include "proto/imdn_priv.h"
#include "proto/iscomposing.h"
#include "proto/multipart.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void same_text(const char *a, const char *b)
{
	if (!a != !b || (a && strcmp(a, b) != 0))
		abort();
}

/* What the short way reads, the XML reader reads the same. */
static void check_scan(struct slice text)
{
	struct imdn a, b;

	if (!imdn_scan(text, &a))
		return;
	if (imdn_read_xml(text, &b) < 0 || a.kind != b.kind || a.status != b.status ||
	    a.count != b.count)
		abort();
	same_text(a.message_id, b.message_id);
	same_text(a.date_time, b.date_time);
	same_text(a.recipient, b.recipient);
	same_text(a.original_recipient, b.original_recipient);
	same_text(a.subject, b.subject);
	imdn_fini(&a);
	imdn_fini(&b);
}

static void check_imdn(struct slice text)
{
	struct bytes first = BYTES_INIT, second = BYTES_INIT;
	struct imdn doc, again;

	if (imdn_parse(text, &doc) < 0)
		return;
	imdn_build(&first, &doc);
	/* Escapes may make it longer than what is read. */
	if (first.len <= IMDN_MAX_BYTES) {
		if (imdn_parse(bytes_slice(&first), &again) < 0)
			abort();
		imdn_build(&second, &again);
		if (!slice_eq(bytes_slice(&first), bytes_slice(&second)))
			abort();
		imdn_fini(&again);
	}
	imdn_fini(&doc);
	bytes_fini(&first);
	bytes_fini(&second);
}

static void check_composing(struct slice text)
{
	struct bytes first = BYTES_INIT, second = BYTES_INIT;
	struct iscomposing doc, again;

	if (iscomposing_parse(text, &doc) < 0)
		return;
	iscomposing_build(&first, &doc);
	if (first.len <= ISCOMPOSING_MAX_BYTES) {
		if (iscomposing_parse(bytes_slice(&first), &again) < 0)
			abort();
		iscomposing_build(&second, &again);
		if (!slice_eq(bytes_slice(&first), bytes_slice(&second)))
			abort();
		iscomposing_fini(&again);
	}
	iscomposing_fini(&doc);
	bytes_fini(&first);
	bytes_fini(&second);
}

static void check_parts(struct slice text)
{
	struct multipart_part part;
	struct multipart m;
	size_t left = text.len;

	if (multipart_open(SLICE_LIT("multipart/mixed;boundary=b"), text, &m) < 0)
		return;
	while (multipart_next(&m, &part) == 1) {
		if (part.body.len > left || m.rest.len >= left)
			abort();
		left = m.rest.len;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	check_parts(slice_make(data, size));
	(void)imdn_wanted(slice_make(data, size));
	check_scan(slice_make(data, size));
	check_imdn(slice_make(data, size));
	check_composing(slice_make(data, size));
	return 0;
}
