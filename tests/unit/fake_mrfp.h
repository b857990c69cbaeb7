/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_UNIT_FAKE_MRFP_H
#define TESTS_UNIT_FAKE_MRFP_H

/*
 * The MRFP's end of a control link for unit tests: a socket, frames written and read by the codec
 * while the loop under test turns. Include after cmocka.
 */
#include <event2/event.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/rand.h"
#include "proto/ctl_codec.h"

#define FAKE_PATIENCE_MS 10000

struct fake_mrfp {
	struct event_base *base;
	struct event *readable;
	int fd;
	struct bytes in;
	size_t used; /* of the frame handed out last */
	bool ended;
	struct ctl_arena arena;
};

static inline void fake_on_readable(evutil_socket_t fd, short what, void *arg)
{
	struct fake_mrfp *f = arg;
	char data[65536];
	ssize_t n = read((int)fd, data, sizeof(data));

	(void)what;
	if (n > 0) {
		bytes_add(&f->in, data, (size_t)n);
		return;
	}
	f->ended = true;
	event_del(f->readable);
}

/* Take over a connected socket. */
static inline void fake_init(struct fake_mrfp *f, struct event_base *base, int fd)
{
	memset(f, 0, sizeof(*f));
	f->base = base;
	f->fd = fd;
	assert_int_equal(fcntl(fd, F_SETFL, O_NONBLOCK), 0);
	f->readable = event_new(base, fd, EV_READ | EV_PERSIST, fake_on_readable, f);
	event_add(f->readable, NULL);
}

static inline void fake_close(struct fake_mrfp *f)
{
	if (!f->readable)
		return;
	event_free(f->readable);
	f->readable = NULL;
	close(f->fd);
	bytes_fini(&f->in);
}

static inline void fake_send(struct fake_mrfp *f, uint8_t command, uint8_t flags,
			     uint32_t transaction, const uint8_t *context, enum ctl_body body,
			     const void *msg)
{
	struct bytes out = BYTES_INIT;

	assert_int_equal(ctl_build(&out, command, flags, transaction, context, body, msg), 0);
	assert_int_equal(write(f->fd, out.data, out.len), out.len);
	bytes_fini(&out);
}

/* Turn the loop until the condition holds. */
#define FAKE_WAIT(f, condition)                                                                    \
	do {                                                                                       \
		uint64_t end_ = clock_now_ms() + FAKE_PATIENCE_MS;                                 \
		while (!(condition)) {                                                             \
			assert_true(clock_now_ms() < end_);                                        \
			event_base_loop((f)->base, EVLOOP_ONCE);                                   \
		}                                                                                  \
	} while (0)

/* The next frame; its views live until the next call. */
static inline struct ctl_frame fake_next(struct fake_mrfp *f)
{
	struct ctl_frame frame;
	int rc;

	bytes_drop(&f->in, f->used);
	f->used = 0;
	f->arena.used = 0;
	FAKE_WAIT(f, (rc = ctl_frame_next(bytes_slice(&f->in), &frame, &f->used)) != 0);
	assert_int_equal(rc, 1);
	return frame;
}

static inline bool fake_has_frame(struct fake_mrfp *f)
{
	struct ctl_frame frame;
	size_t used;

	return ctl_frame_next(slice_from(bytes_slice(&f->in), f->used), &frame, &used) == 1;
}

/* The next frame has to be this; its body is decoded. */
static inline struct ctl_frame fake_expect(struct fake_mrfp *f, uint8_t command, bool reply,
					   enum ctl_body body, void *msg)
{
	struct ctl_frame frame = fake_next(f);
	struct ctl_decode_error error;

	assert_int_equal(frame.command, command);
	assert_int_equal(frame.flags & CTL_FLAG_REPLY, reply ? CTL_FLAG_REPLY : 0);
	assert_int_equal(ctl_decode(frame.tlvs, body, msg, &f->arena, &error), 0);
	return frame;
}

static inline void fake_reply(struct fake_mrfp *f, const struct ctl_frame *to, enum ctl_body body,
			      const void *msg, bool error)
{
	uint8_t flags = CTL_FLAG_REPLY;

	if (error)
		flags |= CTL_FLAG_ERROR;
	fake_send(f, to->command, flags, to->transaction, to->context, body, msg);
}

static inline void fake_reply_code(struct fake_mrfp *f, const struct ctl_frame *to, uint16_t code)
{
	struct ctl_result result = {0};

	CTL_SET(&result, result, code, code);
	fake_reply(f, to, CTL_BODY_result, &result, code != CTL_R_OK);
}

#endif
