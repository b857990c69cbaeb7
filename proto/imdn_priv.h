/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PROTO_IMDN_PRIV_H
#define PROTO_IMDN_PRIV_H

/* Shared by imdn.c, imdn_scan.c and the fuzzer that compares them. */

#include "proto/imdn.h"

extern const char *const imdn_kind_names[IMDN_KINDS];
extern const char *const imdn_status_names[IMDN_STATUSES];

/*
 * Read a document in the plain form that devices write: ASCII, no comments, references, prefixes or
 * extensions. True: *imdn_r is what imdn_read_xml() would give. False: no such form, ask that one.
 */
bool imdn_scan(struct slice text, struct imdn *imdn_r);
/* Read any document; imdn_parse()'s results. */
MUST_CHECK int imdn_read_xml(struct slice text, struct imdn *imdn_r);

#endif
