/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MRFC_ADMIN_MRFCTL_PRIV_H
#define MRFC_ADMIN_MRFCTL_PRIV_H

#include "common/http.h"

/* Shared by mrfctl.c and mrfctl_user.c only. */
#define MRFCTL_TOKEN_MAX 512

struct mrfctl {
	struct addr server;
	char token[MRFCTL_TOKEN_MAX]; /* "": none */
	bool json;
	const char *subject, *display, *uri; /* NULL: not given */
};

typedef void mrfctl_print_fn(FILE *out, const json_t *answer);
/* GET and print; the exit code. */
int mrfctl_call_and_print(struct mrfctl *m, const char *path, mrfctl_print_fn *print);
/* A request that changes something; `done` is printed when it was done. */
int mrfctl_call_and_say(struct mrfctl *m, const char *method, const char *path, json_t *body_take,
			const char *done, const char *what);

/* mrfctl_user.c: commands */
int mrfctl_user_list(struct mrfctl *m, char **args, int n);
int mrfctl_user_add(struct mrfctl *m, char **args, int n);
int mrfctl_user_passwd(struct mrfctl *m, char **args, int n);
int mrfctl_user_del(struct mrfctl *m, char **args, int n);

#endif
