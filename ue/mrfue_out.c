/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Events of the chat client on standard output: JSON lines, or text for people with what others
 * sent made harmless (control characters but tabs become '?').
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
		else if (c == 0xc2 && (unsigned char)s[1] >= 0x80 && (unsigned char)s[1] < 0xa0)
			putchar('?'), s++; /* C1 in UTF-8 */
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

/* Who it is, by display name or URI. */
static void put_person(const json_t *e, const char *uri_key)
{
	if (str(e, "display")[0])
		put_safe(str(e, "display"));
	else
		put_user(str(e, uri_key));
}

static void put_sender(const json_t *e)
{
	if (str(e, "nickname")[0])
		put_safe(str(e, "nickname"));
	else
		put_person(e, "from");
}

static bool is(const json_t *e, const char *key)
{
	return json_is_true(json_object_get(e, key));
}

/* How a sealed message came (went): under which epoch's key or for one alone, and what of it is signed. */
static void put_seal(const json_t *e, const char *alone)
{
	if (!is(e, "sealed"))
		return;
	if (is(e, "alone"))
		fputs("[for ", stdout), put_user(alone), fputs(" alone", stdout);
	else
		printf("[e%lld", num(e, "epoch"));
	if (is(e, "verified"))
		fputs(" signed", stdout);
	else if (is(e, "words"))
		fputs(" words signed", stdout);
	else if (is(e, "alone"))
		fputs(" NOT signed", stdout);
	fputs("] ", stdout);
}

static void print_message(const json_t *e)
{
	put_seal(e, "you");
	fputs(is(e, "private") ? "[private] <" : "<", stdout);
	put_sender(e);
	fputs("> ", stdout);
	put_safe(str(e, "text"));
	putchar('\n');
}

