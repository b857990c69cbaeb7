/* SPDX-License-Identifier: Apache-2.0 */
/* The mrfc program: command line, configuration, limits of the process; the server does the rest. */
#include <stdio.h>
#include <stdlib.h>

#include "common/daemon.h"
#include "common/log.h"
#include "mrfc/options.h"
#include "mrfc/server.h"

#define LOG_PLACE "main"

static int load(struct options *opts_r, void *arg)
{
	const struct daemon_args *args = arg;
	struct config_error error;
	char why[256];
	int err = config_load(options_table, options_table_len, args->config_file, args->overrides,
			      args->n_overrides, opts_r, &error);

	if (err != 0) {
		log_error("%s", error.text);
		return err;
	}
	err = options_check(opts_r, why, sizeof(why));
	if (err != 0) {
		log_error("%s", why);
		config_release(options_table, options_table_len, opts_r);
	}
	return err;
}

static int run(struct daemon_args *args)
{
	struct options opts = {0};
	struct server *server;
	int code;

	if (load(&opts, args) != 0)
		return EXIT_CONFIG;
	log_set_level((enum log_level)opts.log_level);
	config_log_missing(options_table, options_table_len, &opts);
	options_log_idle(&opts);
	if (args->check_only) {
		config_release(options_table, options_table_len, &opts);
		puts("configuration is fine");
		return EXIT_OK;
	}
	(void)daemon_raise_descriptors(0);
	code = server_open(&opts, load, args, &server);
	if (code == EXIT_OK) {
		code = server_run(server);
		server_free(&server);
	}
	config_release(options_table, options_table_len, &opts);
	return code;
}

int main(int argc, char **argv)
{
	struct daemon_args args;
	int code;

	log_set_name("mrfc");
	code = daemon_args(argc, argv, "mrfc", &args);
	if (code < 0)
		code = run(&args);
	daemon_args_fini(&args);
	return code;
}
