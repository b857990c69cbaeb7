/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of common/conn_tls: two streams of ours against each other, and raw octets against one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <event2/event.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/conn.h"
#include "common/listener.h"
#include "common/mem.h"
#include "common/tls.h"

#define BIG (3u << 20)

struct end {
	struct conn *c;
	struct event_base *base;
	unsigned n_connected, n_failed;
	char *out, *in; /* BIG octets to send and to receive */
	size_t n_out, n_sent, n_in;
	size_t read_size; /* of one conn_read */
	ssize_t last;
};

struct pair {
	struct event_base *base;
	struct tls *server_tls, *client_tls;
	struct listener *listener;
	struct end server[3], client;
	unsigned n_accepted;
};

/* Odd pieces, so that records are gathered and split. */
static void send_some(struct end *e)
{
	while (e->n_sent < e->n_out) {
		struct iovec iov[64];
		size_t at = e->n_sent, len = 0;
		ssize_t n;
		int k;

		for (k = 0; k < 64 && at < e->n_out; k++) {
			size_t piece = k % 5 == 0 ? 40000 : (size_t)(k % 7) * 100;

			if (piece > e->n_out - at)
				piece = e->n_out - at;
			iov[k] = (struct iovec){e->out + at, piece};
			at += piece;
			len += piece;
		}
		n = conn_writev(e->c, iov, k);
		if (n == -ERR_AGAIN) {
			conn_want_write(e->c, true);
			return;
		}
		assert_true(n >= 0);
		e->n_sent += (size_t)n;
		if ((size_t)n < len) {
			conn_want_write(e->c, true);
			return;
		}
	}
	conn_want_write(e->c, false);
}

static void on_event(struct conn *c, enum conn_event ev, void *arg)
{
	struct end *e = arg;

	switch (ev) {
	case CONN_CONNECTED:
		e->n_connected++;
		send_some(e);
		break;
	case CONN_WRITABLE:
		send_some(e);
		break;
	case CONN_READABLE:
		e->last =
			conn_read(c, e->in + e->n_in,
				  BIG - e->n_in < e->read_size ? BIG - e->n_in + 1 : e->read_size);
		if (e->last > 0)
			e->n_in += (size_t)e->last;
		else if (e->last != -ERR_AGAIN)
			conn_want_read(c, false);
		break;
	case CONN_FAILED:
		e->n_failed++;
		conn_free(&e->c);
		break;
	}
}

static void init_end(struct end *e, struct event_base *base)
{
	*e = (struct end){.base = base, .read_size = 100000};
	e->out = xcalloc(1, BIG);
	e->in = xcalloc(1, BIG + 1);
	for (size_t i = 0; i < BIG; i++)
		e->out[i] = (char)(i * 7 + i / 1000);
}

static void on_accept(int fd_take, const struct addr *peer, void *arg)
{
	struct pair *p = arg;
	struct end *e = &p->server[p->n_accepted++];

	e->c = conn_accept_tls(p->base, p->server_tls, fd_take, peer, on_event, e);
	conn_set_sndbuf(e->c, 32768);
}

static void set_up(struct pair *p, uint32_t max_handshakes)
{
	struct tls_settings set = {.ask_peer = true, .max_handshakes = max_handshakes};
	char why[TLS_WHY_SIZE];
	struct addr at;

	memset(p, 0, sizeof(*p));
	p->base = event_base_new();
	assert_int_equal(tls_new(&set, &p->server_tls, why), 0);
	assert_int_equal(tls_new(&set, &p->client_tls, why), 0);
	for (int i = 0; i < 3; i++)
		init_end(&p->server[i], p->base);
	init_end(&p->client, p->base);
	assert_int_equal(addr_from_host(SLICE_LIT("127.0.0.1"), 0, &at), 0);
	assert_int_equal(listener_open(p->base, &at, on_accept, p, &p->listener), 0);
}

static void call(struct pair *p, const struct fingerprint_list *pins)
{
	assert_int_equal(conn_connect_tls(p->base, p->client_tls, listener_addr(p->listener), pins,
					  5000, on_event, &p->client, &p->client.c),
			 0);
}

static int call_raw(struct pair *p)
{
	const struct addr *to = listener_addr(p->listener);
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	assert_int_equal(connect(fd, &to->sa, to->len), 0);
	return fd;
}

static void tear_down(struct pair *p)
{
	for (int i = 0; i < 3; i++) {
		conn_free(&p->server[i].c);
		free(p->server[i].out);
		free(p->server[i].in);
	}
	conn_free(&p->client.c);
	free(p->client.out);
	free(p->client.in);
	listener_free(&p->listener);
	event_base_loop(p->base, EVLOOP_NONBLOCK);
	event_base_free(p->base);
	tls_free(&p->server_tls);
	tls_free(&p->client_tls);
}

