/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of mrfp/session: the state table, path blocks, remembered Message-IDs. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "fake_plane.h"

static void every_pair_of_states_is_as_written_here(void **state)
{
	/* rows: from; columns: idle waiting connecting binding bound lost */
	static const char table[SESSION_STATES][SESSION_STATES + 1] = {
		[SESSION_IDLE] = ".xx.xx",       [SESSION_WAITING] = "x.x.xx",
		[SESSION_CONNECTING] = "xx.xxx", [SESSION_BINDING] = "xxx.xx",
		[SESSION_BOUND] = "xxx..x",      [SESSION_LOST] = "xxx...",
	};

	(void)state;
	for (enum session_state from = 0; from < SESSION_STATES; from++) {
		for (enum session_state to = 0; to < SESSION_STATES; to++)
			assert_int_equal(session_may(from, to), table[from][to] == 'x');
	}
	assert_false(session_may(SESSION_STATES, SESSION_IDLE));
	assert_string_equal(session_state_name(SESSION_BOUND), "bound");
	assert_string_equal(session_state_name(SESSION_STATES), "?");
}

/* covers: MSRP-037, MSRP-036 */
static void session_uris_are_long_and_new(void **state)
{
	struct fake_plane f;
	struct session *a = NULL, *b = NULL;
	char *old;

	(void)state;
	fake_plane_open(&f);
	assert_int_equal(session_make(f.ctx, 1, SLICE_NULL, &a), 0);
	assert_int_equal(session_make(f.ctx, 2, SLICE_NULL, &b), 0);
	assert_string_not_equal(a->local_id, b->local_id);
	assert_int_equal(strlen(a->local_id), SESSION_ID_LEN);
	assert_non_null(strstr(a->local_uri, "msrp://127.0.0.1:2855/"));
	assert_ptr_equal(session_by_local(&f.plane, slice_str(a->local_id)), a);
	old = xstrdup(a->local_id);
	session_renew(a);
	assert_null(session_by_local(&f.plane, slice_str(old)));
	assert_ptr_equal(session_by_local(&f.plane, slice_str(a->local_id)), a);
	free(old);
	fake_plane_close(&f);
}

/* covers: MSRP-049 */
static void the_last_32_message_ids_are_remembered(void **state)
{
	struct fake_plane f;
	struct session *s;
	char id[16];

	(void)state;
	fake_plane_open(&f);
	s = fake_member(&f, "alice");
	assert_false(session_has_seen(s, SLICE_LIT("id0")));
	for (int i = 0; i < SESSION_SEEN; i++) {
		snprintf(id, sizeof(id), "id%d", i);
		session_see(s, slice_str(id));
	}
	assert_true(session_has_seen(s, SLICE_LIT("id0")));
	session_see(s, SLICE_LIT("one-more"));
	assert_false(session_has_seen(s, SLICE_LIT("id0")));
	assert_true(session_has_seen(s, SLICE_LIT("id1")));
	fake_plane_close(&f);
}

/* covers: MSRP-091, MSRP-130 */
static void responses_go_one_hop_and_sends_the_whole_path(void **state)
{
	struct fake_plane f;
	struct session *s;
	char *want;

	(void)state;
	fake_plane_open(&f);
	s = fake_member(&f, "alice");
	session_set_remote_path(s, SLICE_LIT("msrp://relay:1/r;tcp msrp://host:2/a;tcp"));
	session_set_paths(s, slice_str(s->local_uri), slice_str(s->remote_path));
	want = xasprintf("To-Path: msrp://relay:1/r;tcp msrp://host:2/a;tcp\r\nFrom-Path: %s\r\n",
			 s->local_uri);
	assert_int_equal(s->block.paths_len, strlen(want));
	assert_memory_equal(s->block.paths, want, strlen(want));
	free(want);
	want = xasprintf("To-Path: msrp://relay:1/r;tcp\r\nFrom-Path: %s\r\n", s->local_uri);
	assert_string_equal(s->reply_paths, want);
	free(want);
	assert_true(slice_eq_str(slice_make(s->to_raw, s->to_raw_len), s->local_uri));
	assert_true(slice_eq_str(slice_make(s->from_raw, s->from_raw_len), s->remote_path));
	/* Once more from its own memory, then with one text for all. */
	session_set_paths(s, slice_make(s->to_raw, s->to_raw_len),
			  slice_make(s->from_raw, s->from_raw_len));
	assert_true(slice_eq_str(slice_make(s->to_raw, s->to_raw_len), s->local_uri));
	assert_true(slice_eq_str(slice_make(s->from_raw, s->from_raw_len), s->remote_path));
	free(s->remote_path);
	s->remote_path = xstrdup("");
	session_set_paths(s, slice_str(s->local_uri), SLICE_LIT("msrp://host:2/b;tcp"));
	want = xasprintf("To-Path: msrp://host:2/b;tcp\r\nFrom-Path: %s\r\n", s->local_uri);
	assert_string_equal(s->reply_paths, want);
	assert_ptr_equal(s->block.paths, s->reply_paths);
	free(want);
	assert_true(slice_eq_str(slice_make(s->to_raw, s->to_raw_len), s->local_uri));
	assert_true(slice_eq_str(slice_make(s->from_raw, s->from_raw_len), "msrp://host:2/b;tcp"));
	fake_plane_close(&f);
}

/* covers: REL-001 */
static void a_path_of_several_uris_makes_chunks_short_while_it_lasts(void **state)
{
	struct fake_plane f;
	struct session *s, *t;

	(void)state;
	fake_plane_open(&f);
	s = fake_member(&f, "alice");
	t = fake_member(&f, "bob");
	assert_int_equal(context_chunk(f.ctx), CONTEXT_CHUNK);
	session_set_remote_path(s, SLICE_LIT("msrp://relay:1/r;tcp msrp://host:2/a;tcp"));
	session_set_remote_path(s, SLICE_LIT("msrp://relay:1/q;tcp msrp://host:2/a;tcp"));
	assert_int_equal(context_chunk(f.ctx), f.opt.relay_chunk);
	session_set_remote_path(t, SLICE_LIT("msrp://relay:1/r;tcp msrp://host:2/b;tcp"));
	session_set_remote_path(s, SLICE_LIT("msrp://host:2/a;tcp"));
	assert_int_equal(context_chunk(f.ctx), f.opt.relay_chunk);
	session_set_remote_path(t, SLICE_LIT("msrp://host:2/b;tcp"));
	assert_int_equal(context_chunk(f.ctx), CONTEXT_CHUNK);

	/* Bound before its path was known. */
	session_set_remote_path(t, SLICE_LIT(""));
	session_set_paths(t, slice_str(t->local_uri),
			  SLICE_LIT("msrp://relay:1/r;tcp msrp://host:2/b;tcp"));
	assert_int_equal(context_chunk(f.ctx), f.opt.relay_chunk);
	session_set_paths(t, slice_str(t->local_uri), SLICE_LIT("msrp://host:2/b;tcp"));
	assert_int_equal(context_chunk(f.ctx), CONTEXT_CHUNK);
	fake_plane_close(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_pair_of_states_is_as_written_here),
		cmocka_unit_test(session_uris_are_long_and_new),
		cmocka_unit_test(the_last_32_message_ids_are_remembered),
		cmocka_unit_test(responses_go_one_hop_and_sends_the_whole_path),
		cmocka_unit_test(a_path_of_several_uris_makes_chunks_short_while_it_lasts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
