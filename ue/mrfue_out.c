/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Events of the chat client on standard output: JSON lines, or text for people with what others
 * sent made harmless (control characters become '?').
 */
#include <stdio.h>
#include <string.h>

#include "common/mem.h"
#include "ue/mrfue.h"

static const char *str(const json_t *e, const char *key)
{
	const char *s = json_string_value(json_object_get(e, key));

	return s ? s : "";
}

static long long num(const json_t *e, const char *key)
{
	return (long long)json_integer_value(json_object_get(e, key));
}

static void put_safe(const char *s)
{
	for (; *s; s++) {
		unsigned char c = (unsigned char)*s;

		if ((c < 0x20 && c != '\t') || c == 0x7f)
			putchar('?');
		else
			putchar(c);
	}
}

/* The user part of a URI, or all of it. */
static void put_user(const char *uri)
{
	const char *colon = strchr(uri, ':'), *at = strchr(uri, '@');
	char user[128];

	if (!colon || !at || at <= colon + 1 || (size_t)(at - colon) > sizeof(user)) {
		put_safe(uri);
		return;
	}
	snprintf(user, sizeof(user), "%.*s", (int)(at - colon - 1), colon + 1);
	put_safe(user);
}

static void put_sender(const json_t *e)
{
	if (str(e, "display")[0])
		put_safe(str(e, "display"));
	else
		put_user(str(e, "from"));
}

static void print_message(const json_t *e)
{
	fputs(json_is_true(json_object_get(e, "private")) ? "[private] <" : "<", stdout);
	put_sender(e);
	fputs("> ", stdout);
	put_safe(str(e, "text"));
	putchar('\n');
}

static void print_file(const json_t *e)
{
	fputs("* ", stdout);
	put_sender(e);
	fputs(" sent ", stdout);
	put_safe(str(e, "name"));
	fputs(" (", stdout);
	put_safe(str(e, "type"));
	printf(", %lld bytes)", num(e, "size"));
	if (str(e, "path")[0]) {
		fputs(", saved as ", stdout);
		put_safe(str(e, "path"));
	}
	putchar('\n');
}

static void print_presence(const json_t *e, const char *what)
{
	fputs("* ", stdout);
	if (str(e, "display")[0])
		put_safe(str(e, "display"));
	else
		put_user(str(e, "uri"));
	if (str(e, "joining_method")[0])
		printf(" %s (%s)\n", what, str(e, "joining_method"));
	else
		printf(" %s\n", what);
}

static void print_who(const json_t *e)
{
	size_t i;
	json_t *user;

	json_array_foreach(json_object_get(e, "users"), i, user)
	{
		fputs("* ", stdout);
		put_safe(str(user, "uri"));
		if (str(user, "display")[0]) {
			fputs(" \"", stdout);
			put_safe(str(user, "display"));
			putchar('"');
		}
		if (str(user, "nickname")[0]) {
			fputs(" alias ", stdout);
			put_safe(str(user, "nickname"));
		}
		printf(" %s\n", str(user, "state"));
	}
}

static void print_uri_line(const char *text, const char *value)
{
	printf("* %s ", text);
	put_safe(value);
	putchar('\n');
}

static void print_failed(const json_t *e)
{
	fputs("* ", stdout);
	put_safe(str(e, "command"));
	printf(" failed: %lld ", num(e, "code"));
	put_safe(str(e, "reason"));
	putchar('\n');
}

static void print_error(const json_t *e)
{
	fputs("* error: ", stdout);
	if (num(e, "code"))
		printf("%lld ", num(e, "code"));
	put_safe(str(e, "text"));
	putchar('\n');
}

static void print_ended(const json_t *e)
{
	if (strcmp(str(e, "by"), "self") == 0)
		fputs("* you have left", stdout);
	else
		fputs("* the focus has ended the call", stdout);
	if (num(e, "cause"))
		printf(" (%lld ", num(e, "cause")), put_safe(str(e, "text")), putchar(')');
	putchar('\n');
}

static void print_text(const char *name, const json_t *e)
{
	if (strcmp(name, "message") == 0)
		print_message(e);
	else if (strcmp(name, "file") == 0)
		print_file(e);
	else if (strcmp(name, "ready") == 0)
		print_uri_line("listening at", str(e, "sip"));
	else if (strcmp(name, "invitation") == 0)
		print_uri_line("invited to", str(e, "conference"));
	else if (strcmp(name, "joined") == 0)
		print_uri_line("joined", str(e, "conference"));
	else if (strcmp(name, "arrived") == 0)
		print_presence(e, "is here");
	else if (strcmp(name, "departed") == 0)
		print_presence(e, "has left");
	else if (strcmp(name, "who") == 0)
		print_who(e);
	else if (strcmp(name, "nickname") == 0 && str(e, "nickname")[0])
		print_uri_line("you are now known as", str(e, "nickname"));
	else if (strcmp(name, "nickname") == 0)
		puts("* nickname given back");
	else if (strcmp(name, "referred") == 0)
		printf("* %s: %lld %s\n", str(e, "method"), num(e, "code"), str(e, "reason"));
	else if (strcmp(name, "failed") == 0)
		print_failed(e);
	else if (strcmp(name, "aborted") == 0)
		printf("* a message stopped after %lld bytes\n", num(e, "size"));
	else if (strcmp(name, "error") == 0)
		print_error(e);
	else if (strcmp(name, "ended") == 0)
		print_ended(e);
}

void mrfue_print(const json_t *event, bool json)
{
	if (json) {
		json_dumpf(event, stdout, JSON_COMPACT);
		putchar('\n');
	} else {
		print_text(str(event, "event"), event);
	}
	fflush(stdout);
}
