/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MRFP_FRAME_H
#define MRFP_FRAME_H

#include "common/chunk.h"
#include "proto/msrp_build.h"

/*
 * Identifiers of ours: a random prefix and a counter. 11 characters of 62 carry 65 random bits
 * (RFC 4975 7.1), the counter in hex makes each one new; a suffix (".1") tells two legs of one
 * context apart that share a connection.
 */
#define SERIES_PREFIX     11
#define SERIES_SUFFIX_MAX 4
struct series {
	char prefix[SERIES_PREFIX + 1];
	uint64_t next;
};

void series_init(struct series *s);
/* Identifier of number num; out holds MSRP_TID_MAX + 1. Returns its length. */
size_t series_format(const struct series *s, uint64_t num, struct slice suffix,
		     char out[MSRP_TID_MAX + 1]);
/* Is id one of this series? Then its number and its suffix (empty when none). */
bool series_match(const struct series *s, struct slice id, uint64_t *num_r, struct slice *suffix_r);

/*
 * One SEND of ours as bytes. The transaction id is the next of the series whose end-line does not
 * occur in body (MSRP-017: numbers that do are passed over). paths may be empty: then the caller
 * puts a leg's path block between the first *start_len_r bytes and the rest. flag is '$', '+' or
 * '#'; without rest->content_type the frame has no body.
 */
struct chunk *frame_send(struct series *s, struct slice suffix, struct slice paths,
			 const struct msrp_rest *rest, struct slice body, char flag,
			 uint64_t *num_r, uint32_t *start_len_r);

/* Where the body of that length begins in such a frame. */
size_t frame_body_at(const struct chunk *frame, uint32_t start_len, size_t body_len);
/* Byte-Range of a chunk: its end is '*' above 2048 octets (MSRP-063). */
struct msrp_range frame_range(uint64_t start, uint64_t len, uint64_t total);

#endif
