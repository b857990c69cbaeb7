/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Frames of a key server, and the lists of CHANGE in them: what is read lies inside the frame, and is
 * written to the same octets again.
 */
#include <stdlib.h>

#include "proto/ks/ks_frame.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool ok)
{
	if (!ok)
		abort();
}

static void inside(struct slice whole, struct slice part)
{
	check(part.len <= whole.len &&
	      (part.len == 0 ||
	       (part.ptr >= whole.ptr && part.ptr + part.len <= whole.ptr + whole.len)));
}

/* Any field may be taken for one: a list that ends well has one form only. */
static void check_list(struct slice list)
{
	struct bytes again = BYTES_INIT;
	struct ks_item_view item;
	struct slice rest = list;
	size_t left = list.len + 1;
	int rc;

	while ((rc = ks_list_next(&rest, &item)) == 1) {
		inside(list, item.uri);
		inside(list, item.key_id);
		inside(list, item.request);
		check(rest.len < left); /* it comes to an end */
		left = rest.len;
		ks_list_add(&again, &item);
	}
	if (rc == 0)
		check(rest.len == 0);
	else
		check(rest.len > 0);
	check(slice_eq(bytes_slice(&again), slice_first(list, list.len - rest.len)));
	bytes_fini(&again);
}

static void check_frame(struct slice whole, const struct ks_frame *f)
{
	struct bytes again = BYTES_INIT;

	inside(whole, f->room);
	inside(whole, f->uri);
	inside(whole, f->key_id);
	inside(whole, f->bytes);
	ks_frame_build(f, &again);
	check(slice_eq(bytes_slice(&again), whole));
	bytes_fini(&again);
	check_list(f->bytes);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice in = slice_make(data, size);
	struct ks_frame f;
	size_t used = 0;

	check_list(in);
	while (ks_frame_next(in, &f, &used) == 1) {
		check(used > 0 && used <= in.len);
		/* One octet less is none. */
		check(ks_frame_next(slice_first(in, used - 1), &f, &used) == 0);
		check(ks_frame_next(in, &f, &used) == 1);
		check_frame(slice_first(in, used), &f);
		in = slice_from(in, used);
	}
	return 0;
}
