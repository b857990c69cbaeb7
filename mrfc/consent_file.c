/* SPDX-License-Identifier: Apache-2.0 */
/* Reads the file of users who agreed to be called by lists of others, once, at the start. */
#include "mrfc/consent_file.h"

#include <errno.h>
#include <stdio.h>

#define FILE_MAX (16u << 20)

static int read_all(FILE *file, struct bytes *text)
{
	char buf[4096];
	size_t n;

	while ((n = fread(buf, 1, sizeof(buf), file)) > 0) {
		bytes_add(text, buf, n);
		if (text->len > FILE_MAX)
			return -ERR_LIMIT;
	}
	return ferror(file) ? -ERR_IO : 0;
}

int consent_file_read(const char *setting, char *why, size_t why_size,
		      struct urilist_consent **consent_r)
{
	struct bytes text = BYTES_INIT;
	unsigned line = 0;
	FILE *file;
	int err;

	*consent_r = NULL;
	if (strcmp(setting, "trusted") == 0)
		return 0;
	file = fopen(setting, "re");
	if (file == NULL) {
		snprintf(why, why_size, "list.consent: cannot read %s: %s", setting,
			 strerror(errno));
		return -ERR_CONFIG;
	}
	err = read_all(file, &text);
	fclose(file);
	if (err == 0)
		err = urilist_consent_parse(bytes_slice(&text), consent_r, &line);
	if (err != 0 && line > 0)
		snprintf(why, why_size, "list.consent: line %u of %s is no URI and no @domain",
			 line, setting);
	else if (err != 0)
		snprintf(why, why_size, "list.consent: cannot read %s", setting);
	bytes_fini(&text);
	return err == 0 ? 0 : -ERR_CONFIG;
}
