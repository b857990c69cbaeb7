/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mrfctl, the operator's command line: one command is one or two requests of the admin API over
 * HTTP, its answer a table or, with --json, the API's own. Exit codes: 0 done, 1 refused or
 * unreachable, 2 usage.
 */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/daemon.h"
#include "common/http.h"
#include "common/mem.h"
#include "mrfc/admin/mrfctl_print.h"
#include "mrfc/admin/mrfctl_priv.h"

#define DEFAULT_SERVER "127.0.0.1:8060"
#define DEFAULT_PORT   8060

struct command {
	const char *group, *verb; /* "conferences show"; the group alone is its first verb */
	const char *alone;        /* the same in one word */
	int min_args, max_args;
	int (*run)(struct mrfctl *m, char **args, int n);
};

static const char usage_text[] =
	"usage: mrfctl [OPTION]... COMMAND [ARGUMENT]...\n"
	"\n"
	"  conferences [list]                     the conferences\n"
	"  conferences show NAME                  one with its participants\n"
	"  conferences create [NAME] [--subject TEXT] [--member URI]... [--closed] [--invite]\n"
	"                     [--sealed]         sealed: bodies under a key that no MRFP has\n"
	"                     [--owner URI]      whose it is, once he is in\n"
	"                     [--require-tls[=hop|access-or-hop]]\n"
	"                                        nobody over plain MSRP; or trusted peers only\n"
	"  conferences end NAME                   everyone gets a BYE\n"
	"  conferences lock NAME                  nobody new comes in\n"
	"  conferences unlock NAME\n"
	"  conferences subject NAME [TEXT]        set or remove the subject\n"
	"  conferences limit NAME USERS           places; 0: as configured\n"
	"  conferences mode NAME open|closed      closed: members only\n"
	"  conferences until NAME TIME            its end, as 2026-02-01T10:00:00Z; never: no end\n"
	"  participants invite NAME URI [--display TEXT]\n"
	"  participants remove NAME URI           also: kick\n"
	"  participants role NAME URI ROLE        listener, speaker, moderator or owner\n"
	"  participants ban NAME URI              remove and keep out\n"
	"  participants unban NAME URI\n"
	"  participants bans NAME                 who is kept out\n"
	"  mrfps                                  the MRFPs, their state and load\n"
	"  drain MRFP                             move its conferences to other MRFPs\n"
	"  undrain MRFP                           let it take conferences again\n"
	"  user [list]                            who signs in by SIP digest\n"
	"  user add NAME [--uri URI] [--display TEXT]   the password is read from stdin\n"
	"  user passwd NAME                       another password, likewise\n"
	"  user del NAME\n"
	"  key [list]                             who has keys for sealed conferences\n"
	"  key add URI [--id ID] [--out FILE]     a new key: one line, shown once\n"
	"  key remove URI [--id ID]               one or all of a user\n"
	"  status                                 is all well? exit code 1 when not ready\n"
	"\n"
	"The first word may be left out: mrfctl list, show, lock, invite, ban and so on.\n"
	"\n"
	"  --server HOST:PORT   the admin API (default " DEFAULT_SERVER ")\n"
	"  --token-file FILE    the token for an API that asks for one\n"
	"  --json               the API's answer as JSON\n"
	"  -h, --help           this text\n"
	"  -V, --version        the version\n";

int mrfctl_usage(const char *why, const char *what)
{
	fprintf(stderr, "mrfctl: %s%s%s (usage: mrfctl --help)\n", why, what ? " " : "",
		what ? what : "");
	return EXIT_USAGE;
}

static int complain_status(const struct http_result *result)
{
	json_t *answer =
		json_loadb(result->body.data ? result->body.data : "", result->body.len, 0, NULL);
	const json_t *error = json_object_get(answer, "error");
	const char *text = json_string_value(json_object_get(error, "message"));
	const char *code = json_string_value(json_object_get(error, "code"));

	if (text && code)
		fprintf(stderr, "mrfctl: %s (%s)\n", text, code);
	else
		fprintf(stderr, "mrfctl: the server answers %d\n", result->status);
	if (result->status == 404 && text && strncmp(text, "nothing is at /v1/", 18) == 0)
		fputs("mrfctl: is that the admin port of an mrfc? (--server HOST:PORT)\n", stderr);
	json_decref(answer);
	return EXIT_RUNTIME;
}

