/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of common/log: the form of a line, escaping, rate limits. stderr goes into a pipe. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/err.h"
#include "common/log.h"

static int saved_stderr;
static int reader;

static void capture(void)
{
	int fds[2];

	assert_int_equal(pipe(fds), 0);
	saved_stderr = dup(STDERR_FILENO);
	dup2(fds[1], STDERR_FILENO);
	close(fds[1]);
	reader = fds[0];
}

static const char *captured(void)
{
	static char text[8192];
	ssize_t n;

	dup2(saved_stderr, STDERR_FILENO);
	close(saved_stderr);
	n = read(reader, text, sizeof(text) - 1);
	close(reader);
	text[n > 0 ? n : 0] = '\0';
	return text;
}

static void a_line_has_time_program_level_and_place(void **state)
{
	const char *line;
	int year, used = 0;

	(void)state;
	log_set_name("mrfp");
	capture();
	log_at(LOG_WARN, "session", "%s %d", "closed", 3);
	line = captured();
	assert_int_equal(sscanf(line, "%4d-%*2d-%*2dT%*2d:%*2d:%*2d.%*3dZ %n", &year, &used), 1);
	assert_true(used > 0);
	assert_string_equal(line + used, "mrfp WARN session: closed 3\n");
}

static void levels_above_the_set_one_are_silent(void **state)
{
	enum log_level level = LOG_ERROR;

	(void)state;
	assert_int_equal(log_level_parse("debug", &level), 0);
	assert_int_equal(level, LOG_DEBUG);
	assert_int_equal(log_level_parse("verbose", &level), -ERR_SYNTAX);
	assert_int_equal(level, LOG_DEBUG);
	log_set_level(LOG_WARN);
	assert_true(log_enabled(LOG_ERROR));
	assert_false(log_enabled(LOG_INFO));
	capture();
	log_at(LOG_INFO, "x", "no");
	log_at(LOG_ERROR, "x", "yes");
	assert_null(strstr(captured(), "no"));
	log_set_level(LOG_INFO);
}

static void text_of_a_peer_cannot_start_a_line_or_drive_a_terminal(void **state)
{
	const char *line;

	(void)state;
	capture();
	log_at(LOG_INFO, "x", "a\nERROR y: b\r\t\x1b[2J\x7f caf\xc3\xa9 \xc2\x9b");
	line = captured();
	assert_non_null(strstr(line, "x: a\\nERROR y: b\\r\\t\\x1b[2J\\x7f caf\xc3\xa9 \\u009b\n"));
	capture();
	log_at(LOG_INFO, "x", "bad\xff\x9b");
	assert_non_null(strstr(captured(), "x: bad\\xff\\x9b\n"));
}

static void a_long_text_is_cut_between_characters(void **state)
{
	char text[4000];
	const char *line;

	(void)state;
	for (size_t i = 0; i + 1 < sizeof(text); i += 2)
		memcpy(text + i, "\xc3\xa9", 2);
	text[sizeof(text) - 2] = '\0';
	capture();
	log_at(LOG_INFO, "x", "%s", text);
	line = captured();
	assert_non_null(strstr(line, "\xc3\xa9...\n"));
	assert_null(strstr(line, "\\x"));
	assert_in_range(strlen(line), 2000, 2200);
}

static void a_bucket_lets_its_burst_through_and_counts_the_rest(void **state)
{
	struct log_bucket bucket = LOG_BUCKET(2);
	const char *line;

	(void)state;
	capture();
	for (int i = 0; i < 5; i++)
		log_limited(&bucket, LOG_WARN, "x", "line %d", i);
	line = captured();
	assert_non_null(strstr(line, "line 0\n"));
	assert_non_null(strstr(line, "line 1\n"));
	assert_null(strstr(line, "line 2\n"));
	assert_int_equal(bucket.suppressed, 3);

	bucket.window_start_ms = 1; /* long ago */
	capture();
	log_limited(&bucket, LOG_WARN, "x", "line 5");
	line = captured();
	assert_non_null(strstr(line, "3 similar lines were suppressed\n"));
	assert_non_null(strstr(line, "line 5\n"));
	assert_int_equal(bucket.suppressed, 0);
}

