/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MRFC_STATE_RECORD_H
#define MRFC_STATE_RECORD_H

#include <stdint.h>

#include "common/bytes.h"

/*
 * Text form of a record: one line "name value" per field, in the order of its table. CR, LF, NUL
 * and backslash are written \r \n \0 \\; a list is one line per item; what is zero, false or NULL
 * is left out. A reader skips names that it does not know and takes what is missing as zero, so
 * that releases may differ by fields.
 */
enum record_type {
	RECORD_TEXT, /* char *, NULL when absent */
	RECORD_LIST, /* char **, its count is a size_t at `count` */
	RECORD_BOOL, /* bool, "1" */
	RECORD_INT,  /* int or enum, 0..max */
	RECORD_U32,
	RECORD_U64,
	RECORD_ID16 /* uint8_t[16], hex */
};

struct record_field {
	const char *name;
	enum record_type type;
	size_t offset;
	size_t count;  /* RECORD_LIST */
	int max;       /* RECORD_INT */
	bool required; /* a record without it cannot be read */
};

struct record_spec {
	const char *what; /* for log lines */
	const struct record_field *fields;
	size_t n_fields;
};

#define RECORD_MAX_BYTES (256u << 10) /* of a record */
#define RECORD_MAX_LIST  1024u        /* items of a list */

/* Append the fields of *rec. */
void record_build(const struct record_spec *spec, const void *rec, struct bytes *out);
/*
 * Fill *rec, which the caller zeroed, with heap copies; release them with record_fini, also after
 * failure. -ERR_SYNTAX: no line form, a bad escape or number, a name that is no list's twice, a
 * required field is missing. -ERR_LIMIT: above RECORD_MAX_*. *why_r names the field or line.
 */
MUST_CHECK int record_parse(const struct record_spec *spec, struct slice text, void *rec,
			    const char **why_r);
/* Free what record_parse made (strings and lists that were taken out are NULL by then). */
void record_fini(const struct record_spec *spec, void *rec);

#endif
