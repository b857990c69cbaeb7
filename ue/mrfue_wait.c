/* SPDX-License-Identifier: Apache-2.0 */
/*
 * /wait of scripts: events are kept until a /wait used them up, so that the order in which
 * unrelated things happen plays no part. Bounded: the oldest of too many unused ones is forgotten.
 */
#include <regex.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "common/bytes.h"
#include "common/mem.h"
#include "ue/mrfue.h"

#define MAX_KEPT       10000
#define MAX_CONDITIONS 16

/* What mrfue_emit() is called with; mrfue(1), EVENTS. */
static const char *const names[] = {
	"ready",    "invitation", "joined",      "message", "file",    "sent",
	"nickname", "referred",   "failed",      "roster",  "arrived", "departed",
	"renamed",  "who",        "receipt",     "typing",  "aborted", "lost",
	"rejoined", "error",      "ended",       "dropped", "epoch",   "serving",
	"key",      "keys",       "not-serving", "trouble", "clock",
};

struct kept {
	TAILQ_ENTRY(kept) link;
	json_t *event;
};

struct mrfue_waits {
	TAILQ_HEAD(, kept) kept;
	size_t n;
};

struct condition {
	char *key;
	bool regex;
	char *value;
};

struct mrfue_waits *mrfue_waits_new(void)
{
	struct mrfue_waits *w = xcalloc(1, sizeof(*w));

	TAILQ_INIT(&w->kept);
	return w;
}

static void drop(struct mrfue_waits *w, struct kept *k)
{
	TAILQ_REMOVE(&w->kept, k, link);
	w->n--;
	json_decref(k->event);
	free(k);
}

void mrfue_waits_free(struct mrfue_waits **w)
{
	struct kept *k;

	if (!*w)
		return;
	while ((k = TAILQ_FIRST(&(*w)->kept)))
		drop(*w, k);
	free(*w);
	*w = NULL;
}

void mrfue_waits_add(struct mrfue_waits *w, json_t *event)
{
	struct kept *k = xcalloc(1, sizeof(*k));

	if (w->n >= MAX_KEPT)
		drop(w, TAILQ_FIRST(&w->kept));
	k->event = json_incref(event);
	TAILQ_INSERT_TAIL(&w->kept, k, link);
	w->n++;
}

/* A field as text: strings as they are, anything else as JSON ("true", "3", "null"). */
static char *field_text(const json_t *event, const char *key)
{
	const json_t *v = json_object_get(event, key);

	if (!v)
		return NULL;
	if (json_is_string(v))
		return xstrdup(json_string_value(v));
	return json_dumps(v, JSON_ENCODE_ANY | JSON_COMPACT | JSON_SORT_KEYS);
}

static bool condition_holds(const struct condition *c, const json_t *event)
{
	char *text = field_text(event, c->key);
	regex_t re;
	bool ok = false;

	if (!text)
		return false;
	if (!c->regex) {
		ok = strcmp(text, c->value) == 0;
	} else if (regcomp(&re, c->value, REG_EXTENDED | REG_NOSUB) == 0) {
		ok = regexec(&re, text, 0, NULL, 0) == 0;
		regfree(&re);
	}
	free(text);
	return ok;
}

/* Next blank-separated word with "..." and \" in it; false at the end. */
static bool next_word(struct slice *rest, struct bytes *word)
{
	bool quoted = false;
	size_t i = 0;

	*rest = slice_trim(*rest);
	bytes_reset(word);
	if (rest->len == 0)
		return false;
	for (; i < rest->len; i++) {
		char c = rest->ptr[i];

		if (c == '\\' && quoted && i + 1 < rest->len &&
		    (rest->ptr[i + 1] == '"' || rest->ptr[i + 1] == '\\'))
			c = rest->ptr[++i];
		else if (c == '"') {
			quoted = !quoted;
			continue;
		} else if ((c == ' ' || c == '\t') && !quoted)
			break;
		bytes_add_char(word, c);
	}
	*rest = slice_from(*rest, i);
	return true;
}

static bool is_event(struct slice name)
{
	size_t i;

	for (i = 0; i < ARRAY_LEN(names); i++)
		if (slice_eq_str(name, names[i]))
			return true;
	return false;
}

static int parse_condition(struct slice word, struct condition *c_r)
{
	size_t i = 0;
	regex_t re;

	while (i < word.len && word.ptr[i] != '=' && word.ptr[i] != '~')
		i++;
	if (i == 0 || i == word.len)
		return -ERR_SYNTAX;
	*c_r = (struct condition){slice_dup(slice_first(word, i)), word.ptr[i] == '~',
				  slice_dup(slice_from(word, i + 1))};
	if (c_r->regex) {
		if (regcomp(&re, c_r->value, REG_EXTENDED | REG_NOSUB) != 0)
			return -ERR_SYNTAX;
		regfree(&re);
	}
	return 0;
}

static bool use_first(struct mrfue_waits *w, const char *name, const struct condition *c, size_t n)
{
	struct kept *k;
	size_t i;

	TAILQ_FOREACH(k, &w->kept, link) {
		const char *event = json_string_value(json_object_get(k->event, "event"));

		if (!event || strcmp(event, name) != 0)
			continue;
		for (i = 0; i < n && condition_holds(&c[i], k->event); i++)
			;
		if (i == n) {
			drop(w, k);
			return true;
		}
	}
	return false;
}

int mrfue_waits_match(struct mrfue_waits *w, struct slice spec)
{
	struct condition conditions[MAX_CONDITIONS] = {0};
	struct bytes word = BYTES_INIT;
	char *name = NULL;
	size_t n = 0, i;
	int rc = -ERR_SYNTAX;

	if (!next_word(&spec, &word))
		goto out;
	name = xstrdup(bytes_cstr(&word));
	if (!is_event(slice_str(name))) {
		rc = -ERR_NOT_FOUND;
		goto out;
	}
	while (next_word(&spec, &word)) {
		if (n == MAX_CONDITIONS) {
			rc = -ERR_SYNTAX;
			goto out;
		}
		rc = parse_condition(bytes_slice(&word), &conditions[n]);
		n++;
		if (rc < 0)
			goto out;
	}
	rc = use_first(w, name, conditions, n) ? 1 : 0;
out:
	for (i = 0; i < n; i++) {
		free(conditions[i].key);
		free(conditions[i].value);
	}
	free(name);
	bytes_fini(&word);
	return rc;
}