static void a_bucket_may_have_a_longer_window(void **state)
{
	struct log_bucket bucket = {.window_ms = 60000, .burst = 1};

	(void)state;
	capture();
	log_limited(&bucket, LOG_WARN, "x", "line 0");
	bucket.window_start_ms -= 30000;
	log_limited(&bucket, LOG_WARN, "x", "line 1");
	bucket.window_start_ms -= 30000;
	log_limited(&bucket, LOG_WARN, "x", "line 2");
	{
		const char *text = captured();

		assert_null(strstr(text, "line 1"));
		assert_non_null(strstr(text, "1 similar lines were suppressed\n"));
		assert_non_null(strstr(text, "line 2\n"));
	}
}

/* What failed when, at which time, and whether a line tells of it. */
static bool tells(struct log_trouble *t, uint64_t now_ms, const char *why, const char *expected)
{
	const char *line;

	capture();
	log_trouble_at(t, now_ms, "x", "no way: %s", why);
	log_at(LOG_INFO, "x", "end");
	line = captured();
	assert_true(expected == NULL || strstr(line, expected) != NULL);
	return strstr(line, "no way") != NULL;
}

static void trouble_is_told_when_its_reason_changes_and_once_a_minute(void **state)
{
	struct log_trouble t = {0};

	(void)state;
	assert_true(tells(&t, 1000, "refused", "WARN x: no way: refused\n"));
	assert_false(tells(&t, 2000, "refused", NULL));
	assert_false(tells(&t, 60999, "refused", NULL));
	assert_true(tells(&t, 61000, "refused", "refused (3 failures since the last line)\n"));
	assert_true(tells(&t, 61001, "wrong pin", "no way: wrong pin\n"));
	assert_false(tells(&t, 61002, "wrong pin", NULL));
	assert_true(tells(&t, 61003, "refused", "refused (2 failures since the last line)\n"));
	assert_false(tells(&t, 61004, "refused", NULL));
	assert_int_equal(log_trouble_over(&t), 1);
	assert_true(tells(&t, 61005, "refused", "no way: refused\n")); /* it had worked meanwhile */
	for (int i = 0; i < 5; i++)
		assert_true(tells(&t, 61010, i % 2 ? "a" : "b", NULL));
	assert_false(tells(&t, 61010, "a", NULL));
	assert_true(tells(&t, 121100, "a", "a (2 failures since the last line)\n"));
}

static void errors_have_names_of_either_sign(void **state)
{
	(void)state;
	assert_string_equal(err_name(ERR_SYNTAX), "SYNTAX");
	assert_string_equal(err_name(-ERR_STALE), "STALE");
	assert_string_equal(err_name(0), "OK");
	assert_string_equal(err_name(ERR_MAX), "UNKNOWN");
	assert_string_equal(err_name(-ERR_MAX), "UNKNOWN");
	for (int e = 1; e < ERR_MAX; e++)
		assert_string_not_equal(err_name(e), "UNKNOWN");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_line_has_time_program_level_and_place),
		cmocka_unit_test(levels_above_the_set_one_are_silent),
		cmocka_unit_test(text_of_a_peer_cannot_start_a_line_or_drive_a_terminal),
		cmocka_unit_test(a_long_text_is_cut_between_characters),
		cmocka_unit_test(a_bucket_lets_its_burst_through_and_counts_the_rest),
		cmocka_unit_test(a_bucket_may_have_a_longer_window),
		cmocka_unit_test(trouble_is_told_when_its_reason_changes_and_once_a_minute),
		cmocka_unit_test(errors_have_names_of_either_sign),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