/* errno says why. */
void mrfctl_no_answer(const struct mrfctl *m)
{
	char where[ADDR_STRLEN];

	fprintf(stderr, "mrfctl: no answer from %s: %s\n", addr_format(&m->server, where),
		errno == EPROTO ? "no HTTP is spoken there" : strerror(errno));
}

/*
 * One request. On 2xx EXIT_OK and the answer (an empty object for 204), which the caller decrefs;
 * else the reason is on stderr and the exit code is returned. body is taken and may be NULL.
 */
int mrfctl_call(struct mrfctl *m, const char *method, const char *path, json_t *body_take,
		json_t **answer_r)
{
	char *text = body_take ? json_dumps(body_take, JSON_COMPACT) : NULL;
	struct http_result result = {0};
	int rc;

	json_decref(body_take);
	rc = http_call(&m->server, method, path, m->token[0] ? m->token : NULL, slice_str(text),
		       MRFCTL_TIMEOUT_MS, &result);
	free(text);
	if (rc < 0) {
		mrfctl_no_answer(m);
		return EXIT_RUNTIME;
	}
	if (result.status < 200 || result.status > 299) {
		rc = complain_status(&result);
	} else if (result.body.len == 0) {
		*answer_r = json_object();
		rc = EXIT_OK;
	} else {
		*answer_r = json_loadb(result.body.data, result.body.len, 0, NULL);
		rc = *answer_r ? EXIT_OK : EXIT_RUNTIME;
		if (rc)
			fprintf(stderr, "mrfctl: the answer is not JSON\n");
	}
	bytes_fini(&result.body);
	return rc;
}

void mrfctl_print_json(const json_t *answer)
{
	json_dumpf(answer, stdout, JSON_INDENT(2));
	putchar('\n');
}

int mrfctl_call_and_print(struct mrfctl *m, const char *path, mrfctl_print_fn *print)
{
	json_t *answer;
	int rc = mrfctl_call(m, "GET", path, NULL, &answer);

	if (rc)
		return rc;
	if (m->json)
		mrfctl_print_json(answer);
	else
		print(stdout, answer);
	json_decref(answer);
	return EXIT_OK;
}

/* A request that changes something; `done` is printed when it was done. */
int mrfctl_call_and_say(struct mrfctl *m, const char *method, const char *path, json_t *body_take,
			const char *done, const char *what)
{
	json_t *answer;
	int rc = mrfctl_call(m, method, path, body_take, &answer);

	if (rc)
		return rc;
	if (m->json)
		mrfctl_print_json(answer);
	else
		printf("%s %s\n", done, what);
	json_decref(answer);
	return EXIT_OK;
}

/* "/v1/LIST/NAME[/PART[/URI]]"; the caller frees it. */
char *mrfctl_path(const char *list, const char *name, const char *part, const char *uri)
{
	struct bytes path = BYTES_INIT;

	bytes_addf(&path, "/v1/%s/", list);
	http_encode_segment(&path, slice_str(name));
	if (part)
		bytes_addf(&path, "/%s", part);
	if (uri) {
		bytes_add_char(&path, '/');
		http_encode_segment(&path, slice_str(uri));
	}
	return bytes_take(&path);
}

static int run_list(struct mrfctl *m, char **args, int n)
{
	(void)args;
	(void)n;
	return mrfctl_call_and_print(m, "/v1/conferences", mrfctl_print_conferences);
}

static int run_show(struct mrfctl *m, char **args, int n)
{
	char *path = mrfctl_path("conferences", args[0], NULL, NULL);
	int rc = mrfctl_call_and_print(m, path, mrfctl_print_conference);

	(void)n;
	free(path);
	return rc;
}

