/* SPDX-License-Identifier: Apache-2.0 */
/* Lines of the chat client: what is said, commands, /wait of scripts. */
#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/daemon.h"
#include "common/mem.h"
#include "ue/mrfue_app.h"

void mrfue_check_wait(struct mrfue_app *app)
{
	int rc;

	if (!app->wait_spec)
		return;
	rc = mrfue_waits_match(app->waits, slice_str(app->wait_spec));
	if (rc == 0)
		return;
	if (rc < 0) {
		fprintf(stderr, "mrfue: line %u: %s: /wait %s\n", app->wait_line,
			rc == -ERR_NOT_FOUND ? "no such event" : "not understood", app->wait_spec);
		app->exit_code = EXIT_RUNTIME;
		ue_leave(app->ue);
	}
	free(app->wait_spec);
	app->wait_spec = NULL;
	event_del(app->ev_wait);
	mrfue_input_hold(app->input, false);
}

void mrfue_on_wait_timeout(int fd, short what, void *arg)
{
	struct mrfue_app *app = arg;

	(void)fd;
	(void)what;
	fprintf(stderr, "mrfue: line %u: timed out: /wait %s\n", app->wait_line, app->wait_spec);
	free(app->wait_spec);
	app->wait_spec = NULL;
	app->exit_code = EXIT_RUNTIME;
	ue_leave(app->ue);
}

struct timeval mrfue_timeout(const struct mrfue_app *app)
{
	return (struct timeval){app->opt.timeout_ms / 1000, 0};
}

static void do_wait(struct mrfue_app *app, struct slice rest, unsigned line)
{
	struct timeval tv = mrfue_timeout(app);

	if (!app->opt.script) {
		mrfue_failed(app, line, "/wait", 0, "only in a script");
		return;
	}
	app->wait_spec = slice_dup(rest);
	app->wait_line = line;
	mrfue_input_hold(app->input, true);
	evtimer_add(app->ev_wait, &tv);
	mrfue_check_wait(app);
}

/* The command of a remembered line could not even begin. */
static void refuse(struct mrfue_app *app, unsigned line, const char *reason)
{
	mrfue_failed(app, line, mrfue_find_pending(app, line)->command, 0, reason);
	mrfue_forget(app, mrfue_find_pending(app, line));
}

const char *mrfue_reason(int err)
{
	switch (-err) {
	case ERR_SYNTAX:
		return "not a SIP URI";
	case ERR_STALE:
		return "the conference has a newer key, which has not come yet";
	case ERR_AGAIN:
		return "the conference has no key yet";
	case ERR_IO:
		return "the file cannot be read";
	default:
		return "not connected";
	}
}

static void refuse_by(struct mrfue_app *app, unsigned line, int err)
{
	char *limit;

	if (err != -ERR_LIMIT) {
		refuse(app, line, mrfue_reason(err));
		return;
	}
	limit = xasprintf("longer than the conference takes (%llu octets)",
			  (unsigned long long)ue_max_size(app->ue));
	refuse(app, line, limit);
	free(limit);
}

static void do_say(struct mrfue_app *app, const char *to, struct slice text, const char *command,
		   unsigned line)
{
	int err;

	mrfue_remember(app, line, command, to ? to : "", to != NULL, text.len);
	if (!slice_is_utf8(text)) {
		refuse(app, line, "the line is not UTF-8 text");
		return;
	}
	mrfue_find_pending(app, line)->text = slice_dup(text);
	err = ue_say(app->ue, to, text, line);
	if (err < 0)
		refuse_by(app, line, err);
	else
		mrfue_find_pending(app, line)->said = ue_said(app->ue);
}

static void do_msg(struct mrfue_app *app, struct slice rest, unsigned line)
{
	struct slice uri = SLICE_NULL;
	char *to;

	slice_next(&rest, ' ', &uri);
	to = slice_dup(uri);
	if (uri.len == 0 || rest.len == 0)
		mrfue_failed(app, line, "/msg", 0, "usage: /msg URI TEXT");
	else
		do_say(app, to, rest, "/msg", line);
	free(to);
}

static void do_file(struct mrfue_app *app, struct slice rest, unsigned line)
{
	char *path = slice_dup(rest);
	const char *base = strrchr(path, '/') ? strrchr(path, '/') + 1 : path;
	struct stat st;
	int fd, err;

	if (!path[0]) {
		mrfue_failed(app, line, "/file", 0, "usage: /file PATH");
		free(path);
		return;
	}
	fd = open(path, O_RDONLY | O_CLOEXEC);
	mrfue_remember(app, line, "/file", path, false, 0);
	if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode)) {
		refuse(app, line, fd < 0 ? strerror(errno) : "not a regular file");
	} else if (strpbrk(base, "\"\\\r\n") || !slice_is_utf8(slice_str(base))) {
		refuse(app, line, "the file's name cannot be sent (quote, backslash, not UTF-8)");
	} else {
		mrfue_find_pending(app, line)->size = (uint64_t)st.st_size;
		err = ue_send_file(app->ue, base, mrfue_file_type(base), fd, (uint64_t)st.st_size,
				   line);
		fd = -1;
		if (err < 0)
			refuse_by(app, line, err);
		else
			mrfue_find_pending(app, line)->said = ue_said(app->ue);
	}
	if (fd >= 0)
		close(fd);
	free(path);
}

