/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Plays the MRFC for a bench of the MRFP alone: waits on a Unix socket, lets one MRFP register,
 * Adds N terminations to one context (leg i is sip:user<i>@example.com in
 * sip:room@conf.example.com), writes a sessions file with one "To-Path From-Path" pair a line, then
 * answers whatever comes until it is told to end.
 *
 *   drive SOCKET LEGS SESSIONS-FILE [FINGERPRINT [sealed]]
 *
 * prints "listening", then "sessions LEGS". With the fingerprint of their certificate the legs are
 * TLS; in a sealed room the epoch is that of load_seal.h.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/addr.h"
#include "common/mem.h"
#include "load_seal.h"
#include "proto/ctl_codec.h"

#define LEG_PATH "%s://127.0.0.1:9/cl%06dQ8vTn3Wd;tcp"
#define TLS      2 /* a transport of Add */
#define IN_MAX   (CTL_FRAME_MAX + 4)
#define WINDOW   1000 /* Adds in flight */

struct drive {
	int fd;
	FILE *sessions;
	const char *fingerprint; /* NULL: plain legs */
	bool sealed;
	int n_legs, n_asked, n_added;
	char *in;
	size_t n_in;
	struct ctl_arena arena;
};

static void die(const char *what)
{
	fprintf(stderr, "drive: %s: %s\n", what, strerror(errno));
	exit(1);
}

static void send_all(struct drive *d, struct bytes *b)
{
	for (size_t done = 0; done < b->len;) {
		ssize_t n = send(d->fd, b->data + done, b->len - done, MSG_NOSIGNAL);

		if (n <= 0 && d->n_added == d->n_legs)
			exit(0); /* the bench is over */
		if (n <= 0)
			die("write to the MRFP");
		done += (size_t)n;
	}
	bytes_fini(b);
}

static void build(struct bytes *b, uint8_t command, uint8_t flags, uint32_t transaction,
		  enum ctl_body body, const void *msg)
{
	static const uint8_t context[CTL_CONTEXT_SIZE] = "bench bench 0001";

	if (ctl_build(b, command, flags, transaction, context, body, msg))
		die("a frame does not fit");
}

static const char *scheme(const struct drive *d)
{
	return d->fingerprint ? "msrps" : "msrp";
}

/* What TLS and sealed bodies want to be told; the items of *print live in the caller. */
static void secure(const struct drive *d, struct ctl_add *m, struct slice *print)
{
	if (!d->fingerprint)
		return;
	*print = slice_str(d->fingerprint);
	CTL_SET(m, add, transport, TLS);
	CTL_SET(m, add, fingerprints, ((struct ctl_list){print, 1}));
	if (!d->sealed)
		return;
	CTL_SET(m, add, policy, CTL_POLICY_PRIVATE | CTL_POLICY_NICKNAME | CTL_POLICY_SEALED);
	CTL_SET(m, add, key_domain, SLICE_LIT(LOAD_DOMAIN));
	CTL_SET(m, add, key_epoch, LOAD_EPOCH);
	CTL_SET(m, add, key_newest, LOAD_EPOCH);
}

/* Ask for the next legs; leg i has transaction i + 1. */
static void add_legs(struct drive *d)
{
	struct bytes b = BYTES_INIT;

	while (d->n_asked < d->n_legs && d->n_asked - d->n_added < WINDOW) {
		char path[64], uri[64];
		struct slice uris[1], print;
		struct ctl_add m = {0};

		snprintf(path, sizeof(path), LEG_PATH, scheme(d), d->n_asked);
		snprintf(uri, sizeof(uri), "sip:user%d@example.com", d->n_asked);
		uris[0] = slice_str(uri);
		CTL_SET(&m, add, epoch, 1);
		CTL_SET(&m, add, termination, (uint64_t)d->n_asked + 1);
		CTL_SET(&m, add, conference, SLICE_LIT("sip:room@conf.example.com"));
		CTL_SET(&m, add, policy, CTL_POLICY_PRIVATE | CTL_POLICY_NICKNAME);
		CTL_SET(&m, add, uris, ((struct ctl_list){uris, 1}));
		CTL_SET(&m, add, remote_path, slice_str(path));
		CTL_SET(&m, add, setup, CTL_SETUP_PASSIVE);
		CTL_SET(&m, add, match, CTL_MATCH_URI);
		CTL_SET(&m, add, caps, CTL_CAPS_CHATROOM | CTL_CAPS_PRIVATE);
		CTL_SET(&m, add, accept_types, SLICE_LIT("message/cpim"));
		secure(d, &m, &print);
		build(&b, CTL_CMD_ADD, 0, (uint32_t)++d->n_asked, CTL_BODY_add, &m);
	}
	send_all(d, &b);
}

