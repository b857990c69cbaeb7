/* SPDX-License-Identifier: Apache-2.0 */
#ifndef COMMON_ERR_H
#define COMMON_ERR_H

/*
 * Error numbers of the whole project. Fallible functions return 0 (or a positive
 * result) on success and one of these, negated, on failure; outputs are untouched then.
 */
#define MUST_CHECK              __attribute__((warn_unused_result))
#define PRINTF_LIKE(fmt, first) __attribute__((format(printf, fmt, first)))

enum err {
	ERR_SYNTAX = 1,  /* input breaks its grammar */
	ERR_LIMIT,       /* input exceeds a configured limit */
	ERR_NOT_FOUND,   /* no such object */
	ERR_EXISTS,      /* the object is there already */
	ERR_WRONG_STATE, /* not allowed in this state */
	ERR_IO,          /* system call failed; errno tells */
	ERR_CLOSED,      /* the peer closed the stream */
	ERR_AGAIN,       /* would block; wait for the event */
	ERR_DENIED,      /* policy says no */
	ERR_UNSUPPORTED, /* understood, not implemented by choice */
	ERR_TIMEOUT,     /* no answer in time */
	ERR_CONFIG,      /* bad configuration */
	ERR_STALE,       /* an older epoch than the one known */
	ERR_MAX
};

/* Name of an error number, positive or negated ("SYNTAX"); "UNKNOWN" when out of range. Static text. */
const char *err_name(int err);

#endif
