/* SPDX-License-Identifier: Apache-2.0 */
/* Prints a server's option table as rows of docs/configuration.md; linked once with each server. */
#include "common/config.h"

extern const struct config_opt options_table[];
extern const size_t options_table_len;

int main(void)
{
	config_print_markdown(options_table, options_table_len);
	return 0;
}
