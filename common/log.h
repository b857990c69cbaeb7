/* SPDX-License-Identifier: Apache-2.0 */
#ifndef COMMON_LOG_H
#define COMMON_LOG_H

#include <stdbool.h>
#include <stdint.h>

#include "common/err.h"

/*
 * One line per event on stderr (the journal adds time and program when it reads there; else we
 * do): "LEVEL place: text". Control characters in text are escaped. Process-wide by nature.
 */
enum log_level { LOG_ERROR, LOG_WARN, LOG_INFO, LOG_DEBUG };

void log_set_level(enum log_level level);
/* "error", "warn", "info", "debug"; -ERR_SYNTAX for others. */
MUST_CHECK int log_level_parse(const char *name, enum log_level *level_r);
bool log_enabled(enum log_level level);
/* Program name put in front of lines ("mrfp"). */
void log_set_name(const char *name);

/* place is the module's noun ("session"). */
void log_at(enum log_level level, const char *place, const char *fmt, ...) PRINTF_LIKE(3, 4);
#define log_error(...) log_at(LOG_ERROR, LOG_PLACE, __VA_ARGS__)
#define log_warn(...)  log_at(LOG_WARN, LOG_PLACE, __VA_ARGS__)
#define log_info(...)  log_at(LOG_INFO, LOG_PLACE, __VA_ARGS__)
#define log_debug(...)                                                                             \
	do {                                                                                       \
		if (log_enabled(LOG_DEBUG))                                                        \
			log_at(LOG_DEBUG, LOG_PLACE, __VA_ARGS__);                                 \
	} while (0)

/*
 * Rate limit for lines that a peer can cause: at most `burst` lines per window (0: 10 s) and bucket;
 * the first line of the next window tells how many were suppressed. Declare static.
 */
struct log_bucket {
	uint64_t window_start_ms;
	uint32_t window_ms;
	uint32_t burst;
	uint32_t used;
	uint32_t suppressed;
};
#define LOG_BUCKET(n) ((struct log_bucket){.burst = (n)})
void log_limited(struct log_bucket *b, enum log_level level, const char *place, const char *fmt,
		 ...) PRINTF_LIKE(4, 5);
#define log_peer(...)                                                                              \
	do {                                                                                       \
		static struct log_bucket bucket_ = {.burst = 20};                                  \
		log_limited(&bucket_, LOG_WARN, LOG_PLACE, __VA_ARGS__);                           \
	} while (0)
/* The same for peers that come again every second until somebody mends something: 3 lines a minute. */
#define log_seldom(...)                                                                            \
	do {                                                                                       \
		static struct log_bucket bucket_ = {.window_ms = 60000, .burst = 3};               \
		log_limited(&bucket_, LOG_WARN, LOG_PLACE, __VA_ARGS__);                           \
	} while (0)

/*
 * Something of ours that fails, is tried again and again, and may fail for another reason then. Zeroed:
 * all is well. A line for each change of the reason (6 a minute at most), and once a minute how often
 * it failed.
 */
struct log_trouble {
	char text[160];
	uint64_t told_ms, window_start_ms;
	uint32_t n_lines;  /* in that window */
	uint32_t n_silent; /* failures since the last line */
};
void log_trouble_at(struct log_trouble *t, uint64_t now_ms, const char *place, const char *fmt, ...)
	PRINTF_LIKE(4, 5);
/* It works again. Returns how many failures had no line of their own. */
uint32_t log_trouble_over(struct log_trouble *t);

#endif
