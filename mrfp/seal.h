/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MRFP_SEAL_H
#define MRFP_SEAL_H

#include "mrfp/context.h"

struct ctl_add;
struct ctl_modify;

/*
 * The gate of conferences whose bodies are sealed: which form a body has, and which epoch's key it
 * names. Keys are not known here; the gate is hygiene, not secrecy. Pure.
 */
enum seal_form {
	SEAL_NONE, /* open: not for a sealed conference (415) */
	SEAL_CMS,  /* AuthEnvelopedData, RFC 5083, in both spellings of its smime-type (CMS-006) */
	SEAL_ECE   /* records of RFC 8188 */
};
enum seal_form seal_form(struct slice content_type, struct slice content_encoding);

/* So many octets of a body tell which key it names. */
#define SEAL_PEEK 128

/* What the MRFC told; zeroed: nothing yet, any epoch passes. True: the fields make sense. */
bool seal_take_add(struct seal *s, const struct ctl_add *m);
bool seal_take_modify(struct seal *s, const struct ctl_modify *m);
/*
 * The first octets of a body; complete: all there are; for_one: its To is not the room. 200; 415 it is not what
 * its type says; 403 another domain, or no epoch of now (GK-007); 0: SEAL_PEEK octets are needed.
 * What one person's certificate opens names no epoch: it passes to one alone, to the room it is 403
 * (GK-011).
 */
int seal_judge(const struct seal *s, enum seal_form form, bool for_one, struct slice first,
	       bool complete);

/* A sealed message was taken. True: the MRFC is to be told of *n_r by now (keys wear out, GK-010). */
#define SEAL_TELL 256
bool seal_count(struct seal *s, uint64_t *n_r);

#endif
