/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An MSRP stream: cut at every byte and at odd places it must give the same events; a head that is
 * right, built again, must be read as the same head; the fast path must agree with the parser, and
 * the scan for an end-line with a plain search.
 */
#include <stdlib.h>

#include "proto/msrp_build.h"
#include "tests/msrp_events.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool ok)
{
	if (!ok)
		abort();
}

static void check_cut(struct slice in, const struct msrp_events *whole, size_t step)
{
	struct msrp_events e;

	msrp_events_run(&e, in, &msrp_limits_default, step);
	check(slice_eq(bytes_slice(&e.log), bytes_slice(&whole->log)));
	msrp_events_fini(&e);
}

static void build(struct bytes *out, const struct msrp_head *h)
{
	struct msrp_rest rest = {
		.message_id = h->message_id,
		.range = h->range,
		.success_report = h->success_report,
		.failure_report = h->failure_report,
		.use_nickname = h->use_nickname,
		.content_disposition = h->content_disposition,
		.content_type = h->has_body ? h->content_type : SLICE_NULL,
	};

	if (h->is_response)
		msrp_build_start_response(out, h->tid, h->status, "");
	else
		msrp_build_start(out, h->tid, h->method_name);
	msrp_build_paths(out, h->to_path, h->from_path);
	if (!h->is_response)
		msrp_build_rest(out, &rest);
	msrp_build_end(out, h->tid, rest.content_type.len > 0, '$');
}

static void same_head(const struct msrp_head *a, const struct msrp_head *b)
{
	check(b->error == 0 && a->is_response == b->is_response && a->status == b->status);
	check(slice_eq(a->tid, b->tid) && a->method == b->method);
	check(slice_eq(a->to_path, b->to_path) && slice_eq(a->from_path, b->from_path));
	if (a->is_response)
		return;
	check(slice_eq(a->message_id, b->message_id) && a->has_body == b->has_body);
	check(a->range.present == b->range.present && a->range.start == b->range.start &&
	      a->range.end == b->range.end && a->range.total == b->range.total);
	check(a->success_report == b->success_report && a->failure_report == b->failure_report);
	check(slice_eq(a->use_nickname, b->use_nickname));
	check(slice_eq(a->content_type, b->content_type));
}

static void check_rebuilt(const struct msrp_head *h)
{
	struct bytes out = BYTES_INIT;
	struct msrp_parser p;
	struct msrp_item item;
	size_t used;

	build(&out, h);
	msrp_parser_init(&p, &msrp_limits_default);
	check(msrp_parse_next(&p, bytes_slice(&out), &item, &used) == 1);
	same_head(h, &item.head);
	check(msrp_parse_next(&p, slice_from(bytes_slice(&out), used), &item, &used) == 1);
	check(item.type == MSRP_ITEM_END && item.body_len == 0);
	bytes_fini(&out);
}

static void check_frames(struct slice in)
{
	struct msrp_parser p;
	struct msrp_item item;
	struct slice tid;
	size_t used, fast = 0, whole = 0;

	msrp_parser_init(&p, &msrp_limits_default);
	for (;;) {
		size_t n = msrp_parse_fast_200(&p, in, &tid);

		if (n > 0) {
			fast = n;
			whole = 0;
		}
		if (msrp_parse_next(&p, in, &item, &used) != 1)
			break;
		whole += used;
		in = slice_from(in, used);
		if (item.type == MSRP_ITEM_HEAD && fast > 0)
			check(item.head.is_response && item.head.status == 200 &&
			      item.head.error == 0 && !item.head.has_body &&
			      slice_eq(item.head.tid, tid));
		if (item.type == MSRP_ITEM_HEAD && item.head.error == 0)
			check_rebuilt(&item.head);
		if (item.type == MSRP_ITEM_END) {
			check(fast == 0 || whole == fast);
			fast = 0;
		}
	}
	check(fast == 0);
}

static bool plain_search(struct slice in, struct slice needle)
{
	for (size_t i = 0; i + needle.len < in.len; i++) {
		if (memcmp(in.ptr + i, needle.ptr, needle.len) == 0 &&
		    strchr("$+#", in.ptr[i + needle.len]) && in.ptr[i + needle.len])
			return true;
	}
	return false;
}

static void check_tail_scan(struct slice in)
{
	struct slice tid = SLICE_LIT("a--a");
	struct slice needle = SLICE_LIT("-------a--a");
	bool expected = plain_search(in, needle), found = false;
	struct msrp_tail_scan scan;
	size_t at = 0, n = 1;

	msrp_tail_scan_init(&scan, tid);
	while (at < in.len) {
		found = msrp_tail_scan(&scan, slice_first(slice_from(in, at), n));
		at += n;
		n = n % 17 + 1;
	}
	check(found == expected);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice in = slice_make(data, size);
	struct msrp_events whole;

	msrp_events_run(&whole, in, &msrp_limits_default, size + 1);
	check_cut(in, &whole, 0);
	if (size <= 4096)
		check_cut(in, &whole, 1);
	msrp_events_fini(&whole);
	check_frames(in);
	check_tail_scan(in);
	return 0;
}
