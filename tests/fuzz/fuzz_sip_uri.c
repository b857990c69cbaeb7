/* SPDX-License-Identifier: Apache-2.0 */
/*
 * SIP URIs as names: the input is two URIs, one a line. Same and key must agree, an address of
 * record must be its own and the same as what it was made from.
 */
#include <stdlib.h>

#include "proto/sip_uri.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool ok)
{
	if (!ok)
		abort();
}

static void check_aor(struct slice text)
{
	struct bytes aor = BYTES_INIT, again = BYTES_INIT;

	if (sip_uri_aor(text, &aor) == 0) {
		check(sip_uri_same(text, text));
		check(sip_uri_same(text, bytes_slice(&aor)));
		check(sip_uri_aor(bytes_slice(&aor), &again) == 0);
		check(slice_eq(bytes_slice(&aor), bytes_slice(&again)));
	}
	bytes_fini(&again);
	bytes_fini(&aor);
}

static void check_keys(struct slice a, struct slice b)
{
	struct bytes ka = BYTES_INIT, kb = BYTES_INIT;
	int ra = sip_uri_key(a, &ka), rb = sip_uri_key(b, &kb);
	bool same = sip_uri_same(a, b);

	check(same == sip_uri_same(b, a));
	check(same == (ra == 0 && rb == 0 && slice_eq(bytes_slice(&ka), bytes_slice(&kb))));
	bytes_fini(&kb);
	bytes_fini(&ka);
}

static void check_params(struct slice text)
{
	struct sip_uri uri;
	struct slice value;

	if (sip_uri_parse(text, &uri) < 0)
		return;
	if (sip_uri_param(uri.params, "transport", &value))
		check(value.len <= uri.params.len);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice rest = slice_make(data, size), a = SLICE_NULL, b = SLICE_NULL, uri;
	struct bytes display = BYTES_INIT;

	slice_next(&rest, '\n', &a);
	slice_next(&rest, '\n', &b);
	check_aor(a);
	check_keys(a, b);
	check_params(a);
	if (sip_name_addr(a, &display, &uri) == 0)
		check(uri.len > 0 && uri.ptr >= a.ptr && uri.ptr + uri.len <= a.ptr + a.len);
	else
		check(display.len == 0);
	bytes_fini(&display);
	return 0;
}
