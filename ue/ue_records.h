/* SPDX-License-Identifier: Apache-2.0 */
#ifndef UE_UE_RECORDS_H
#define UE_UE_RECORDS_H

#include "proto/ece.h"
#include "ue/ue_octets.h"

/*
 * Files sealed as records of RFC 8188 while they are sent, and opened while they come: memory holds
 * one record of each, and none is sealed twice.
 */

/* The key to seal with, asked for with the first octet. -ERR_*: there is none (any more). The callee's *keys_r is wiped. */
typedef int ue_records_key_fn(void *arg, struct ece_head *head_r, struct ece_keys *keys_r);
/*
 * front and then the source, whose fd is taken and whose memory is copied, as sealed octets of records of
 * ECE_RECORD, *size_r of them. They end early when the source turns out shorter, or without a key.
 */
void ue_records_seal(struct slice front, const struct ue_source *from_take, ue_records_key_fn *key,
		     void *arg, struct ue_octets *octets_r, uint64_t *size_r);

/* One file that comes. Plaintext is told record by record, each of them genuine and in its place. < 0 ends it. */
struct ue_opener;
typedef int ue_opener_fn(struct slice plain, void *arg);
struct ue_opener *ue_opener_new(const struct ece_head *head, const struct ece_keys *keys,
				ue_opener_fn *fn, void *arg);
void ue_opener_free(struct ue_opener **o);
/*
 * The next octets behind the head. -ERR_DENIED: wrong key, changed, or records in wrong places;
 * -ERR_SYNTAX: octets behind the end; what fn said. Then nothing more is told.
 */
MUST_CHECK int ue_opener_take(struct ue_opener *o, struct slice sealed);
/* That was all: 0 when the last record says so, too. Errors as above, -ERR_SYNTAX: cut off. */
MUST_CHECK int ue_opener_end(struct ue_opener *o);

/* len octets at pos of what the source holds. -ERR_IO with errno. */
MUST_CHECK int ue_source_read(const struct ue_source *from, uint64_t pos, char *into, size_t len);
/* An empty file that has no name; -ERR_IO with errno. */
MUST_CHECK int ue_records_temporary(int *fd_r);
/* -ERR_IO with errno. */
MUST_CHECK int ue_records_write(int fd, struct slice s);

#endif
