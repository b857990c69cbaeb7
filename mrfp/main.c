/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The MRFP program: command line, configuration, run.
 */
#include <stdio.h>

#include "common/daemon.h"
#include "common/log.h"
#include "common/secret.h"
#include "mrfp/options.h"
#include "mrfp/server.h"

#define LOG_PLACE   "main"
#define OTHER_FILES 64 /* listeners, control link, admin requests, ring, log */

static int load(struct options *opt_r, void *arg)
{
	const struct daemon_args *args = arg;
	struct config_error error;
	int err = config_load(options_table, options_table_len, args->config_file, args->overrides,
			      args->n_overrides, opt_r, &error);

	if (err == 0) {
		err = options_check(opt_r, &error);
		if (err != 0)
			config_release(options_table, options_table_len, opt_r);
	}
	if (err != 0)
		log_error("%s", error.text);
	else
		options_fit(opt_r);
	return err;
}

/* As many connections as there are descriptors: more are better closed than left waiting. */
static void fit_descriptors(struct options *opt)
{
	uint64_t wanted = (uint64_t)opt->max_connections + OTHER_FILES;
	uint64_t limit = daemon_raise_descriptors(wanted);

	if (limit >= wanted)
		return;
	opt->max_connections = limit > OTHER_FILES ? (int64_t)(limit - OTHER_FILES) : 1;
	log_warn(
		"msrp.max_connections needs %llu open files and the system allows %llu: %lld connections "
		"are taken (raise the limit, LimitNOFILE in systemd, or lower the setting)",
		(unsigned long long)wanted, (unsigned long long)limit,
		(long long)opt->max_connections);
}

/* Keys of TLS and of single hops, and what conferences say that are not sealed. */
static void hide(const struct options *opt)
{
	if (!opt->dumps)
		secret_no_dumps();
	if (!secret_heap_init(0))
		log_warn(
			"memory for keys cannot be locked (RLIMIT_MEMLOCK): it may be swapped out");
}

static int run(struct daemon_args *args)
{
	struct options opt = {0};
	int code = EXIT_OK;

	if (load(&opt, args) != 0)
		return EXIT_CONFIG;
	log_set_level((enum log_level)opt.log_level);
	config_log_missing(options_table, options_table_len, &opt);
	if (args->check_only) {
		puts("configuration is fine");
	} else {
		hide(&opt);
		fit_descriptors(&opt);
		code = server_run(&opt, load, args);
	}
	config_release(options_table, options_table_len, &opt);
	return code;
}

int main(int argc, char **argv)
{
	struct daemon_args args;
	int code;

	log_set_name("mrfp");
	code = daemon_args(argc, argv, "mrfp", &args);
	if (code < 0)
		code = run(&args);
	daemon_args_fini(&args);
	return code;
}