static void on_added(struct drive *d, const struct ctl_frame *f)
{
	struct ctl_decode_error err;
	struct ctl_add_reply r;

	if (ctl_decode(f->tlvs, CTL_BODY_add_reply, &r, &d->arena, &err) || r.code != CTL_R_OK) {
		fprintf(stderr, "drive: an Add was refused\n");
		exit(1);
	}
	fprintf(d->sessions, SLICE_FMT " " LEG_PATH "\n", SLICE_ARG(r.local_path), scheme(d),
		(int)f->transaction - 1);
	if (++d->n_added < d->n_legs) {
		add_legs(d);
		return;
	}
	if (fclose(d->sessions))
		die("write the sessions file");
	printf("sessions %d\n", d->n_legs);
	fflush(stdout);
}

static void on_frame(struct drive *d, const struct ctl_frame *f)
{
	struct ctl_result r = {0};
	struct bytes b = BYTES_INIT;

	d->arena.used = 0;
	if (f->flags & CTL_FLAG_REPLY) {
		if (f->command == CTL_CMD_ADD)
			on_added(d, f);
		return;
	}
	CTL_SET(&r, result, code, CTL_R_OK);
	if (f->command == CTL_CMD_SERVICE_CHANGE) {
		CTL_SET(&r, result, incarnation, 1);
		CTL_SET(&r, result, version, CTL_VERSION);
	}
	build(&b, f->command, CTL_FLAG_REPLY, f->transaction, CTL_BODY_result, &r);
	send_all(d, &b);
	if (f->command == CTL_CMD_SERVICE_CHANGE && d->n_asked == 0)
		add_legs(d);
}

static bool read_frames(struct drive *d)
{
	ssize_t n = read(d->fd, d->in + d->n_in, IN_MAX - d->n_in);
	struct ctl_frame f;
	size_t used, done = 0;
	int rc;

	if (n <= 0)
		return false;
	d->n_in += (size_t)n;
	while ((rc = ctl_frame_next(slice_make(d->in + done, d->n_in - done), &f, &used)) > 0) {
		on_frame(d, &f);
		done += used;
	}
	if (rc < 0)
		die("malformed frame");
	d->n_in -= done;
	memmove(d->in, d->in + done, d->n_in);
	return true;
}

int main(int argc, char **argv)
{
	struct drive d = {0};
	struct addr at;
	int listener;

	if (argc < 4 || argc > 6 || (d.n_legs = (int)strtol(argv[2], NULL, 10)) < 1) {
		fprintf(stderr, "usage: drive SOCKET LEGS SESSIONS-FILE [FINGERPRINT [sealed]]\n");
		return 2;
	}
	d.fingerprint = argc > 4 ? argv[4] : NULL;
	d.sealed = argc > 5;
	if (addr_from_unix(argv[1], &at))
		die(argv[1]);
	unlink(argv[1]);
	listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (listener < 0 || bind(listener, &at.sa, at.len) || listen(listener, 4))
		die(argv[1]);
	d.sessions = fopen(argv[3], "w");
	if (!d.sessions)
		die(argv[3]);
	d.in = xcalloc(1, IN_MAX);
	printf("listening %s\n", argv[1]);
	fflush(stdout);
	d.fd = accept(listener, NULL, NULL);
	if (d.fd < 0)
		die("accept");
	while (read_frames(&d))
		continue;
	unlink(argv[1]);
	free(d.in);
	return d.n_added == d.n_legs ? 0 : 1;
}
