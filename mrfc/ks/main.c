/* SPDX-License-Identifier: Apache-2.0 */
/* The mrfks program: a key server of its own for sealed conferences. Command line and configuration. */
#include <stdio.h>
#include <stdlib.h>

#include "common/daemon.h"
#include "common/log.h"
#include "mrfc/ks/options.h"
#include "mrfc/ks/server.h"

#define LOG_PLACE "main"

static int load(struct ks_options *opts_r, void *arg)
{
	const struct daemon_args *args = arg;
	struct config_error error;
	char why[512];
	int err = config_load(options_table, options_table_len, args->config_file, args->overrides,
			      args->n_overrides, opts_r, &error);

	if (err != 0) {
		log_error("%s", error.text);
		return err;
	}
	err = ks_options_check(opts_r, why, sizeof(why));
	if (err != 0) {
		log_error("%s", why);
		config_release(options_table, options_table_len, opts_r);
		*opts_r = (struct ks_options){0};
	}
	return err;
}

static int run(struct daemon_args *args)
{
	struct ks_options opts = {0};
	struct ks_server *server;
	int code;

	if (load(&opts, args) != 0)
		return EXIT_CONFIG;
	log_set_level((enum log_level)opts.log_level);
	if (args->check_only) {
		config_release(options_table, options_table_len, &opts);
		puts("configuration is fine");
		return EXIT_OK;
	}
	(void)daemon_raise_descriptors(0);
	code = ks_server_open(&opts, load, args, &server);
	if (code == EXIT_OK) {
		code = ks_server_run(server);
		ks_server_free(&server);
	}
	config_release(options_table, options_table_len, &opts);
	return code;
}

int main(int argc, char **argv)
{
	struct daemon_args args;
	int code;

	log_set_name("mrfks");
	code = daemon_args(argc, argv, "mrfks", &args);
	if (code < 0)
		code = run(&args);
	daemon_args_fini(&args);
	return code;
}
