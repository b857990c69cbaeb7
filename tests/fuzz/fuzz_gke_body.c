/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Entities inside sealed bodies: what is read is written and reads the same. The window against replays:
 * no number is fresh twice, and what is newest always is.
 */
#include <stdlib.h>

#include "proto/gke_body.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool ok)
{
	if (!ok)
		abort();
}

/* Values of MIME headers are written without folds and tabs. */
static void check_value(struct slice again, struct slice value)
{
	check(again.len == value.len);
	for (size_t i = 0; i < value.len; i++) {
		bool control = (uint8_t)value.ptr[i] < ' ' || value.ptr[i] == 0x7f;

		check(again.ptr[i] == (control ? ' ' : value.ptr[i]));
	}
}

static void check_again(const struct gke_inner *inner)
{
	struct bytes out = BYTES_INIT;
	struct slice der = SLICE_NULL;
	struct gke_inner again;

	gke_inner_build(inner, &out);
	check(bytes_ok(&out));
	check(gke_inner_parse(bytes_slice(&out), &again, &der) == 0);
	check(slice_eq(again.from, inner->from) && slice_eq(again.to, inner->to));
	check(slice_eq(again.date_time, inner->date_time));
	check(slice_eq(again.message_id, inner->message_id));
	check(again.token == inner->token && again.seq == inner->seq);
	check_value(again.content_type, inner->content_type);
	check_value(again.disposition, inner->disposition);
	check(slice_eq(again.payload, inner->payload));
	bytes_fini(&out);
}

static void check_signed(struct slice der)
{
	struct bytes out = BYTES_INIT;
	struct gke_inner inner;
	struct slice again = SLICE_NULL;

	gke_signed_build(der, &out);
	check(gke_inner_parse(bytes_slice(&out), &inner, &again) == -ERR_UNSUPPORTED);
	check(slice_eq(again, der));
	bytes_fini(&out);
}

/* Each octet a number, above a base that makes all 64 bits count. */
static void check_window(const uint8_t *data, size_t size)
{
	const uint64_t base = size && data[0] & 1 ? UINT64_MAX - 255 : 0;
	struct gke_window w = {.any = false};
	bool seen[256] = {false};
	unsigned top = 0;

	for (size_t i = 0; i < size; i++) {
		bool newest = !w.any || data[i] > top, fresh = gke_window_take(&w, base + data[i]);

		check(!fresh || !seen[data[i]]);
		check(fresh || !newest);
		check(fresh || seen[data[i]] || top - data[i] >= 64);
		seen[data[i]] = true;
		top = newest ? data[i] : top;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice der = SLICE_NULL;
	struct gke_inner inner;
	int err = gke_inner_parse(slice_make(data, size), &inner, &der);

	check(err == 0 || err == -ERR_SYNTAX || err == -ERR_UNSUPPORTED || err == -ERR_LIMIT);
	if (err == 0)
		check_again(&inner);
	if (err == -ERR_UNSUPPORTED && der.ptr)
		check_signed(der);
	check_window(data, size);
	return 0;
}
