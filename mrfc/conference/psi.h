/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MRFC_CONFERENCE_PSI_H
#define MRFC_CONFERENCE_PSI_H

#include <stdbool.h>

#include "common/bytes.h"

/*
 * Public service identities that the core routes to the focus (TS 23.228 5.4.12, TS 23.003 13.5):
 * distinct ones, and wildcarded ones whose user part has a regular expression between two "!". A
 * conference outside of them would be created and never be reached.
 */
struct psi_set;

/*
 * Comma-separated "sip:chat-!.*!@domain"; "" gives a set that has every name. -ERR_SYNTAX: *bad_r is the
 * one that is none, is of another domain, or whose expression takes no name that we would make.
 */
MUST_CHECK int psi_set_parse(const char *list, const char *domain, struct psi_set **set_r,
			     struct slice *bad_r);
void psi_set_free(struct psi_set **set);
/* May a conference be called so? */
bool psi_set_has(const struct psi_set *set, struct slice name);
/* A name with these random characters in the first wildcard; false when there is none. */
bool psi_set_name(const struct psi_set *set, const char *random, struct bytes *out);

#endif
