/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Names of the project's error numbers, for log lines and tests. The numbers themselves are
 * declared in err.h; nothing else lives here.
 */
#include "common/err.h"

static const char *const names[ERR_MAX] = {
	[0] = "OK",
	[ERR_SYNTAX] = "SYNTAX",
	[ERR_LIMIT] = "LIMIT",
	[ERR_NOT_FOUND] = "NOT_FOUND",
	[ERR_EXISTS] = "EXISTS",
	[ERR_WRONG_STATE] = "STATE",
	[ERR_IO] = "IO",
	[ERR_CLOSED] = "CLOSED",
	[ERR_AGAIN] = "AGAIN",
	[ERR_DENIED] = "DENIED",
	[ERR_UNSUPPORTED] = "UNSUPPORTED",
	[ERR_TIMEOUT] = "TIMEOUT",
	[ERR_CONFIG] = "CONFIG",
	[ERR_STALE] = "STALE",
};

const char *err_name(int err)
{
	if (err <= -ERR_MAX || err >= ERR_MAX)
		return "UNKNOWN";
	return names[err < 0 ? -err : err];
}
