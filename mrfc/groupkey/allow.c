/* SPDX-License-Identifier: Apache-2.0 */
/* The key server's list of users per conference. Names are compared in one form, case of hosts aside. */
#include "mrfc/groupkey/allow.h"

#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <unistd.h>

#include "common/mem.h"
#include "proto/sip_uri.h"

#define TEXT_MAX (1u << 20)

struct rule {
	STAILQ_ENTRY(rule) link;
	char *room;
	char **users;
	size_t n;
};

struct allow {
	STAILQ_HEAD(, rule) rules;
};

static struct slice next_word(struct slice *rest)
{
	size_t n = 0;
	struct slice word;

	*rest = slice_trim(*rest);
	while (n < rest->len && rest->ptr[n] != ' ' && rest->ptr[n] != '\t')
		n++;
	word = slice_first(*rest, n);
	*rest = slice_from(*rest, n);
	return word;
}

/* A pattern, or what can be the name of somebody. */
static bool is_name(struct slice word)
{
	struct sip_uri uri;

	for (size_t i = 0; i < word.len; i++) {
		if (strchr("*?[", word.ptr[i]) != NULL)
			return true;
	}
	return sip_uri_parse(word, &uri) == 0;
}

/* "CONFERENCE: USER...": the colon behind the conference is the one before a blank. */
static int add_rule(struct allow *a, struct slice line)
{
	struct slice room = next_word(&line), user;
	struct rule *r;

	if (room.len < 2 || room.ptr[room.len - 1] != ':' ||
	    !is_name(slice_first(room, room.len - 1)))
		return -ERR_SYNTAX;
	r = xcalloc(1, sizeof(*r));
	r->room = slice_dup(slice_first(room, room.len - 1));
	STAILQ_INSERT_TAIL(&a->rules, r, link);
	while ((user = next_word(&line)).len > 0) {
		if (!is_name(user))
			return -ERR_SYNTAX;
		r->users = xrealloc(r->users, (r->n + 1) * sizeof(*r->users));
		r->users[r->n++] = slice_dup(user);
	}
	return r->n > 0 ? 0 : -ERR_SYNTAX;
}

int allow_parse(struct slice text, struct allow **allow_r, unsigned *line_r)
{
	struct allow *a = xcalloc(1, sizeof(*a));
	struct slice line;
	unsigned n = 0;
	int err = text.len > TEXT_MAX ? -ERR_LIMIT : 0;

	STAILQ_INIT(&a->rules);
	while (err == 0 && slice_next(&text, '\n', &line)) {
		ptrdiff_t comment = slice_chr(line, '#');

		n++;
		line = slice_trim(comment >= 0 ? slice_first(line, (size_t)comment) : line);
		if (line.len > 0)
			err = add_rule(a, line);
	}
	*line_r = n;
	if (err != 0)
		allow_free(&a);
	else
		*allow_r = a;
	return err;
}

int allow_read(const char *file, struct allow **allow_r, char *why, size_t why_size)
{
	char *text = xcalloc(1, TEXT_MAX + 1);
	int fd = open(file, O_RDONLY | O_CLOEXEC), err;
	ssize_t n = fd < 0 ? -1 : read(fd, text, TEXT_MAX + 1);
	unsigned line = 0;

	if (n < 0) {
		snprintf(why, why_size, "%s: %s", file, strerror(errno));
		err = -ERR_IO;
	} else {
		err = allow_parse(slice_make(text, (size_t)n), allow_r, &line);
		if (err == -ERR_LIMIT)
			snprintf(why, why_size, "%s: longer than 1 MiB", file);
		else if (err != 0)
			snprintf(why, why_size,
				 "%s:%u: 'CONFERENCE: USER...' is expected, all of them URIs or "
				 "patterns of URIs",
				 file, line);
	}
	if (fd >= 0)
		(void)close(fd);
	free(text);
	return err;
}

void allow_free(struct allow **ap)
{
	struct allow *a = *ap;
	struct rule *r;

	if (a == NULL)
		return;
	*ap = NULL;
	while ((r = STAILQ_FIRST(&a->rules)) != NULL) {
		STAILQ_REMOVE_HEAD(&a->rules, link);
		for (size_t i = 0; i < r->n; i++)
			free(r->users[i]);
		free(r->users);
		free(r->room);
		free(r);
	}
	free(a);
}

static bool fits(const char *pattern, const char *name)
{
	return fnmatch(pattern, name, FNM_NOESCAPE | FNM_CASEFOLD) == 0;
}

bool allow_has(const struct allow *a, const char *room, const char *uri)
{
	char *room_name = sip_uri_name(slice_str(room)), *user = sip_uri_name(slice_str(uri));
	const struct rule *r;
	bool has = false;

	STAILQ_FOREACH(r, &a->rules, link) {
		if (fits(r->room, room_name))
			break;
	}
	for (size_t i = 0; r != NULL && !has && i < r->n; i++)
		has = fits(r->users[i], user);
	free(room_name);
	free(user);
	return has;
}
