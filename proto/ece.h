/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PROTO_ECE_H
#define PROTO_ECE_H

#include "common/bytes.h"
#include "proto/gke.h"

/*
 * RFC 8188 aes128gcm of files and of everything over 64 KiB: a header (salt, record size, GKID), then
 * records, of which each can be opened by itself. One record at a time: memory is bounded by its
 * size. No randomness of its own.
 */
#define ECE_SALT_SIZE  16
#define ECE_HEAD_SIZE  33    /* with a GKID */
#define ECE_RECORD     16384 /* that we write */
#define ECE_RECORD_MIN 4096
#define ECE_RECORD_MAX 65536
#define ECE_OVERHEAD   17 /* of each record: delimiter and tag */

struct ece_head {
	uint8_t salt[ECE_SALT_SIZE];
	uint32_t record; /* octets of a record */
	struct gkid gkid;
};
void ece_head_build(const struct ece_head *head, uint8_t out[ECE_HEAD_SIZE]);
/* The first ECE_HEAD_SIZE octets. -ERR_SYNTAX: no such header; -ERR_LIMIT: record size out of range. */
MUST_CHECK int ece_head_read(struct slice in, struct ece_head *head_r);
/* Octets of the whole for so much plaintext. */
uint64_t ece_sealed_size(uint32_t record, uint64_t plain);

/* Keys of one stream, derived once. */
struct ece_keys {
	uint8_t cek[16], nonce[12];
};
void ece_keys(const struct ece_head *head, const uint8_t file_key[32], struct ece_keys *keys_r);
/* Record number n (from 0) of at most record - ECE_OVERHEAD octets; last: it ends the stream. */
MUST_CHECK int ece_seal(const struct ece_keys *keys, uint64_t n, struct slice plain, bool last,
			struct bytes *out);
/* -ERR_DENIED: wrong key, changed, or of another place; -ERR_SYNTAX: its delimiter says other than last. */
MUST_CHECK int ece_open(const struct ece_keys *keys, uint64_t n, struct slice record, bool last,
			struct bytes *out);

#endif
