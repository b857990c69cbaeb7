/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MRFC_KS_OPTIONS_H
#define MRFC_KS_OPTIONS_H

#include "common/config.h"

/* Settings of mrfks; the table in options.c says unit, range and default of each. */
struct ks_options {
	char *name, *factory, *allow;
	int64_t skew; /* ms */
	char *socket, *users;
	char *address;
	int64_t port;
	char *tls_certificate, *tls_key, *pins;
	char *store_path, *store_key;
	char *admin_address;
	int64_t admin_port;
	char *admin_token_file;
	int log_level; /* enum log_level */
};

extern const struct config_opt options_table[];
extern const size_t options_table_len;

/* What the table cannot say. -ERR_CONFIG with one sentence that names the setting in why. */
MUST_CHECK int ks_options_check(const struct ks_options *o, char *why, size_t why_size);

#endif