#define RUN_UNTIL(p, condition)                                                                    \
	do {                                                                                       \
		for (int turn_ = 0; !(condition) && turn_ < 100000; turn_++)                       \
			event_base_loop((p)->base, EVLOOP_ONCE);                                   \
		assert_true(condition);                                                            \
	} while (0)

static struct fingerprint_list list_of(const char *text)
{
	struct fingerprint_list list = {.n = 0};

	assert_int_equal(fingerprint_list_add(&list, slice_str(text)), 0);
	return list;
}

static void octets_pass_both_ways_and_the_end_reads_as_zero(void **state)
{
	struct pair p;

	(void)state;
	set_up(&p, 0);
	p.client.n_out = p.server[0].n_out = BIG;
	call(&p, NULL);
	RUN_UNTIL(&p, p.client.n_in == BIG && p.server[0].n_in == BIG);
	assert_memory_equal(p.client.in, p.server[0].out, BIG);
	assert_memory_equal(p.server[0].in, p.client.out, BIG);
	assert_int_equal(p.client.n_connected, 1);
	assert_int_equal(p.server[0].n_connected, 1);
	assert_true(conn_is_secure(p.client.c));
	assert_int_equal(tls_n_ended(p.server_tls, TLS_DONE), 1);
	assert_int_equal(tls_n_handshakes(p.server_tls), 0);
	p.server[0].last = 1;
	conn_free(&p.client.c);
	RUN_UNTIL(&p, p.server[0].last == 0);
	tear_down(&p);
}

static void what_tls_holds_is_told_even_when_read_in_small_pieces_and_after_a_pause(void **state)
{
	struct pair p;

	(void)state;
	set_up(&p, 0);
	p.client.n_out = 20000;
	p.server[0].read_size = 7;
	call(&p, NULL);
	RUN_UNTIL(&p, p.server[0].n_in >= 70);
	conn_want_read(p.server[0].c, false);
	for (int i = 0; i < 20; i++)
		event_base_loop(p.base, EVLOOP_NONBLOCK);
	assert_true(p.server[0].n_in < 200);
	conn_want_read(p.server[0].c, true);
	RUN_UNTIL(&p, p.server[0].n_in == 20000);
	assert_memory_equal(p.server[0].in, p.client.out, 20000);
	tear_down(&p);
}

static void peers_are_known_by_their_fingerprints(void **state)
{
	struct fingerprint_list of_server, of_client;
	struct pair p;

	(void)state;
	set_up(&p, 0);
	of_server = list_of(tls_fingerprint(p.server_tls));
	of_client = list_of(tls_fingerprint(p.client_tls));
	call(&p, &of_server);
	RUN_UNTIL(&p, p.client.n_connected && p.server[0].n_connected);
	assert_true(conn_peer_is(p.client.c, &of_server));
	assert_false(conn_peer_is(p.client.c, &of_client));
	assert_true(conn_peer_is(p.server[0].c, &of_client));
	assert_false(conn_peer_is(p.server[0].c, &of_server));
	tear_down(&p);
}

static void another_certificate_than_the_pinned_one_ends_the_handshake(void **state)
{
	struct fingerprint_list pins;
	struct pair p;

	(void)state;
	set_up(&p, 0);
	pins = list_of(tls_fingerprint(p.client_tls));
	call(&p, &pins);
	RUN_UNTIL(&p, p.client.n_failed && p.server[0].n_failed);
	assert_int_equal(p.client.n_connected, 0);
	assert_int_equal(tls_n_ended(p.client_tls, TLS_REFUSED), 1);
	tear_down(&p);
}

static void octets_that_are_not_tls_end_it_without_an_answer(void **state)
{
	struct pair p;
	char answer;
	int fd;

	(void)state;
	set_up(&p, 0);
	fd = call_raw(&p);
	assert_int_equal(write(fd, "M", 1), 1);
	RUN_UNTIL(&p, p.server[0].n_failed);
	assert_int_equal(tls_n_ended(p.server_tls, TLS_NOT_TLS), 1);
	assert_true(read(fd, &answer, 1) <= 0);
	close(fd);
	tear_down(&p);
}

