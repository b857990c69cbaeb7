/* SPDX-License-Identifier: Apache-2.0 */
#ifndef COMMON_CONFIG_VALUE_H
#define COMMON_CONFIG_VALUE_H

#include "common/bytes.h"
#include "common/config.h"

/* One setting's value; `text` is the caller's to free and only of CONFIG_STRING. */
struct config_value {
	int64_t number; /* also bool and the index of a CONFIG_ENUM word */
	char *text;
};

/*
 * Read a value from its text, the syntax of -o. -ERR_SYNTAX or -ERR_LIMIT and a sentence added to
 * why ("99999 is out of range (0..65535)").
 */
MUST_CHECK int config_value_parse(const struct config_opt *opt, const char *text,
				  struct config_value *value_r, struct bytes *why);
/* What the option takes, in words: "a number (0..65535)", "one of: ims rfc". */
void config_value_expected(const struct config_opt *opt, struct bytes *out);

#endif
