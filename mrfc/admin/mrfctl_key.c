/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mrfctl's commands about pairwise keys. A new key is shown once, as the line that terminals read:
 * "ID HEX"; to a file it goes with mode 0600, and the file is made before the key is.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/daemon.h"
#include "common/mem.h"
#include "mrfc/admin/mrfctl_priv.h"

static void print_keys(FILE *out, const json_t *answer)
{
	const json_t *k;
	size_t i;

	fprintf(out, "%-40s %s\n", "URI", "ID");
	json_array_foreach(json_object_get(answer, "keys"), i, k)
		fprintf(out, "%-40s %s\n", json_string_value(json_object_get(k, "uri")),
			json_string_value(json_object_get(k, "id")));
}

int mrfctl_key_list(struct mrfctl *m, char **args, int n)
{
	(void)args;
	(void)n;
	return mrfctl_call_and_print(m, "/v1/keys", print_keys);
}

/* Where the key goes; NULL: the reason is told. */
static FILE *open_out(const char *file)
{
	int fd;
	FILE *out;

	if (file == NULL)
		return stdout;
	fd = open(file, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	out = fd < 0 ? NULL : fdopen(fd, "w");
	if (out == NULL)
		fprintf(stderr, "mrfctl: cannot make %s: %s\n", file, strerror(errno));
	return out;
}

static int write_key(const struct mrfctl *m, FILE *out, const json_t *answer)
{
	const char *id = json_string_value(json_object_get(answer, "id"));
	const char *key = json_string_value(json_object_get(answer, "key"));

	if (id == NULL || key == NULL) {
		fputs("mrfctl: there is no key in the answer\n", stderr);
		return EXIT_RUNTIME;
	}
	if (m->json && m->out == NULL)
		mrfctl_print_json(answer);
	else
		fprintf(out, "%s %s\n", id, key);
	if (fflush(out) == 0 && ferror(out) == 0)
		return EXIT_OK;
	fprintf(stderr, "mrfctl: the key cannot be written: %s (remove it: mrfctl key remove)\n",
		strerror(errno));
	return EXIT_RUNTIME;
}

int mrfctl_key_add(struct mrfctl *m, char **args, int n)
{
	json_t *answer = NULL, *body = json_pack("{s:s, s:s*}", "uri", args[0], "id", m->id);
	FILE *out;
	int rc;

	(void)n;
	if (!body)
		return mrfctl_usage("not UTF-8:", args[0]);
	out = open_out(m->out);
	if (out == NULL) {
		json_decref(body);
		return EXIT_RUNTIME;
	}
	rc = mrfctl_call(m, "POST", "/v1/keys", body, &answer);
	if (rc == EXIT_OK)
		rc = write_key(m, out, answer);
	if (out != stdout)
		fclose(out);
	if (rc == EXIT_OK && m->out != NULL)
		printf("added %s in %s\n", json_string_value(json_object_get(answer, "id")),
		       m->out);
	else if (m->out != NULL)
		(void)unlink(m->out);
	if (rc == EXIT_OK && json_is_false(json_object_get(answer, "stored")))
		fputs("mrfctl: store.path is empty there: the key is gone when the server restarts\n",
		      stderr);
	json_decref(answer);
	return rc;
}

int mrfctl_key_remove(struct mrfctl *m, char **args, int n)
{
	struct bytes path = BYTES_INIT;
	int rc;

	(void)n;
	bytes_add_str(&path, "/v1/keys/");
	http_encode_segment(&path, slice_str(args[0]));
	if (m->id != NULL) {
		bytes_add_str(&path, "?id=");
		http_encode_segment(&path, slice_str(m->id));
	}
	rc = mrfctl_call_and_say(m, "DELETE", bytes_cstr(&path), NULL, "removed", args[0]);
	bytes_fini(&path);
	return rc;
}
