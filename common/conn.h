/* SPDX-License-Identifier: Apache-2.0 */
#ifndef COMMON_CONN_H
#define COMMON_CONN_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/uio.h>

#include "common/addr.h"
#include "common/slice.h"

struct event_base;
struct fingerprint_list;
struct tls;

/*
 * One non-blocking byte stream in the loop. What carries it (plain TCP or Unix, TLS, WebSocket, one
 * upon another) is a stack of tables behind the stream; users never know. Users read into a buffer
 * of theirs and keep what the stream did not take.
 */
struct conn;

enum conn_event {
	CONN_CONNECTED, /* an outgoing stream is up and its handshakes are done; an accepted one's are */
	CONN_READABLE,
	CONN_WRITABLE, /* after conn_want_write(true); stays armed until false */
	CONN_FAILED /* connect or handshake failed, or reset outside read/write; errno in arg of conn_errno */
};
typedef void conn_event_fn(struct conn *c, enum conn_event ev, void *arg);

/* Take over an accepted descriptor (made non-blocking, TCP_NODELAY). Reading starts enabled. */
struct conn *conn_accept(struct event_base *base, int fd_take, const struct addr *peer,
			 conn_event_fn *fn, void *arg);
/* Start connecting. -ERR_IO when that fails at once. timeout_ms covers connect and handshake. */
MUST_CHECK int conn_connect(struct event_base *base, const struct addr *peer, uint32_t timeout_ms,
			    conn_event_fn *fn, void *arg, struct conn **conn_r);
/*
 * The same over TLS (common/tls.h, which must outlive it). An accepted stream, too, tells
 * CONN_CONNECTED, or CONN_FAILED after 10 s; octets that are not TLS end it without an answer. With
 * pins, a connected one accepts no other certificate than theirs.
 */
struct conn *conn_accept_tls(struct event_base *base, struct tls *tls, int fd_take,
			     const struct addr *peer, conn_event_fn *fn, void *arg);
MUST_CHECK int conn_connect_tls(struct event_base *base, struct tls *tls, const struct addr *peer,
				const struct fingerprint_list *pins, uint32_t timeout_ms,
				conn_event_fn *fn, void *arg, struct conn **conn_r);
/* Replace the receiver of events. */
void conn_set_handler(struct conn *c, conn_event_fn *fn, void *arg);

/* > 0 bytes; 0 end of stream; -ERR_AGAIN; -ERR_IO. */
MUST_CHECK ssize_t conn_read(struct conn *c, void *buf, size_t len);
/* ≥ 0 bytes taken (may be short); -ERR_AGAIN; -ERR_IO. Never raises SIGPIPE. */
MUST_CHECK ssize_t conn_writev(struct conn *c, const struct iovec *iov, int n);
/*
 * Octets that conn_writev() took are still to be sent (a record under way); the stream goes on by
 * itself, and with conn_want_write() CONN_WRITABLE comes when they are out. conn_free() drops them.
 */
bool conn_unsent(const struct conn *c);
void conn_want_read(struct conn *c, bool on);
void conn_want_write(struct conn *c, bool on);

const struct addr *conn_peer(const struct conn *c);
int conn_local(const struct conn *c, struct addr *addr_r) MUST_CHECK;
int conn_fd(
	const struct conn *c); /* for batched sends and accounting; never read or closed outside */
int conn_errno(const struct conn *c);
bool conn_is_secure(const struct conn *c);
/* Its TLS peer showed a certificate that is in the list (by the strongest hash there). */
bool conn_peer_is(const struct conn *c, const struct fingerprint_list *pins);
/*
 * Its TLS peer showed a certificate of an authority in tls_settings.ca, good now and for its role, with
 * host as an alternative name; else *why_r says what is wrong (static).
 */
bool conn_peer_is_named(const struct conn *c, struct slice host, const char **why_r);
/*
 * Right after conn_connect_tls(): offer this pre-shared key, too (both are copied). A peer that
 * knows it has to prove it and shows no certificate; one that does not has to show one of pins.
 */
void conn_offer_psk(struct conn *c, struct slice identity, struct slice key);
/* Identity of the pre-shared key by which the peer is known (conn_offer_psk, tls_set_psk); NULL: by none. */
const char *conn_psk(const struct conn *c);
/* Why a stream failed, for the log: TLS's reason or errno's text. Static. */
const char *conn_why(const struct conn *c);
/* Up, and its octets are those of the descriptor: others may read and write that too. */
bool conn_is_plain(const struct conn *c);
/* Kernel send buffer in bytes (SO_SNDBUF); keeps a stalled peer's backlog visible to us. */
void conn_set_sndbuf(struct conn *c, int n_bytes);

/*
 * Have the kernel find out within about timeout_s that the peer's machine is gone: probes while
 * nothing is sent, a limit for what is not acknowledged. 0: as the system has it. TCP only.
 */
void conn_set_keepalive(struct conn *c, unsigned timeout_s);

/* Close now, free at the end of the loop turn: safe inside its own callback. Nulls the pointer. */
void conn_free(struct conn **c);

#endif