static int run_end(struct mrfctl *m, char **args, int n)
{
	char *path = mrfctl_path("conferences", args[0], NULL, NULL);
	int rc = mrfctl_call_and_say(m, "DELETE", path, NULL, "ended", args[0]);

	(void)n;
	free(path);
	return rc;
}

static int run_invite(struct mrfctl *m, char **args, int n)
{
	json_t *body = json_pack("{s:s, s:s*}", "uri", args[1], "display", m->display);
	char *path;
	int rc;

	(void)n;
	if (!body)
		return mrfctl_usage("not UTF-8:", args[1]);
	path = mrfctl_path("conferences", args[0], "participants", NULL);
	rc = mrfctl_call_and_say(m, "POST", path, body, "inviting", args[1]);
	free(path);
	return rc;
}

static int run_remove(struct mrfctl *m, char **args, int n)
{
	char *path = mrfctl_path("conferences", args[0], "participants", args[1]);
	int rc = mrfctl_call_and_say(m, "DELETE", path, NULL, "removed", args[1]);

	(void)n;
	free(path);
	return rc;
}

static int run_role(struct mrfctl *m, char **args, int n)
{
	json_t *body = json_pack("{s:s}", "role", args[2]);
	char *path;
	int rc;

	(void)n;
	if (!body)
		return mrfctl_usage("not UTF-8:", args[2]);
	path = mrfctl_path("conferences", args[0], "participants", args[1]);
	rc = mrfctl_call_and_say(m, "PATCH", path, body, args[2], args[1]);
	free(path);
	return rc;
}

static int run_ban(struct mrfctl *m, char **args, int n)
{
	char *plain = mrfctl_path("conferences", args[0], "participants", args[1]);
	char *path = xasprintf("%s?ban=1", plain);
	int rc = mrfctl_call_and_say(m, "DELETE", path, NULL, "barred", args[1]);

	(void)n;
	free(plain);
	free(path);
	return rc;
}

static int run_unban(struct mrfctl *m, char **args, int n)
{
	char *path = mrfctl_path("conferences", args[0], "bans", args[1]);
	int rc = mrfctl_call_and_say(m, "DELETE", path, NULL, "not barred any more:", args[1]);

	(void)n;
	free(path);
	return rc;
}

static int run_bans(struct mrfctl *m, char **args, int n)
{
	char *path = mrfctl_path("conferences", args[0], "bans", NULL);
	int rc = mrfctl_call_and_print(m, path, mrfctl_print_bans);

	(void)n;
	free(path);
	return rc;
}

static int run_mrfps(struct mrfctl *m, char **args, int n)
{
	(void)args;
	(void)n;
	return mrfctl_call_and_print(m, "/v1/mrfps", mrfctl_print_mrfps);
}

static int run_drain(struct mrfctl *m, char **args, int n)
{
	char *path = mrfctl_path("mrfps", args[0], "drain", NULL);
	int rc = mrfctl_call_and_say(m, "POST", path, NULL, "draining", args[0]);

	(void)n;
	free(path);
	return rc;
}

static int run_undrain(struct mrfctl *m, char **args, int n)
{
	char *path = mrfctl_path("mrfps", args[0], "drain", NULL);
	int rc = mrfctl_call_and_say(m, "DELETE", path, NULL, "takes conferences again:", args[0]);

	(void)n;
	free(path);
	return rc;
}

