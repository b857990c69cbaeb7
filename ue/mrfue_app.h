/* SPDX-License-Identifier: Apache-2.0 */
#ifndef UE_MRFUE_APP_H
#define UE_MRFUE_APP_H

#include "ue/mrfue.h"
#include "ue/ue_smime.h"

/* State of the chat client, shared by its process, command and event files. */

struct event;

/* What was asked for in a line, kept until its outcome. The ticket is the line's number. */
struct pending {
	unsigned line;
	char *command;
	char *detail; /* nickname asked for, URI, file; "" */
	char *text;   /* what is said; NULL: it is no text */
	bool private;
	uint64_t size;
	struct ue_said said;
};

struct mrfue_app {
	struct mrfue_options opt;
	struct event_base *base;
	struct ue *ue;
	struct mrfue_input *input;
	struct mrfue_waits *waits;
	struct event *ev_wait, *ev_join, *ev_int, *ev_term;
	char *wait_spec; /* the open /wait */
	unsigned wait_line;
	struct pending *pending;
	size_t n_pending;
	struct mrfue_incoming *incoming; /* mrfue_push.c */
	struct ue_smime *smime;          /* NULL: no certificates */
	struct ue_state *state;          /* NULL: nothing is kept */
	struct gkid epoch;               /* of the newest group key; number 0: none yet */
	bool joined, leaving;
	int exit_code;
};

/* Print an event, keep it for /wait. Takes the reference. */
void mrfue_emit(struct mrfue_app *app, json_t *event);
/* JSON string of s, U+FFFD for what is not UTF-8 in it. */
json_t *mrfue_text(struct slice s);
/* The same, but null for NULL and "". */
json_t *mrfue_or_null(const char *s);
json_t *mrfue_users(const struct ue_roster *r);
/* `failed`; tells what the command was about if the line is remembered. */
void mrfue_failed(struct mrfue_app *app, unsigned line, const char *command, int code,
		  const char *reason);
void mrfue_remember(struct mrfue_app *app, unsigned line, const char *command, const char *detail,
		    bool private, uint64_t size);
struct pending *mrfue_find_pending(struct mrfue_app *app, unsigned line);
void mrfue_forget(struct mrfue_app *app, struct pending *p);

/* The answer to /keys. */
void mrfue_keys(struct mrfue_app *app, unsigned line);

extern const struct ue_ops mrfue_ue_ops; /* mrfue_events.c; arg is the struct mrfue_app */
void mrfue_on_error(int code, const char *text, void *arg);

/* mrfue_push.c: files of their own calls */
extern const struct ue_files_ops mrfue_files_ops; /* arg is the struct mrfue_app */
void mrfue_push(struct mrfue_app *app, struct slice rest, unsigned line);
void mrfue_incoming_free(struct mrfue_app *app);

/* mrfue_sign.c: certificates and the key of the command line. An error was told. */
MUST_CHECK int mrfue_sign_load(struct mrfue_app *app);

/* mrfue_cmd.c */
const char *mrfue_reason(int err); /* of what could not even begin */
void mrfue_on_line(struct slice line, unsigned number, void *arg);
void mrfue_check_wait(struct mrfue_app *app);
void mrfue_on_wait_timeout(int fd, short what, void *arg);
void mrfue_leave(struct mrfue_app *app);
struct timeval mrfue_timeout(const struct mrfue_app *app);

#endif