static void print_file(const json_t *e)
{
	put_seal(e, "you");
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

/* A key here, and nothing sealed with it, is what a person must know. */
static void print_joined(const json_t *e)
{
	fputs("* joined ", stdout);
	put_safe(str(e, "conference"));
	putchar('\n');
	if (json_is_true(json_object_get(e, "serves")))
		puts("* this conference is sealed with keys that you make: no server has them");
	else if (json_is_true(json_object_get(e, "sealed")))
		puts("* this conference is sealed: its servers cannot read what is said");
	else if (json_is_true(json_object_get(e, "key")))
		puts("* this conference is NOT sealed: its servers can read what is said");
}

static void print_dropped(const json_t *e)
{
	fputs("* a message from ", stdout);
	put_sender(e);
	if (json_is_true(json_object_get(e, "replay")))
		puts(" was shown before: dropped");
	else
		printf(" cannot be shown: %s\n", str(e, "why"));
}

/* A pushed file's part stays where kept; its sender can go on with it. */
static void print_aborted(const json_t *e)
{
	if (!str(e, "name")[0]) {
		printf("* a message stopped after %lld bytes\n", num(e, "size"));
		return;
	}
	fputs("* ", stdout), put_safe(str(e, "name"));
	fputs(" from ", stdout), put_sender(e);
	if (json_is_true(json_object_get(e, "sealed")) && strcmp(str(e, "why"), "damaged") == 0)
		printf(" is thrown away: %s\n", str(e, "reason"));
	else if (json_is_true(json_object_get(e, "sealed")) &&
		 json_is_true(json_object_get(e, "kept")))
		printf(" was %s: %lld of %lld bytes came; /push PATH %lld by the sender goes on\n",
		       str(e, "why"), num(e, "size"), num(e, "total"), num(e, "size") + 1);
	else if (json_is_true(json_object_get(e, "sealed")))
		printf(" was %s after %lld bytes, nothing of it is kept\n", str(e, "why"),
		       num(e, "size"));
	else if (strcmp(str(e, "why"), "damaged") == 0)
		puts(" is not what was announced (size or hash) and thrown away");
	else
		printf(" was %s after %lld bytes; /push PATH %lld by the sender goes on\n",
		       str(e, "why"), num(e, "size"), num(e, "size") + 1);
}

static void print_arrived(const json_t *e)
{
	fputs("* ", stdout);
	put_person(e, "uri");
	fputs(" is here", stdout);
	if (str(e, "joining_method")[0])
		printf(" (%s)", str(e, "joining_method"));
	if (str(e, "nickname")[0])
		fputs(", known as ", stdout), put_safe(str(e, "nickname"));
	putchar('\n');
}

static void print_departed(const json_t *e)
{
	fputs("* ", stdout);
	put_person(e, "uri");
	puts(" has left");
}

static void print_renamed(const json_t *e)
{
	fputs("* ", stdout);
	put_person(e, "uri");
	if (str(e, "nickname")[0])
		fputs(" is now known as ", stdout), put_safe(str(e, "nickname"));
	else
		fputs(" has given the nickname back", stdout);
	putchar('\n');
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

static void put_status(const json_t *e, const char *text_key)
{
	if (num(e, "code"))
		printf("%lld ", num(e, "code"));
	put_safe(str(e, text_key));
}

static void print_failed(const json_t *e)
{
	const char *command = str(e, "command");
	bool private_message = strcmp(command, "/msg") == 0;

	fputs("* ", stdout);
	put_safe(strcmp(command, "say") == 0 ? "not sent" : command);
	if (str(e, "about")[0])
		putchar(' '), put_safe(str(e, "about"));
	fputs(": ", stdout);
	put_status(e, "reason");
	if (private_message && num(e, "code") == 404)
		fputs(" (nobody of that URI is here, /who lists them)", stdout);
	else if (private_message && num(e, "code") == 403)
		fputs(" (no private messages here)", stdout);
	putchar('\n');
}

static void print_referred(const json_t *e)
{
	fputs(strcmp(str(e, "method"), "BYE") == 0 ? "* /remove " : "* /invite ", stdout);
	put_safe(str(e, "uri"));
	fputs(": ", stdout);
	put_status(e, "reason");
	putchar('\n');
}

static void print_own(const json_t *e)
{
	put_seal(e, str(e, "to"));
	if (is(e, "private"))
		fputs("[private to ", stdout), put_user(str(e, "to")), fputs("] ", stdout);
	putchar('<');
	put_sender(e);
	fputs("> ", stdout);
	put_safe(str(e, "text"));
	putchar('\n');
}

static void print_sent(const json_t *e)
{
	const char *path = str(e, "file"), *slash = strrchr(path, '/');

	if (!path[0] && is(e, "sealed")) /* as the others see it */
		print_own(e);
	if (!path[0])
		return;
	fputs("* ", stdout);
	put_safe(slash ? slash + 1 : path);
	puts(": sent");
}

static void print_receipt(const json_t *e)
{
	printf("* line %lld: delivered to %lld, displayed by %lld", num(e, "line"),
	       num(e, "delivered"), num(e, "displayed"));
	if (num(e, "failed"))
		printf(", failed for %lld", num(e, "failed"));
	putchar('\n');
}

static void print_typing(const json_t *e)
{
	fputs("* ", stdout);
	put_sender(e);
	puts(json_is_true(json_object_get(e, "active")) ? " is typing" : " has stopped typing");
}

static void print_lost(const json_t *e)
{
	fputs("* the connection was lost (", stdout);
	put_safe(str(e, "text"));
	puts(")");
}

static void print_error(const json_t *e)
{
	fputs(num(e, "code") ? "* the call was refused: " : "* error: ", stdout);
	put_status(e, "text");
	putchar('\n');
}

static void print_ended(const json_t *e)
{
	if (!json_is_true(json_object_get(e, "joined")))
		return; /* the error has told it */
	if (strcmp(str(e, "by"), "self") == 0)
		fputs("* you have left", stdout);
	else
		fputs("* the focus has ended the call", stdout);
	if (num(e, "cause"))
		printf(" (%lld ", num(e, "cause")), put_safe(str(e, "text")), putchar(')');
	putchar('\n');
}

static void print_epoch(const json_t *e)
{
	const json_t *members = json_object_get(e, "members");

	printf("* new group key: epoch %lld", num(e, "epoch"));
	if (json_is_true(json_object_get(e, "anew")))
		printf(" of %.8s, counted anew", str(e, "id"));
	if (members && num(e, "members") == 0)
		fputs(", made for you alone", stdout);
	else if (members)
		printf(", made for you and %lld other%s", num(e, "members"),
		       num(e, "members") == 1 ? "" : "s");
	putchar('\n');
}

static void print_key(const json_t *e)
{
	bool refused = strcmp(str(e, "state"), "refused") == 0;

	fputs(refused ? "* no key for " : "* ", stdout);
	put_safe(str(e, "uri"));
	if (str(e, "id")[0])
		fputs(" (", stdout), put_safe(str(e, "id")), putchar(')');
	if (refused)
		printf(": %s", str(e, "why"));
	else
		fputs(strcmp(str(e, "state"), "given") == 0 ? " is given keys" : " has the key",
		      stdout);
	if (num(e, "untold"))
		printf(" (and %lld others before)", num(e, "untold"));
	putchar('\n');
}

static void print_keys(const json_t *e)
{
	const json_t *members = json_object_get(e, "members");
	json_t *m;
	size_t i;

	if (json_array_size(members) == 0)
		puts("* nobody else has a key");
	json_array_foreach(members, i, m)
	{
		fputs("* ", stdout);
		put_safe(str(m, "uri"));
		fputs(" (", stdout), put_safe(str(m, "id"));
		printf("): epoch %lld given", num(m, "given"));
		if (num(m, "confirmed") == num(m, "given"))
			puts(" and confirmed");
		else if (num(m, "confirmed"))
			printf(", %lld confirmed\n", num(m, "confirmed"));
		else
			puts(", none confirmed");
	}
}

static void print_serving(const json_t *e)
{
	fputs("* you are the key server of ", stdout);
	put_safe(str(e, "conference"));
	printf(": with keys of %lld member%s\n", num(e, "keys"), num(e, "keys") == 1 ? "" : "s");
}

static void print_clock(const json_t *e)
{
	long long s = num(e, "behind");

	printf("* the clock here is %lld seconds %s the server's, whose time is used for keys\n",
	       s < 0 ? -s : s, s < 0 ? "ahead of" : "behind");
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
		print_joined(e);
	else if (strcmp(name, "dropped") == 0)
		print_dropped(e);
	else if (strcmp(name, "epoch") == 0)
		print_epoch(e);
	else if (strcmp(name, "serving") == 0)
		print_serving(e);
	else if (strcmp(name, "not-serving") == 0)
		print_uri_line("you are the key server no more:", str(e, "why"));
	else if (strcmp(name, "key") == 0)
		print_key(e);
	else if (strcmp(name, "keys") == 0)
		print_keys(e);
	else if (strcmp(name, "trouble") == 0)
		print_uri_line("key server:", str(e, "text"));
	else if (strcmp(name, "clock") == 0)
		print_clock(e);
	else if (strcmp(name, "arrived") == 0)
		print_arrived(e);
	else if (strcmp(name, "departed") == 0)
		print_departed(e);
	else if (strcmp(name, "renamed") == 0)
		print_renamed(e);
	else if (strcmp(name, "sent") == 0)
		print_sent(e);
	else if (strcmp(name, "receipt") == 0)
		print_receipt(e);
	else if (strcmp(name, "typing") == 0)
		print_typing(e);
	else if (strcmp(name, "lost") == 0)
		print_lost(e);
	else if (strcmp(name, "rejoined") == 0)
		puts("* connected again");
	else if (strcmp(name, "who") == 0)
		print_who(e);
	else if (strcmp(name, "nickname") == 0 && str(e, "nickname")[0])
		print_uri_line("you are now known as", str(e, "nickname"));
	else if (strcmp(name, "nickname") == 0)
		puts("* nickname given back");
	else if (strcmp(name, "referred") == 0)
		print_referred(e);
	else if (strcmp(name, "failed") == 0)
		print_failed(e);
	else if (strcmp(name, "aborted") == 0)
		print_aborted(e);
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