static void a_handshake_begins_with_its_first_octet_and_others_wait_for_the_limit(void **state)
{
	struct pair p;
	int a, b;

	(void)state;
	set_up(&p, 1);
	a = call_raw(&p);
	RUN_UNTIL(&p, p.n_accepted == 1);
	assert_int_equal(tls_n_handshakes(p.server_tls), 0);
	assert_int_equal(write(a, "\x16", 1), 1);
	RUN_UNTIL(&p, tls_n_handshakes(p.server_tls) == 1);
	b = call_raw(&p);
	assert_int_equal(write(b, "\x16", 1), 1);
	call(&p, NULL);
	RUN_UNTIL(&p, p.n_accepted == 3);
	for (int i = 0; i < 20; i++)
		event_base_loop(p.base, EVLOOP_NONBLOCK);
	assert_int_equal(tls_n_handshakes(p.server_tls), 1);
	assert_int_equal(p.client.n_connected, 0);
	close(a); /* its end makes room for the next, whose end makes room for ours */
	close(b);
	RUN_UNTIL(&p, p.client.n_connected == 1);
	tear_down(&p);
}

static void the_oldest_handshake_has_a_second_when_others_wait(void **state)
{
	struct pair p;
	int a;

	(void)state;
	set_up(&p, 1);
	a = call_raw(&p);
	assert_int_equal(write(a, "\x16", 1), 1);
	RUN_UNTIL(&p, tls_n_handshakes(p.server_tls) == 1);
	call(&p, NULL);
	RUN_UNTIL(&p, p.client.n_connected == 1);
	assert_int_equal(p.server[0].n_failed, 1);
	close(a);
	tear_down(&p);
}

/* --- pre-shared keys --- */

#define KEY "0123456789abcdef0123456789abcdef"

static bool known_key(struct slice identity, struct slice *key_r, void *arg)
{
	(void)arg;
	*key_r = SLICE_LIT(KEY);
	return slice_eq_str(identity, "known");
}

/* A call of who has a key, to who knows KEY as "known". */
static void call_with_key(struct pair *p, const char *identity, const char *key,
			  const struct fingerprint_list *pins)
{
	set_up(p, 0);
	tls_set_psk(p->server_tls, known_key, NULL);
	call(p, pins);
	conn_offer_psk(p->client.c, slice_str(identity), slice_str(key));
}

static void both_know_each_other_by_a_key_alone(void **state)
{
	struct fingerprint_list other;
	struct pair p;

	(void)state;
	set_up(&p, 0);
	other = list_of(tls_fingerprint(p.client_tls)); /* nobody's certificate is looked at */
	tear_down(&p);
	call_with_key(&p, "known", KEY, &other);
	RUN_UNTIL(&p, p.client.n_connected && p.server[0].n_connected);
	assert_string_equal(conn_psk(p.client.c), "known");
	assert_string_equal(conn_psk(p.server[0].c), "known");
	other = list_of(tls_fingerprint(p.server_tls));
	assert_false(conn_peer_is(p.client.c, &other));
	tear_down(&p);
}

static void a_wrong_key_ends_the_handshake(void **state)
{
	struct pair p;

	(void)state;
	call_with_key(&p, "known", "another key of 32 octets........", NULL);
	RUN_UNTIL(&p, p.client.n_failed && p.server[0].n_failed);
	assert_int_equal(tls_n_ended(p.server_tls, TLS_REFUSED), 1);
	tear_down(&p);
}

static void a_key_that_is_not_known_leaves_certificates(void **state)
{
	struct fingerprint_list pins;
	struct pair p;

	(void)state;
	call_with_key(&p, "unknown", KEY, NULL);
	RUN_UNTIL(&p, p.client.n_connected && p.server[0].n_connected);
	assert_null(conn_psk(p.client.c));
	assert_null(conn_psk(p.server[0].c));
	pins = list_of(tls_fingerprint(p.server_tls));
	assert_true(conn_peer_is(p.client.c, &pins));
	tear_down(&p);
	call_with_key(&p, "unknown", KEY, &pins); /* of the one before */
	RUN_UNTIL(&p, p.client.n_failed && p.server[0].n_failed);
	tear_down(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(octets_pass_both_ways_and_the_end_reads_as_zero),
		cmocka_unit_test(
			what_tls_holds_is_told_even_when_read_in_small_pieces_and_after_a_pause),
		cmocka_unit_test(peers_are_known_by_their_fingerprints),
		cmocka_unit_test(another_certificate_than_the_pinned_one_ends_the_handshake),
		cmocka_unit_test(both_know_each_other_by_a_key_alone),
		cmocka_unit_test(a_wrong_key_ends_the_handshake),
		cmocka_unit_test(a_key_that_is_not_known_leaves_certificates),
		cmocka_unit_test(octets_that_are_not_tls_end_it_without_an_answer),
		cmocka_unit_test(
			a_handshake_begins_with_its_first_octet_and_others_wait_for_the_limit),
		cmocka_unit_test(the_oldest_handshake_has_a_second_when_others_wait),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
