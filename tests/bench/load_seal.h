/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_BENCH_LOAD_SEAL_H
#define TESTS_BENCH_LOAD_SEAL_H

#include "common/bytes.h"

/* The epoch of sealed bodies: domain LOAD_DOMAIN, number 1; the MRFP is told so by the player of the MRFC. */
#define LOAD_DOMAIN "benchkey"
#define LOAD_EPOCH  1u
#define LOAD_TYPE   "application/pkcs7-mime;smime-type=auth-enveloped-data;name=\"smime.p7m\""

/*
 * A sealed body as a terminal makes it around a text of so many octets: the inner entity, AES-128-GCM, CMS.
 * *text_at_r: where sealed octets begin. Nobody opens it here, so they may be overwritten.
 */
void load_seal(size_t text, struct bytes *out, size_t *text_at_r);

#endif
