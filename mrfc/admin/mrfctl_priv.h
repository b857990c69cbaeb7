/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MRFC_ADMIN_MRFCTL_PRIV_H
#define MRFC_ADMIN_MRFCTL_PRIV_H

#include "common/http.h"

/* Shared by mrfctl.c and the files of its commands only. */
#define MRFCTL_TOKEN_MAX   512
#define MRFCTL_MAX_MEMBERS 1000
#define MRFCTL_TIMEOUT_MS  10000

struct mrfctl {
	struct addr server;
	char token[MRFCTL_TOKEN_MAX]; /* "": none */
	bool json;
	const char *subject, *display, *uri, *id, *out, *owner; /* NULL: not given */
	const char *members[MRFCTL_MAX_MEMBERS];
	size_t n_members;
	const char *require_tls; /* NULL: not given */
	bool closed, invite, sealed;
};

typedef void mrfctl_print_fn(FILE *out, const json_t *answer);
/* GET and print; the exit code. */
int mrfctl_call_and_print(struct mrfctl *m, const char *path, mrfctl_print_fn *print);
/* A request that changes something; `done` is printed when it was done. */
int mrfctl_call_and_say(struct mrfctl *m, const char *method, const char *path, json_t *body_take,
			const char *done, const char *what);

/*
 * One request. On 2xx EXIT_OK and the answer (an empty object for 204), which the caller decrefs;
 * else the reason is on stderr and the exit code is returned. body_take may be NULL.
 */
int mrfctl_call(struct mrfctl *m, const char *method, const char *path, json_t *body_take,
		json_t **answer_r);
/* The server does not answer: a line on stderr. */
void mrfctl_no_answer(const struct mrfctl *m);
void mrfctl_print_json(const json_t *answer);
/* "/v1/LIST/NAME[/PART[/URI]]"; the caller frees it. */
char *mrfctl_path(const char *list, const char *name, const char *part, const char *uri);
/* One line on stderr; EXIT_USAGE. what: NULL or what was wrong. */
int mrfctl_usage(const char *why, const char *what);

/* mrfctl_status.c: a command */
int mrfctl_status(struct mrfctl *m, char **args, int n);

/* mrfctl_room.c: commands */
int mrfctl_room_create(struct mrfctl *m, char **args, int n);
int mrfctl_room_lock(struct mrfctl *m, char **args, int n);
int mrfctl_room_unlock(struct mrfctl *m, char **args, int n);
int mrfctl_room_subject(struct mrfctl *m, char **args, int n);
int mrfctl_room_limit(struct mrfctl *m, char **args, int n);
int mrfctl_room_mode(struct mrfctl *m, char **args, int n);
int mrfctl_room_until(struct mrfctl *m, char **args, int n);

/* mrfctl_user.c: commands */
int mrfctl_user_list(struct mrfctl *m, char **args, int n);
int mrfctl_user_add(struct mrfctl *m, char **args, int n);
int mrfctl_user_passwd(struct mrfctl *m, char **args, int n);
int mrfctl_user_del(struct mrfctl *m, char **args, int n);

/* mrfctl_key.c: commands */
int mrfctl_key_list(struct mrfctl *m, char **args, int n);
int mrfctl_key_add(struct mrfctl *m, char **args, int n);
int mrfctl_key_remove(struct mrfctl *m, char **args, int n);

#endif
