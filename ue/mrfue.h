/* SPDX-License-Identifier: Apache-2.0 */
#ifndef UE_MRFUE_H
#define UE_MRFUE_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "ue/ue.h"

struct event_base;

/* The chat client's parts: options, line input, commands, events out, waits. Events are JSON objects inside. */

#define MRFUE_CERTS_MAX 64

struct mrfue_options {
	struct ue_config ue;
	const char *uri; /* join; NULL: wait */
	const char *download;
	const char *password_file; /* NULL: none */
	const char *script;        /* file or "-"; NULL: standard input, no /wait */
	uint32_t timeout_ms;
	bool json;
	bool has_proxy, has_listen;         /* given, not the default */
	const char *sign_cert, *sign_key;   /* files; NULL: nothing is signed */
	const char *certs[MRFUE_CERTS_MAX]; /* URI=FILE */
	size_t n_certs;
	const char *state; /* file; NULL: nothing is kept */
};
/* -1: go on; else the exit code (usage, --help, --version are printed). */
int mrfue_options(int argc, char **argv, struct mrfue_options *options_r);

/* mrfue_out.c: print an event for people or as a JSON line. */
void mrfue_print(const json_t *event, bool json);

/* mrfue_wait.c: events not used up yet, and what a /wait asks for. */
struct mrfue_waits;
struct mrfue_waits *mrfue_waits_new(void);
void mrfue_waits_free(struct mrfue_waits **w);
void mrfue_waits_add(struct mrfue_waits *w, json_t *event); /* takes a reference of its own */
/*
 * `spec` is "EVENT [KEY=VALUE | KEY~REGEX]...". 1: an event fitted and is used up; 0: none yet;
 * -ERR_SYNTAX: the line is malformed; -ERR_NOT_FOUND: there are no events of that name.
 */
MUST_CHECK int mrfue_waits_match(struct mrfue_waits *w, struct slice spec);

/* mrfue_in.c: lines of a file or stream, one at a time while not held back. */
struct mrfue_input;
typedef void mrfue_line_fn(struct slice line, unsigned number,
			   void *arg); /* ptr NULL: end of input */
MUST_CHECK int mrfue_input_open(struct event_base *base, const char *path, mrfue_line_fn *fn,
				void *arg, struct mrfue_input **input_r);
void mrfue_input_hold(struct mrfue_input *in, bool hold);
void mrfue_input_free(struct mrfue_input **in);

/* mrfue_file.c: files sent and received. */
const char *mrfue_file_type(const char *path);
/*
 * Hash what came and, with dir, save it there under a safe, free name. Adds name, size, sha256 and path
 * to the event.
 */
void mrfue_file_keep(const struct ue_message *m, const char *dir, json_t *event);
/*
 * Last component of what a sender calls a file, at most 200 octets of harmless characters, none
 * in part, never empty or hidden. The caller frees it.
 */
char *mrfue_safe_name(struct slice wanted);
/* Progress of a long message on a terminal's standard error. */
void mrfue_progress(uint64_t done, uint64_t total);

#endif