static const struct command commands[] = {
	{"conferences", "list", "list", 0, 0, run_list},
	{"conferences", "show", "show", 1, 1, run_show},
	{"conferences", "create", "create", 0, 1, mrfctl_room_create},
	{"conferences", "end", "end", 1, 1, run_end},
	{"conferences", "lock", "lock", 1, 1, mrfctl_room_lock},
	{"conferences", "unlock", "unlock", 1, 1, mrfctl_room_unlock},
	{"conferences", "subject", "subject", 1, 2, mrfctl_room_subject},
	{"conferences", "limit", "limit", 2, 2, mrfctl_room_limit},
	{"conferences", "mode", "mode", 2, 2, mrfctl_room_mode},
	{"conferences", "until", "until", 2, 2, mrfctl_room_until},
	{"participants", "invite", "invite", 2, 2, run_invite},
	{"participants", "remove", "remove", 2, 2, run_remove},
	{"participants", "kick", "kick", 2, 2, run_remove},
	{"participants", "role", "role", 3, 3, run_role},
	{"participants", "ban", "ban", 2, 2, run_ban},
	{"participants", "unban", "unban", 2, 2, run_unban},
	{"participants", "bans", "bans", 1, 1, run_bans},
	{"mrfps", "list", "mrfps", 0, 0, run_mrfps},
	{"mrfps", "drain", "drain", 1, 1, run_drain},
	{"mrfps", "undrain", "undrain", 1, 1, run_undrain},
	{"user", "list", "user-list", 0, 0, mrfctl_user_list},
	{"user", "add", "user-add", 1, 1, mrfctl_user_add},
	{"user", "passwd", "user-passwd", 1, 1, mrfctl_user_passwd},
	{"user", "del", "user-del", 1, 1, mrfctl_user_del},
	{"key", "list", "key-list", 0, 0, mrfctl_key_list},
	{"key", "add", "key-add", 1, 1, mrfctl_key_add},
	{"key", "remove", "key-remove", 1, 1, mrfctl_key_remove},
	{"status", "show", "status", 0, 0, mrfctl_status},
};

/* Words that are no command: what would be one. */
static int no_command(char **words, int n)
{
	const char *verbs[ARRAY_LEN(commands)];
	size_t n_verbs = 0;

	for (size_t i = 0; i < ARRAY_LEN(commands); i++)
		if (strcmp(words[0], commands[i].group) == 0)
			verbs[n_verbs++] = commands[i].verb;
	if (n_verbs == 0)
		return mrfctl_usage("no such command:", words[0]);
	if (n > 1)
		fprintf(stderr, "mrfctl: no such command: %s %s; there is", words[0], words[1]);
	else
		fprintf(stderr, "mrfctl: %s what? There is", words[0]);
	for (size_t i = 0; i < n_verbs; i++)
		fprintf(stderr, "%s %s %s", i ? "," : "", words[0], verbs[i]);
	fputs(" (usage: mrfctl --help)\n", stderr);
	return EXIT_USAGE;
}

static int run_words(struct mrfctl *m, char **words, int n)
{
	for (size_t i = 0; i < ARRAY_LEN(commands) && n > 0; i++) {
		const struct command *c = &commands[i];
		bool group = strcmp(words[0], c->group) == 0;
		int used = 0;

		if (group && n > 1 && strcmp(words[1], c->verb) == 0)
			used = 2;
		else if (strcmp(words[0], c->alone) == 0 ||
			 (group && n == 1 && strcmp(c->verb, "list") == 0))
			used = 1;
		if (!used)
			continue;
		if (n - used < c->min_args || n - used > c->max_args)
			return mrfctl_usage("wrong number of arguments for", words[used - 1]);
		return c->run(m, words + used, n - used);
	}
	return n ? no_command(words, n) : mrfctl_usage("a command is missing", NULL);
}

/* "HOST:PORT", "HOST" or "[v6]:PORT"; names are looked up. */
static int parse_server(const char *text, struct addr *addr_r)
{
	const char *colon = strrchr(text, ':');
	uint64_t port = DEFAULT_PORT;
	char *host;
	int rc;

	if (addr_parse(slice_str(text), addr_r) == 0)
		return 0;
	if (colon && slice_u64(slice_str(colon + 1), UINT16_MAX, &port) < 0)
		return -ERR_SYNTAX;
	host = colon ? xstrndup(text, (size_t)(colon - text)) : xstrdup(text);
	rc = addr_resolve(host, (uint16_t)port, addr_r);
	free(host);
	return rc;
}

