/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Session descriptions: read tolerantly and strictly, judged as chat lines, written, and read
 * again. What we write must be readable and must not change any more.
 */
#include <stdlib.h>

#include "proto/sdp_msrp.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const struct sdp_session *sdp)
{
	struct bytes first = BYTES_INIT, second = BYTES_INIT;
	struct sdp_session again;
	int err;
	const char *why = NULL;

	for (size_t i = 0; i < sdp->n_media; i++) {
		int status = sdp_chat_problem(&sdp->media[i], false, &why);

		if (status != 0 && (status != 488 || !why))
			abort();
		status = sdp_push_problem(&sdp->media[i], false, &why);
		if (status != 0 && (status != 488 || !why))
			abort();
		if (status == 0 && !sdp_is_file(&sdp->media[i]))
			abort();
	}
	sdp_build(&first, sdp);
	err = sdp_parse_msrp(bytes_slice(&first), false, &again);
	/* What the session level said is said by each line, which may be too long to be read. */
	if (err < 0 && err != -ERR_LIMIT)
		abort();
	if (err == 0) {
		sdp_build(&second, &again);
		if (!slice_eq(bytes_slice(&first), bytes_slice(&second)))
			abort();
		sdp_fini(&again);
	}
	bytes_fini(&first);
	bytes_fini(&second);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct sdp_session sdp;

	for (int strict = 0; strict < 2; strict++) {
		if (sdp_parse_msrp(slice_make(data, size), strict, &sdp) < 0)
			continue;
		check(&sdp);
		sdp_fini(&sdp);
	}
	return 0;
}
