/* SPDX-License-Identifier: Apache-2.0 */
/* Sealed bodies of the load client: size and shape are those of terminals, the key is nobody's. */
#include "load_seal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/cms.h"

#define INNER                                                                                      \
	"Content-Type: message/cpim\r\n\r\n"                                                       \
	"From: <sip:user0@example.com>\r\nTo: <sip:room@conf.example.com>\r\n"                     \
	"DateTime: 2026-01-01T00:00:00.000Z\r\nNS: imdn <urn:ietf:params:imdn>\r\n"                \
	"imdn.Message-ID: Zk3x9a7Bq2\r\nNS: gke <urn:x-gke:cpim:1>\r\n"                            \
	"gke.Seq: 5f3a9c01.1795330800123000\r\n\r\n"                                               \
	"Content-Type: text/plain; charset=utf-8\r\n\r\n"

void load_seal(size_t text, struct bytes *out, size_t *text_at_r)
{
	static const uint8_t key[16] = {1}, nonce[12] = {2};
	struct cms_seal how = {.cipher = CMS_AES128,
			       .gkid = gkid_make((const uint8_t *)LOAD_DOMAIN, LOAD_EPOCH),
			       .kek = slice_make(key, sizeof(key)),
			       .cek = key,
			       .nonce = nonce};
	size_t inner = sizeof(INNER) - 1;
	char *plain = malloc(inner + text);
	struct cms_head head;

	if (!plain)
		exit(1);
	memcpy(plain, INNER, inner);
	memset(plain + inner, 'x', text);
	if (cms_seal(&how, slice_make(plain, inner + text), out) ||
	    cms_parse(slice_make(out->data, out->len), &head)) {
		fputs("fanload: seal\n", stderr);
		exit(1);
	}
	*text_at_r = (size_t)(head.ciphertext.ptr - out->data);
	free(plain);
}