static void do_refer(struct mrfue_app *app, struct slice rest, unsigned line, bool invite)
{
	const char *command = invite ? "/invite" : "/remove";
	char *uri = slice_dup(rest);
	int err;

	if (!uri[0]) {
		mrfue_failed(app, line, command, 0,
			     invite ? "usage: /invite URI" : "usage: /remove URI");
		free(uri);
		return;
	}
	mrfue_remember(app, line, command, uri, false, 0);
	err = invite ? ue_invite(app->ue, uri, line) : ue_remove(app->ue, uri, line);
	if (err < 0)
		refuse_by(app, line, err);
	free(uri);
}

static void do_nick(struct mrfue_app *app, struct slice rest, unsigned line)
{
	char *nick = slice_dup(rest);

	mrfue_remember(app, line, "/nick", nick, false, 0);
	if (!slice_is_utf8(rest))
		refuse(app, line, "the name is not UTF-8 text");
	else if (ue_nickname(app->ue, rest, line) < 0)
		refuse(app, line, "not connected");
	free(nick);
}

static void do_who(struct mrfue_app *app, unsigned line)
{
	mrfue_emit(app, json_pack("{s:s, s:i, s:o}", "event", "who", "line", (int)line, "users",
				  mrfue_users(ue_roster(app->ue))));
}

void mrfue_leave(struct mrfue_app *app)
{
	app->leaving = true;
	mrfue_input_hold(app->input, true);
	ue_leave(app->ue);
}

static void do_stop(struct mrfue_app *app, unsigned line)
{
	if (!ue_stop_pushing(app->ue))
		mrfue_failed(app, line, "/stop", 0, "nothing is being pushed");
}

static void do_help(void)
{
	fputs("TEXT (//TEXT for /TEXT) says it to everyone\n"
	      "/msg URI TEXT  /nick [NAME]  /file PATH  /push PATH [OCTET]  /stop  /invite URI  /remove URI\n"
	      "/typing [off]  /who  /keys  /leave  /help\n",
	      stderr);
}

static void no_such_command(struct mrfue_app *app, struct slice word, unsigned line)
{
	char *name = slice_dup(slice_is_utf8(word) ? word : SLICE_LIT("/?"));

	mrfue_failed(app, line, name, 0, "no such command; /help lists them");
	free(name);
}

static void do_command(struct mrfue_app *app, struct slice line, unsigned number)
{
	struct slice rest = line, word = SLICE_NULL;

	slice_next(&rest, ' ', &word);
	rest = slice_trim(rest);
	if (slice_eq_str(word, "/wait"))
		do_wait(app, rest, number);
	else if (slice_eq_str(word, "/msg"))
		do_msg(app, rest, number);
	else if (slice_eq_str(word, "/nick"))
		do_nick(app, rest, number);
	else if (slice_eq_str(word, "/file"))
		do_file(app, rest, number);
	else if (slice_eq_str(word, "/push"))
		mrfue_push(app, rest, number);
	else if (slice_eq_str(word, "/stop"))
		do_stop(app, number);
	else if (slice_eq_str(word, "/invite"))
		do_refer(app, rest, number, true);
	else if (slice_eq_str(word, "/remove"))
		do_refer(app, rest, number, false);
	else if (slice_eq_str(word, "/who"))
		do_who(app, number);
	else if (slice_eq_str(word, "/keys"))
		mrfue_keys(app, number);
	else if (slice_eq_str(word, "/typing"))
		ue_typing(app->ue, !slice_eq_str(rest, "off"));
	else if (slice_eq_str(word, "/leave"))
		mrfue_leave(app);
	else if (slice_eq_str(word, "/help"))
		do_help();
	else
		no_such_command(app, word, number);
}

void mrfue_on_line(struct slice line, unsigned number, void *arg)
{
	struct mrfue_app *app = arg;

	if (!line.ptr) {
		mrfue_leave(app);
	} else if (slice_starts(line, SLICE_LIT("//"))) {
		do_say(app, NULL, slice_from(line, 1), "say", number);
	} else if (line.len && line.ptr[0] == '/') {
		do_command(app, line, number);
	} else if (line.len) {
		do_say(app, NULL, line, "say", number);
	}
}
