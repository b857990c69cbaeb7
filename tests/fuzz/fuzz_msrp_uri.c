/* SPDX-License-Identifier: Apache-2.0 */
/*
 * MSRP URIs and paths: what is read, built again, must equal itself by the full comparison; a path
 * is read as the URIs that it is made of.
 */
#include <stdlib.h>

#include "proto/msrp_uri.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool ok)
{
	if (!ok)
		abort();
}

static void check_rebuilt(const struct msrp_uri *uri)
{
	struct bytes out = BYTES_INIT;
	struct msrp_uri again;

	if (!uri->has_port)
		return;
	msrp_uri_build(&out, uri->secure, uri->host, uri->port, uri->session_id, uri->transport);
	check(msrp_uri_parse(bytes_slice(&out), &again) == 0);
	check(msrp_uri_equal(uri, &again) && msrp_uri_equal(&again, uri));
	check(msrp_uri_same_session(uri, &again) == uri->has_session_id);
	check(slice_eq(uri->host, again.host));
	bytes_fini(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice text = slice_make(data, size);
	struct msrp_path path;
	struct msrp_uri uri;

	if (msrp_uri_parse(text, &uri) == 0) {
		check(msrp_uri_equal(&uri, &uri));
		check_rebuilt(&uri);
		check(msrp_path_parse(text, &path) == 0 && path.n_items == 1);
	}
	if (msrp_path_parse(text, &path) < 0)
		return 0;
	check(path.n_items >= 1 && path.n_items <= MSRP_PATH_MAX);
	for (size_t i = 0; i < path.n_items; i++)
		check(msrp_uri_parse(path.items[i], &uri) == 0);
	return 0;
}
