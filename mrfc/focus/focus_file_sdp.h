/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MRFC_FOCUS_FOCUS_FILE_SDP_H
#define MRFC_FOCUS_FOCUS_FILE_SDP_H

#include "mrfc/focus/focus_sdp.h"

/*
 * Session descriptions of dialogs that carry files and nothing else: one file per m-line (RFC 5547
 * 8.2). What an offer comes to, our answer to the sender, our offer to a receiver. Pure.
 */

/* Our side of one line. */
struct file_sdp_line {
	char *path, *host; /* from the media side; NULL: the line is refused or over */
	char *fingerprint; /* of the media side; NULL: not over TLS */
	uint16_t port;
	char *transfer_id; /* of our offer; NULL: the peer's */
};

/* Our side of one dialog; zero-initialised. */
struct file_sdp_local {
	uint64_t origin_id, version;
	struct file_sdp_line line[SDP_MAX_MEDIA];
	struct bytes last;
};
void file_sdp_set(struct file_sdp_local *l, size_t i, const struct media_result *result);
void file_sdp_close(struct file_sdp_local *l, size_t i); /* from now on it is refused */
void file_sdp_fini(struct file_sdp_local *l);

/* Is this an offer of files alone: some line is one, and none is a chat? Malformed text is not. */
bool file_sdp_is_offer(struct slice text, bool strict);

/*
 * Read an offer of files, or (answer true) the answer to ours of n lines: 0, 400, or 488 when
 * no line can be served. *good_r has a bit per line that can.
 */
MUST_CHECK int file_sdp_read(struct slice text, bool answer, size_t n, uint64_t max_file,
			     const struct focus_sdp_policy *policy, struct sdp_session *sdp_r,
			     uint32_t *good_r, struct focus_sdp_why *why_r);
/*
 * For a sealed conference: 0, or 488 when something in a line of files would tell the server what the
 * seal is to hide (name, hash, type, date, icon), or has part of a file alone, which nobody could open.
 */
MUST_CHECK int file_sdp_judge_sealed(const struct sdp_session *sdp, struct focus_sdp_why *why_r);
/* The same of one line: NULL, or why. */
const char *file_sdp_leak(const struct sdp_file *file);
/* Line i of the peer for the media side; connect keeps what remote_r->connect points to. */
void file_sdp_remote(const struct sdp_session *sdp, size_t i, bool answer,
		     const struct focus_sdp_policy *policy, char connect[300],
		     struct media_remote *remote_r);

/* Is the answered line over another transport than ours? */
bool file_sdp_misfit(const struct file_sdp_local *l, size_t i, const struct sdp_media *m);
/* The answer to the sender's offer, in l->last: recvonly lines; what has no path is port 0 (FT-004, FT-005). */
void file_sdp_answer(struct file_sdp_local *l, const struct sdp_session *offer, const char *host,
		     uint64_t max_size, const struct focus_sdp_policy *policy);
/* Our offer of the same files, in l->last: sendonly lines with ids of ours. */
void file_sdp_offer(struct file_sdp_local *l, const struct sdp_session *from, const char *host,
		    bool icons);

#endif
