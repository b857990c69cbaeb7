/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MRFC_GROUPKEY_ALLOW_H
#define MRFC_GROUPKEY_ALLOW_H

#include "common/bytes.h"

/*
 * A key server's own word on who may have the keys of which conference, whatever an MRFC says. Lines
 * "CONFERENCE: USER USER ..." of URIs with * for any octets; # begins a comment. The first line whose
 * conference fits decides; where none does, nobody may.
 */
struct allow;

/* -ERR_SYNTAX: a line without a colon or users, or with what is neither a URI nor a pattern; -ERR_LIMIT: too long. *line_r: which, from 1. */
MUST_CHECK int allow_parse(struct slice text, struct allow **allow_r, unsigned *line_r);
/* The same of a file. -ERR_IO with errno. why: a sentence that names the file. */
MUST_CHECK int allow_read(const char *file, struct allow **allow_r, char *why, size_t why_size);
void allow_free(struct allow **a);
bool allow_has(const struct allow *a, const char *room, const char *uri);

#endif
