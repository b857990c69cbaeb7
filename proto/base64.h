/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PROTO_BASE64_H
#define PROTO_BASE64_H

#include "common/bytes.h"

/* Base64 of RFC 4648 section 4: padded, without line breaks, and in one spelling only. */
void base64_build(struct slice data, struct bytes *out);
/*
 * Append what text stands for. -ERR_SYNTAX: foreign characters, padding missing or inside, bits left over
 * that are not zero; out is untouched then.
 */
MUST_CHECK int base64_parse(struct slice text, struct bytes *out);

#endif
