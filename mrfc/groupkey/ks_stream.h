/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MRFC_GROUPKEY_KS_STREAM_H
#define MRFC_GROUPKEY_KS_STREAM_H

#include "common/addr.h"
#include "common/fingerprint.h"
#include "proto/ks/ks_frame.h"

struct event_base;
struct tls;

/* One stream of key server frames, either end of it. Events come from the loop, never inside a call. */
struct ks_stream;

struct ks_stream_events {
	/* It is up: the peer is who it has to be. */
	void (*up)(struct ks_stream *s, void *arg);
	/* Views die with the call. The stream may be freed in it. */
	void (*frame)(struct ks_stream *s, const struct ks_frame *f, void *arg);
	/* It ended or never came up; once, and nothing follows. It is to be freed. */
	void (*closed)(struct ks_stream *s, const char *why, void *arg);
};

/* How the peer is known: over TLS 1.3 with one of these certificates; tls NULL: over a Unix socket. */
struct ks_security {
	struct tls *tls;
	struct fingerprint_list pins;
};

/* security must outlive the stream. */
struct ks_stream *ks_stream_accept(struct event_base *base, const struct ks_security *security,
				   int fd_take, const struct addr *peer,
				   const struct ks_stream_events *events, void *arg);
/* -ERR_IO with errno. */
MUST_CHECK int ks_stream_connect(struct event_base *base, const struct ks_security *security,
				 const struct addr *peer, const struct ks_stream_events *events,
				 void *arg, struct ks_stream **stream_r);
/* -ERR_LIMIT: the peer has not read for too long, or the frame is too long: the stream is of no more use. */
MUST_CHECK int ks_stream_send(struct ks_stream *s, const struct ks_frame *f);
/* Tries once to send what waits. Also inside its own events. Nulls the pointer. */
void ks_stream_free(struct ks_stream **s);

#endif
