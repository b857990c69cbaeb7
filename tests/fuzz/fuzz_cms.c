/* SPDX-License-Identifier: Apache-2.0 */
/* Sealed bodies: what is read lies inside the input, and what opens under a known key is sealed to the same octets. */
#include <stdlib.h>

#include "proto/cms.h"
#include "proto/cms_gcm.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Keys of the vectors in tests/data: 128 and 256 bits. */
static const uint8_t kek128[] = {0x47, 0x0f, 0x97, 0x72, 0x1f, 0x39, 0x26, 0xae,
				 0x24, 0x14, 0xc5, 0x29, 0xc6, 0x54, 0x84, 0x51};
static const uint8_t kek256[] = {0x69, 0x85, 0x6c, 0x24, 0x82, 0x17, 0xfa, 0x67, 0x4b, 0xe0, 0x0b,
				 0x67, 0xe8, 0xcc, 0x0c, 0xd2, 0x6a, 0x6c, 0x0d, 0x45, 0x1a, 0xd7,
				 0x38, 0xe1, 0xee, 0xaf, 0xa8, 0x6e, 0xdc, 0x53, 0xcd, 0x69};

static void inside(struct slice whole, struct slice part)
{
	if (part.len > whole.len ||
	    (part.len > 0 && (part.ptr < whole.ptr || part.ptr + part.len > whole.ptr + whole.len)))
		abort();
}

/* Whatever the key's name: as far as it opens, it has one form only. */
static void check_open(struct slice der, const struct cms_head *head)
{
	struct cms_seal how = {.cipher = head->cipher, .gkid = head->gkid, .date = head->date};
	struct bytes plain = BYTES_INIT, again = BYTES_INIT;
	uint8_t cek[32];

	how.kek = head->cipher == CMS_AES128 ? slice_make(kek128, sizeof(kek128))
					     : slice_make(kek256, sizeof(kek256));
	how.cek = cek;
	how.nonce = (const uint8_t *)head->nonce.ptr;
	if (cms_open(head, how.kek, &plain) < 0) {
		if (plain.len > 0)
			abort();
		return;
	}
	if (!key_unwrap(how.kek, head->wrapped_key, cek) ||
	    cms_seal(&how, bytes_slice(&plain), &again) < 0 || !slice_eq(bytes_slice(&again), der))
		abort();
	bytes_fini(&plain);
	bytes_fini(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice der = slice_make(data, size);
	struct cms_head head;
	struct gkid id;
	int peeked = cms_peek(slice_first(der, 128), &id);

	if (cms_parse(der, &head) < 0)
		return 0;
	inside(der, head.date);
	inside(der, head.wrapped_key);
	inside(der, head.nonce);
	inside(der, head.ciphertext);
	inside(der, head.tag);
	if (peeked < 0 || !gkid_eq(&id, &head.gkid))
		abort();
	check_open(der, &head);
	return 0;
}
