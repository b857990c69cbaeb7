/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PROTO_SDP_FILE_H
#define PROTO_SDP_FILE_H

#include "common/bytes.h"

/*
 * The attributes by which a media line describes one file: file-selector, file-transfer-id,
 * file-disposition, file-date, file-icon, file-range. RFC 5547 section 6. They stand at media level
 * only. A struct owns its strings; all are NULL when absent.
 */
#define SDP_FILE_HASHES   4    /* of one selector; more are dropped */
#define SDP_FILE_NAME_MAX 1024 /* octets of a name, decoded */
#define SDP_FILE_TEXT_MAX 512  /* octets of any other value */

struct sdp_file {
	bool has_selector; /* with no selector in it: only says that files are understood (8.5) */
	bool malformed;    /* some attribute broke the rules: not to be used as a file */
	char *name;        /* UTF-8 without percent-encoding; may be a path: never use it as one */
	char *type;        /* "type/subtype", parameters as written */
	bool has_size;
	uint64_t size;
	char *hashes[SDP_FILE_HASHES]; /* "sha-1:AB:..." */
	size_t n_hashes;
	char *transfer_id, *disposition, *date, *icon;
	bool has_range;
	uint64_t range_start, range_stop; /* inclusive, from 1; stop 0: to the end */
};

/* Is this the name of one of the attributes? */
bool sdp_file_is_attribute(struct slice name);
/*
 * Take one attribute in. What breaks the rules (a second one of a kind too) sets malformed and is
 * dropped. strict: hash values must be in upper case and sizes not 0; else they are mended.
 */
void sdp_file_take(struct sdp_file *f, struct slice name, struct slice value, bool strict);
void sdp_file_fini(struct sdp_file *f);
void sdp_file_copy(struct sdp_file *to, const struct sdp_file *from);

/* Write "a=...\r\n" lines of what is there; nothing of a malformed one. */
void sdp_file_build(struct bytes *out, const struct sdp_file *f);
/* Has the selector at least one of type, size, hash and the line an id: a push offer (8.2.1)? */
bool sdp_file_is_push(const struct sdp_file *f);
/* Do both select the same file: the same name, type, size and first hash (8.1)? */
bool sdp_file_same(const struct sdp_file *a, const struct sdp_file *b);
/* Append octets as "sha-1:AB:CD..." (FT-007). */
void sdp_file_hash_text(struct bytes *out, const char *algorithm, const uint8_t *value, size_t len);

#endif
