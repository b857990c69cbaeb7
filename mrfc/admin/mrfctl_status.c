/* SPDX-License-Identifier: Apache-2.0 */
/* mrfctl status: is all well, from /readyz and the lists of conferences and MRFPs. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/daemon.h"
#include "common/mem.h"
#include "mrfc/admin/mrfctl_priv.h"

/* What /readyz says besides its status: a line behind "ok", or the message of an error. Heap; NULL. */
static char *ready_text(const struct http_result *result)
{
	struct slice text = bytes_slice(&result->body), line;
	const char *message;
	json_t *o;
	char *said;

	if (result->status == 200)
		return slice_next(&text, '\n', &line) && text.len > 1 ? slice_dup(slice_trim(text))
								      : NULL;
	o = json_loadb(text.ptr, text.len, 0, NULL);
	message = json_string_value(json_object_get(json_object_get(o, "error"), "message"));
	said = message ? xstrdup(message) : NULL;
	json_decref(o);
	return said;
}

static int ask_ready(struct mrfctl *m, bool *ready_r, char **text_r)
{
	struct http_result result = {0};

	if (http_call(&m->server, "GET", "/readyz", NULL, SLICE_NULL, MRFCTL_TIMEOUT_MS, &result) <
	    0) {
		mrfctl_no_answer(m);
		return EXIT_RUNTIME;
	}
	*ready_r = result.status == 200;
	*text_r = ready_text(&result);
	bytes_fini(&result.body);
	return EXIT_OK;
}

static json_t *status_json(bool ready, const char *text, json_t *conferences, json_t *mrfps)
{
	const json_t *list = json_object_get(conferences, "conferences");
	json_int_t participants = 0, up = 0;
	const json_t *o;
	size_t i;

	json_array_foreach(list, i, o) participants +=
		json_integer_value(json_object_get(o, "participant_count"));
	json_array_foreach(json_object_get(mrfps, "mrfps"), i, o)
	{
		const char *state = json_string_value(json_object_get(o, "state"));

		up += state && strcmp(state, "up") == 0;
	}
	return json_pack(
		"{s:b, s:s*, s:I, s:I, s:I, s:I}", "ready", ready, "trouble", text, "conferences",
		(json_int_t)json_array_size(list), "participants", participants, "mrfps",
		(json_int_t)json_array_size(json_object_get(mrfps, "mrfps")), "mrfps_up", up);
}

static void print_status(const json_t *o)
{
	const char *trouble = json_string_value(json_object_get(o, "trouble"));

	printf("ready         %s\n", json_is_true(json_object_get(o, "ready")) ? "yes" : "no");
	if (trouble)
		printf("trouble       %s\n", trouble);
	printf("conferences   %lld\n",
	       (long long)json_integer_value(json_object_get(o, "conferences")));
	printf("participants  %lld\n",
	       (long long)json_integer_value(json_object_get(o, "participants")));
	printf("mrfps up      %lld of %lld\n",
	       (long long)json_integer_value(json_object_get(o, "mrfps_up")),
	       (long long)json_integer_value(json_object_get(o, "mrfps")));
}

int mrfctl_status(struct mrfctl *m, char **args, int n)
{
	json_t *conferences = NULL, *mrfps = NULL, *o;
	bool ready = false;
	char *text = NULL;
	int rc = ask_ready(m, &ready, &text);

	(void)args;
	(void)n;
	if (!rc)
		rc = mrfctl_call(m, "GET", "/v1/conferences", NULL, &conferences);
	if (!rc)
		rc = mrfctl_call(m, "GET", "/v1/mrfps", NULL, &mrfps);
	if (!rc) {
		o = status_json(ready, text, conferences, mrfps);
		if (m->json)
			mrfctl_print_json(o);
		else
			print_status(o);
		json_decref(o);
		rc = ready ? EXIT_OK : EXIT_RUNTIME;
	}
	free(text);
	json_decref(conferences);
	json_decref(mrfps);
	return rc;
}
