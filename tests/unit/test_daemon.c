/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of common/daemon: the command line, signals, folders. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <event2/event.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/daemon.h"
#include "common/mem.h"

static int parse(struct daemon_args *args, int argc, char **argv)
{
	*args = (struct daemon_args){0};
	return daemon_args(argc, argv, "mrfx", args);
}

static void options_are_collected_in_order(void **state)
{
	char *argv[] = {"mrfx", "-c", "x.conf", "-o", "a.b=1", "-t", "-oc=", NULL};
	struct daemon_args args;

	(void)state;
	assert_int_equal(parse(&args, 7, argv), -1);
	assert_string_equal(args.config_file, "x.conf");
	assert_int_equal(args.n_overrides, 2);
	assert_string_equal(args.overrides[0], "a.b=1");
	assert_string_equal(args.overrides[1], "c=");
	assert_true(args.check_only);
	daemon_args_fini(&args);
	assert_int_equal(args.n_overrides, 0);
	assert_int_equal(parse(&args, 1, argv), -1);
	assert_null(args.config_file);
	daemon_args_fini(&args);
}

static void help_and_version_end_well_and_mistakes_with_2(void **state)
{
	static const struct {
		char *arg;
		int rc;
	} cases[] = {
		{"-h", EXIT_OK},        {"--help", EXIT_OK},   {"-V", EXIT_OK},
		{"--version", EXIT_OK}, {"-x", EXIT_USAGE},    {"--wrong", EXIT_USAGE},
		{"-c", EXIT_USAGE},     {"-o", EXIT_USAGE},    {"-ono_value", EXIT_USAGE},
		{"-o=1", EXIT_USAGE},   {"stray", EXIT_USAGE},
	};
	struct daemon_args args;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		char *argv[] = {"mrfx", "-oa=1", cases[i].arg, NULL};

		if (parse(&args, 3, argv) != cases[i].rc)
			fail_msg("%s", cases[i].arg);
		assert_int_equal(args.n_overrides, 0);
	}
}

struct seen {
	struct event_base *base;
	char log[8];
	size_t n;
};

static void note(struct seen *s, char c)
{
	s->log[s->n++] = c;
	event_base_loopbreak(s->base);
}

static void on_term(void *arg)
{
	note(arg, 'T');
}

static void on_hup(void *arg)
{
	note(arg, 'H');
}

static void signals_arrive_as_events(void **state)
{
	static const int order[] = {SIGTERM, SIGINT, SIGHUP};
	struct seen s = {.base = event_base_new()};
	struct daemon *d = daemon_new(s.base, on_term, on_hup, NULL, &s);

	(void)state;
	raise(SIGPIPE);
	raise(SIGUSR1); /* no handler: ignored */
	for (size_t i = 0; i < ARRAY_LEN(order); i++) {
		raise(order[i]);
		event_base_dispatch(s.base);
	}
	assert_string_equal(s.log, "TTH");
	daemon_free(&d);
	assert_null(d);
	event_base_free(s.base);
}

static void folders_are_made_with_their_parents(void **state)
{
	char base[] = "/tmp/mrf-daemon-XXXXXX";
	char path[100];
	struct stat st;
	mode_t mask = umask(0);
	FILE *f;

	(void)state;
	assert_non_null(mkdtemp(base));
	snprintf(path, sizeof(path), "%s/a/b/file", base);
	assert_int_equal(daemon_mkdir_for(path), 0);
	assert_int_equal(daemon_mkdir_for(path), 0);
	umask(mask);
	assert_int_equal(stat(path, &st), -1);
	snprintf(path, sizeof(path), "%s/a/b", base);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0700);
	snprintf(path, sizeof(path), "%s/a/b/c/", base);
	assert_int_equal(daemon_mkdir(path), 0);
	assert_int_equal(rmdir(path), 0);

	snprintf(path, sizeof(path), "%s/a/b/file", base);
	f = fopen(path, "w");
	assert_non_null(f);
	fclose(f);
	assert_int_equal(daemon_mkdir(path), -ERR_IO);
	assert_int_equal(errno, ENOTDIR);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(daemon_mkdir_for("file"), 0);
	assert_int_equal(daemon_mkdir_for("/file"), 0);

	snprintf(path, sizeof(path), "%s/a/b", base);
	assert_int_equal(rmdir(path), 0);
	snprintf(path, sizeof(path), "%s/a", base);
	assert_int_equal(rmdir(path), 0);
	assert_int_equal(rmdir(base), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(options_are_collected_in_order),
		cmocka_unit_test(help_and_version_end_well_and_mistakes_with_2),
		cmocka_unit_test(signals_arrive_as_events),
		cmocka_unit_test(folders_are_made_with_their_parents),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