/* The first line of the file without its blanks. */
static int read_token(const char *file, char token_r[MRFCTL_TOKEN_MAX])
{
	char line[MRFCTL_TOKEN_MAX];
	FILE *f = fopen(file, "re");
	int rc = -ERR_IO;

	if (!f)
		return rc;
	if (fgets(line, sizeof(line), f))
		rc = slice_copy(slice_trim(slice_str(line)), token_r, MRFCTL_TOKEN_MAX);
	fclose(f);
	return rc;
}

enum {
	OPT_SERVER = 256,
	OPT_TOKEN,
	OPT_JSON,
	OPT_SUBJECT,
	OPT_DISPLAY,
	OPT_URI,
	OPT_ID,
	OPT_OUT,
	OPT_MEMBER,
	OPT_CLOSED,
	OPT_INVITE,
	OPT_SEALED,
	OPT_OWNER,
	OPT_REQUIRE_TLS
};

static const struct option options[] = {
	{"server", required_argument, NULL, OPT_SERVER},
	{"token-file", required_argument, NULL, OPT_TOKEN},
	{"json", no_argument, NULL, OPT_JSON},
	{"subject", required_argument, NULL, OPT_SUBJECT},
	{"display", required_argument, NULL, OPT_DISPLAY},
	{"uri", required_argument, NULL, OPT_URI},
	{"id", required_argument, NULL, OPT_ID},
	{"out", required_argument, NULL, OPT_OUT},
	{"member", required_argument, NULL, OPT_MEMBER},
	{"closed", no_argument, NULL, OPT_CLOSED},
	{"invite", no_argument, NULL, OPT_INVITE},
	{"owner", required_argument, NULL, OPT_OWNER},
	{"sealed", no_argument, NULL, OPT_SEALED},
	{"require-tls", optional_argument, NULL, OPT_REQUIRE_TLS},
	{"help", no_argument, NULL, 'h'},
	{"version", no_argument, NULL, 'V'},
	{NULL, 0, NULL, 0},
};

/* An option of one command; false: it is none. */
static bool take_word(struct mrfctl *m, int opt, char *value)
{
	if (opt == OPT_SUBJECT)
		m->subject = value;
	else if (opt == OPT_DISPLAY)
		m->display = value;
	else if (opt == OPT_URI)
		m->uri = value;
	else if (opt == OPT_ID)
		m->id = value;
	else if (opt == OPT_OUT)
		m->out = value;
	else if (opt == OPT_MEMBER)
		m->members[m->n_members++] = value;
	else if (opt == OPT_OWNER)
		m->owner = value;
	else if (opt == OPT_REQUIRE_TLS)
		m->require_tls = value ? value : "hop";
	else if (opt == OPT_CLOSED)
		m->closed = true;
	else if (opt == OPT_INVITE)
		m->invite = true;
	else if (opt == OPT_SEALED)
		m->sealed = true;
	else
		return false;
	return true;
}

int main(int argc, char **argv)
{
	struct mrfctl m = {0};
	const char *server = DEFAULT_SERVER;
	int opt;

	while ((opt = getopt_long(argc, argv, "hV", options, NULL)) != -1) {
		if (opt == OPT_SERVER) {
			server = optarg;
		} else if (opt == OPT_TOKEN) {
			if (read_token(optarg, m.token) < 0) {
				fprintf(stderr, "mrfctl: cannot read a token from %s\n", optarg);
				return EXIT_RUNTIME;
			}
		} else if (opt == OPT_JSON) {
			m.json = true;
		} else if (opt == OPT_MEMBER && m.n_members == ARRAY_LEN(m.members)) {
			return mrfctl_usage("too many members:", optarg);
		} else if (take_word(&m, opt, optarg)) {
			continue;
		} else if (opt == 'h') {
			fputs(usage_text, stdout);
			return EXIT_OK;
		} else if (opt == 'V') {
			puts("mrfctl " MRF_VERSION);
			return EXIT_OK;
		} else { /* getopt has named it */
			fputs("usage: mrfctl --help\n", stderr);
			return EXIT_USAGE;
		}
	}
	if (parse_server(server, &m.server) < 0)
		return mrfctl_usage("--server: HOST:PORT expected, not", server);
	return run_words(&m, argv + optind, argc - optind);
}
