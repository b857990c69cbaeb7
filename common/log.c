/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One line per event on stderr, written with one system call. The only process-wide state of the
 * project: level, program name, and whether the journal reads stderr (it then adds time and
 * program itself and is told the priority). Text may hold bytes of peers: whatever could start a
 * line of its own or drive a terminal is escaped.
 */
#include "common/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "common/bytes.h"
#include "common/clock.h"
#include "common/mem.h"

#define TEXT_MAX      2048u
#define WINDOW_MS     10000u
#define REMIND_MS     60000u /* of the same trouble */
#define TROUBLE_LINES 6u     /* in that time, whatever the reasons */

static const struct {
	const char *word;  /* in the configuration */
	const char *label; /* in the line */
	int priority;      /* syslog's, for the journal */
} levels[] = {
	[LOG_ERROR] = {"error", "ERROR", 3},
	[LOG_WARN] = {"warn", "WARN", 4},
	[LOG_INFO] = {"info", "INFO", 6},
	[LOG_DEBUG] = {"debug", "DEBUG", 7},
};

static struct {
	enum log_level level;
	char name[32];
	bool journal_known;
	bool journal;
} state = {.level = LOG_INFO};

void log_set_level(enum log_level level)
{
	state.level = level;
}

int log_level_parse(const char *name, enum log_level *level_r)
{
	for (size_t i = 0; i < ARRAY_LEN(levels); i++) {
		if (strcmp(name, levels[i].word) == 0) {
			*level_r = (enum log_level)i;
			return 0;
		}
	}
	return -ERR_SYNTAX;
}

bool log_enabled(enum log_level level)
{
	return level <= state.level;
}

void log_set_name(const char *name)
{
	snprintf(state.name, sizeof(state.name), "%s", name);
}

/* systemd.exec(5): JOURNAL_STREAM names the device and inode that stderr had at the start. */
static bool stderr_is_journal(void)
{
	const char *stream = getenv("JOURNAL_STREAM");
	struct stat st;
	char mine[64];

	if (!stream || fstat(STDERR_FILENO, &st) != 0)
		return false;
	snprintf(mine, sizeof(mine), "%ju:%ju", (uintmax_t)st.st_dev, (uintmax_t)st.st_ino);
	return strcmp(mine, stream) == 0;
}

static void add_prefix(struct bytes *line, enum log_level level)
{
	uint64_t now_ms = clock_wall_ms();
	char stamp[CLOCK_RFC3339_SIZE];
	size_t n;

	if (!state.journal_known) {
		state.journal = stderr_is_journal();
		state.journal_known = true;
	}
	if (state.journal) {
		bytes_addf(line, "<%d>", levels[level].priority);
		return;
	}
	n = strlen(clock_rfc3339(now_ms, stamp));
	if (n)
		bytes_addf(line, "%.*s.%03uZ ", (int)n - 1, stamp, (unsigned)(now_ms % 1000u));
	if (state.name[0])
		bytes_addf(line, "%s ", state.name);
}

static void add_escaped(struct bytes *line, struct slice text)
{
	bool utf8 = slice_is_utf8(text);

	for (size_t i = 0; i < text.len; i++) {
		unsigned char c = (unsigned char)text.ptr[i];
		bool c1 = c == 0xc2 && i + 1 < text.len && (unsigned char)text.ptr[i + 1] < 0xa0;

		if (c == '\n')
			bytes_add_str(line, "\\n");
		else if (c == '\r')
			bytes_add_str(line, "\\r");
		else if (c == '\t')
			bytes_add_str(line, "\\t");
		else if (c < 0x20 || c == 0x7f || (c >= 0x80 && !utf8))
			bytes_addf(line, "\\x%02x", c);
		else if (c1)
			bytes_addf(line, "\\u%04x", (unsigned char)text.ptr[++i]);
		else
			bytes_add_char(line, (char)c);
	}
}

/* Cut before a sequence that the buffer's end has split. */
static size_t whole_characters(const char *text, size_t len)
{
	size_t n = len;

	while (n > 0 && len - n < 3 && ((unsigned char)text[n - 1] & 0xc0) == 0x80)
		n--;
	if (n > 0 && (unsigned char)text[n - 1] >= 0xc0)
		n--;
	return slice_is_utf8((struct slice){text, len}) ? len : n;
}

static void write_all(const char *data, size_t len)
{
	while (len > 0) {
		ssize_t n = write(STDERR_FILENO, data, len);

		if (n <= 0)
			return; /* nobody to tell */
		data += n;
		len -= (size_t)n;
	}
}

static void emit(enum log_level level, const char *place, const char *fmt, va_list ap)
	__attribute__((format(printf, 3, 0)));
static void emit(enum log_level level, const char *place, const char *fmt, va_list ap)
{
	struct bytes line = BYTES_INIT;
	char text[TEXT_MAX];
	int n = vsnprintf(text, sizeof(text), fmt, ap);
	bool cut = n >= (int)sizeof(text);
	size_t len = n < 0 ? 0 : cut ? whole_characters(text, sizeof(text) - 1) : (size_t)n;

	add_prefix(&line, level);
	bytes_addf(&line, "%s %s: ", levels[level].label, place);
	add_escaped(&line, slice_make(text, len));
	bytes_add_str(&line, cut ? "...\n" : "\n");
	write_all(line.data, line.len);
	bytes_fini(&line);
}

void log_at(enum log_level level, const char *place, const char *fmt, ...)
{
	va_list ap;

	if (!log_enabled(level))
		return;
	va_start(ap, fmt);
	emit(level, place, fmt, ap);
	va_end(ap);
}

void log_limited(struct log_bucket *b, enum log_level level, const char *place, const char *fmt,
		 ...)
{
	uint64_t now_ms = clock_now_ms();
	uint32_t suppressed;
	va_list ap;

	if (!log_enabled(level))
		return;
	if (b->window_start_ms == 0 ||
	    now_ms - b->window_start_ms >= (b->window_ms != 0 ? b->window_ms : WINDOW_MS)) {
		suppressed = b->suppressed;
		b->window_start_ms = now_ms;
		b->used = 0;
		b->suppressed = 0;
		if (suppressed)
			log_at(level, place, "%u similar lines were suppressed", suppressed);
	}
	if (b->used >= b->burst) {
		b->suppressed++;
		return;
	}
	b->used++;
	va_start(ap, fmt);
	emit(level, place, fmt, ap);
	va_end(ap);
}

void log_trouble_at(struct log_trouble *t, uint64_t now_ms, const char *place, const char *fmt, ...)
{
	char text[sizeof(t->text)];
	bool same;
	va_list ap;

	if (now_ms - t->window_start_ms >= REMIND_MS) {
		t->window_start_ms = now_ms;
		t->n_lines = 0;
	}

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	same = strcmp(text, t->text) == 0;
	if ((same && now_ms - t->told_ms < REMIND_MS) || t->n_lines >= TROUBLE_LINES) {
		t->n_silent++;
		return;
	}
	if (t->n_silent > 0)
		log_at(LOG_WARN, place, "%s (%u failures since the last line)", text,
		       t->n_silent + 1);
	else
		log_at(LOG_WARN, place, "%s", text);
	memcpy(t->text, text, sizeof(text));
	t->told_ms = now_ms;
	t->n_lines++;
	t->n_silent = 0;
}

uint32_t log_trouble_over(struct log_trouble *t)
{
	uint32_t n = t->n_silent;

	*t = (struct log_trouble){0};
	return n;
}
