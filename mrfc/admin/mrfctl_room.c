/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mrfctl's commands that make a conference or change one: each is one POST or PATCH of the admin
 * API, which checks what was given; here only its form is.
 */
#include <stdlib.h>
#include <string.h>

#include "common/daemon.h"
#include "common/mem.h"
#include "mrfc/admin/mrfctl_print.h"
#include "mrfc/admin/mrfctl_priv.h"

/* NULL: something is not UTF-8. */
static json_t *wanted(const struct mrfctl *m, const char *name)
{
	json_t *body = json_pack("{s:s*, s:s*, s:s*, s:s*}", "name", name, "subject", m->subject,
				 "owner", m->owner, "require_tls", m->require_tls);
	json_t *members = json_array();

	for (size_t i = 0; i < m->n_members; i++) {
		if (json_array_append_new(members, json_string(m->members[i])) != 0) {
			json_decref(body);
			body = NULL;
		}
	}
	if (body != NULL && m->n_members > 0)
		json_object_set(body, "members", members);
	if (body != NULL && m->closed)
		json_object_set_new(body, "mode", json_string("closed"));
	if (body != NULL && m->invite)
		json_object_set_new(body, "invite", json_true());
	if (body != NULL && m->sealed)
		json_object_set_new(body, "e2e", json_true());
	json_decref(members);
	return body;
}

int mrfctl_room_create(struct mrfctl *m, char **args, int n)
{
	json_t *body = wanted(m, n ? args[0] : NULL), *answer;
	int rc;

	if (!body)
		return mrfctl_usage(
			"not UTF-8: the name, the subject, the owner, a member or --require-tls",
			NULL);
	rc = mrfctl_call(m, "POST", "/v1/conferences", body, &answer);
	if (rc)
		return rc;
	if (m->json)
		mrfctl_print_json(answer);
	else
		mrfctl_print_conference(stdout, answer);
	json_decref(answer);
	return EXIT_OK;
}

/* PATCH of a conference, then "DONE NAME[: VALUE]"; body_take NULL: what was given is no UTF-8. */
static int change(struct mrfctl *m, const char *name, json_t *body_take, const char *done,
		  const char *value)
{
	char *path, *what;
	int rc;

	if (!body_take)
		return mrfctl_usage("not UTF-8:", value ? value : name);
	path = mrfctl_path("conferences", name, NULL, NULL);
	what = xasprintf("%s%s%s", name, value ? ": " : "", value ? value : "");
	rc = mrfctl_call_and_say(m, "PATCH", path, body_take, done, what);
	free(what);
	free(path);
	return rc;
}

int mrfctl_room_lock(struct mrfctl *m, char **args, int n)
{
	(void)n;
	return change(m, args[0], json_pack("{s:b}", "locked", 1), "locked", NULL);
}

int mrfctl_room_unlock(struct mrfctl *m, char **args, int n)
{
	(void)n;
	return change(m, args[0], json_pack("{s:b}", "locked", 0), "unlocked", NULL);
}

int mrfctl_room_subject(struct mrfctl *m, char **args, int n)
{
	if (n == 1)
		return change(m, args[0], json_pack("{s:n}", "subject"), "no subject any more of",
			      NULL);
	return change(m, args[0], json_pack("{s:s}", "subject", args[1]), "new subject of",
		      args[1]);
}

int mrfctl_room_limit(struct mrfctl *m, char **args, int n)
{
	uint64_t users;

	(void)n;
	if (slice_u64(slice_str(args[1]), INT32_MAX, &users) < 0)
		return mrfctl_usage("not a number:", args[1]);
	return change(m, args[0], json_pack("{s:I}", "max_users", (json_int_t)users),
		      "new limit of", users ? args[1] : "as configured");
}

int mrfctl_room_mode(struct mrfctl *m, char **args, int n)
{
	(void)n;
	return change(m, args[0], json_pack("{s:s}", "mode", args[1]), "new mode of", args[1]);
}

int mrfctl_room_until(struct mrfctl *m, char **args, int n)
{
	(void)n;
	if (strcmp(args[1], "never") == 0)
		return change(m, args[0], json_pack("{s:n}", "until"), "new end of", args[1]);
	return change(m, args[0], json_pack("{s:s}", "until", args[1]), "new end of", args[1]);
}
