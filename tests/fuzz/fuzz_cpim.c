/* SPDX-License-Identifier: Apache-2.0 */
/*
 * message/cpim heads: shown byte by byte the answer must be the one for the whole; what strict
 * accepts tolerant accepts with the same reading; a head built from what was read is read alike.
 */
#include <stdlib.h>

#include "proto/cpim.h"

#define MAX_LEN 2048

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool ok)
{
	if (!ok)
		abort();
}

static void same_head(const struct cpim_head *a, const struct cpim_head *b)
{
	check(slice_eq(a->from, b->from) && slice_eq(a->to, b->to) && a->kind == b->kind);
	check(slice_eq(a->date_time, b->date_time));
	check(slice_eq(a->content_type, b->content_type));
}

/* Grow the input a byte at a time in memory of exactly that size until there is an answer. */
static int parse_slowly(struct slice in, bool strict, struct cpim_head *head_r)
{
	int rc = 0;

	for (size_t n = 0; n <= in.len && rc == 0; n++) {
		char *copy = malloc(n ? n : 1);

		if (!copy)
			abort();
		if (n)
			memcpy(copy, in.ptr, n);
		rc = cpim_parse(slice_make(copy, n), MAX_LEN, n == in.len, strict, head_r);
		free(copy);
	}
	return rc;
}

static void check_rebuilt(const struct cpim_head *h)
{
	struct cpim_fields fields = {
		.from_uri = h->from,
		.to_uri = h->to,
		.date_time = h->date_time,
		.content_type = h->content_type,
		.content_disposition = h->content_disposition,
	};
	struct bytes out = BYTES_INIT;
	struct cpim_head again;

	if (h->from.len == 0 || h->to.len == 0)
		return;
	cpim_build(&out, &fields);
	check(cpim_parse(bytes_slice(&out), SIZE_MAX, true, false, &again) == 1);
	check(again.head_len == out.len && again.n_from == 1 && again.n_to == 1);
	check(slice_eq(h->from, again.from) && slice_eq(h->to, again.to));
	check(slice_eq(h->date_time, again.date_time) && h->kind == again.kind);
	bytes_fini(&out);
}

/* What we write as a display name is read as the same text. */
static void check_display(struct slice text)
{
	struct cpim_fields fields = {
		.from_display = text,
		.from_uri = SLICE_LIT("sip:a@b"),
		.to_uri = SLICE_LIT("sip:c@d"),
		.content_type = SLICE_LIT("text/plain"),
	};
	struct bytes out = BYTES_INIT, display = BYTES_INIT;
	struct cpim_head h;
	struct slice name;

	if (text.len == 0 || text.len > 1000 || !slice_is_utf8(text))
		return;
	cpim_build(&out, &fields);
	check(cpim_parse(bytes_slice(&out), SIZE_MAX, true, true, &h) == 1);
	check(slice_eq_str(h.from, "sip:a@b"));
	name = slice_first(h.from_raw, h.from_raw.len - sizeof("<sip:a@b>"));
	if (name.len > 0 && name.ptr[0] == '"')
		name = slice_make(name.ptr + 1, name.len - 2);
	check(cpim_unescape(name, &display) == 0 && slice_eq(bytes_slice(&display), text));
	bytes_fini(&display);
	bytes_fini(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice in = slice_make(data, size);
	struct cpim_head strict, tolerant, slow;
	struct bytes text = BYTES_INIT;
	int rc = cpim_parse(in, MAX_LEN, true, false, &tolerant);

	if (size <= 2 * MAX_LEN)
		check(parse_slowly(in, false, &slow) == rc);
	if (rc == 1) {
		check(tolerant.head_len <= size && tolerant.head_len <= MAX_LEN);
		check_rebuilt(&tolerant);
	}
	if (cpim_parse(in, MAX_LEN, true, true, &strict) == 1) {
		check(rc == 1 && strict.head_len == tolerant.head_len);
		same_head(&strict, &tolerant);
	}
	if (cpim_unescape(in, &text) < 0)
		check(text.len == 0);
	bytes_fini(&text);
	check_display(in);
	return 0;
}
