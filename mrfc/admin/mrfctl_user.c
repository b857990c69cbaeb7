/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mrfctl's commands about users of SIP digest. Passwords come from the standard input, one line:
 * from a terminal without echo, never from the command line, which others can see.
 */
#include <stdio.h>
#include <stdlib.h>
#include <termios.h>
#include <unistd.h>

#include "common/daemon.h"
#include "common/mem.h"
#include "mrfc/admin/mrfctl_priv.h"

#define PASSWORD_SIZE 260

static char *path_of(const char *name, const char *rest)
{
	struct bytes path = BYTES_INIT;

	bytes_add_str(&path, "/v1/users/");
	http_encode_segment(&path, slice_str(name));
	bytes_add_str(&path, rest);
	return bytes_take(&path);
}

static void ask(const struct termios *old)
{
	struct termios quiet = *old;

	fputs("password: ", stderr);
	quiet.c_lflag &= ~(tcflag_t)ECHO;
	(void)tcsetattr(STDIN_FILENO, TCSAFLUSH, &quiet);
}

/* One line; an exit code. */
static int read_password(char out[PASSWORD_SIZE])
{
	struct termios old;
	bool terminal = tcgetattr(STDIN_FILENO, &old) == 0;
	size_t len;

	if (terminal)
		ask(&old);
	if (fgets(out, PASSWORD_SIZE, stdin) == NULL)
		out[0] = '\0';
	if (terminal) {
		(void)tcsetattr(STDIN_FILENO, TCSAFLUSH, &old);
		fputc('\n', stderr);
	}
	len = strcspn(out, "\r\n");
	if (len == 0 || out[len] == '\0') {
		fputs("mrfctl: a line with a password of 1 to 256 octets is expected on the "
		      "standard input\n",
		      stderr);
		mem_wipe(out, PASSWORD_SIZE);
		return EXIT_USAGE;
	}
	out[len] = '\0';
	return EXIT_OK;
}

static void print_users(FILE *out, const json_t *answer)
{
	const json_t *u;
	size_t i;

	fprintf(out, "%-24s %-32s %s\n", "NAME", "URI", "DISPLAY");
	json_array_foreach(json_object_get(answer, "users"), i, u)
	{
		const char *display = json_string_value(json_object_get(u, "display"));

		fprintf(out, "%-24s %-32s %s\n", json_string_value(json_object_get(u, "name")),
			json_string_value(json_object_get(u, "uri")), display ? display : "-");
	}
}

int mrfctl_user_list(struct mrfctl *m, char **args, int n)
{
	(void)args;
	(void)n;
	return mrfctl_call_and_print(m, "/v1/users", print_users);
}

int mrfctl_user_add(struct mrfctl *m, char **args, int n)
{
	char password[PASSWORD_SIZE];
	int rc = read_password(password);
	json_t *body;

	(void)n;
	if (rc != EXIT_OK)
		return rc;
	body = json_pack("{s:s, s:s, s:s*, s:s*}", "name", args[0], "password", password, "uri",
			 m->uri, "display", m->display);
	mem_wipe(password, sizeof(password));
	if (!body) {
		fputs("mrfctl: not UTF-8\n", stderr);
		return EXIT_USAGE;
	}
	return mrfctl_call_and_say(m, "POST", "/v1/users", body, "added", args[0]);
}

int mrfctl_user_passwd(struct mrfctl *m, char **args, int n)
{
	char password[PASSWORD_SIZE], *path;
	int rc = read_password(password);
	json_t *body;

	(void)n;
	if (rc != EXIT_OK)
		return rc;
	body = json_pack("{s:s}", "password", password);
	mem_wipe(password, sizeof(password));
	if (!body) {
		fputs("mrfctl: not UTF-8\n", stderr);
		return EXIT_USAGE;
	}
	path = path_of(args[0], "/password");
	rc = mrfctl_call_and_say(m, "PUT", path, body, "changed", args[0]);
	free(path);
	return rc;
}

int mrfctl_user_del(struct mrfctl *m, char **args, int n)
{
	char *path = path_of(args[0], "");
	int rc = mrfctl_call_and_say(m, "DELETE", path, NULL, "removed", args[0]);

	(void)n;
	free(path);
	return rc;
}
