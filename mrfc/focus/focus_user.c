/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Users who sign in by SIP digest, for terminals without an IMS core: the operator adds and removes
 * them while the server runs; the store keeps them. Whose credentials a request brings is judged
 * here, before anything is made for it. RFC 3261 22, RFC 7616, RFC 8760.
 */
#include "mrfc/focus/focus_user.h"

#include <stdlib.h>

#include "common/clock.h"
#include "common/log.h"
#include "common/mem.h"
#include "mrfc/conference/attempts.h"
#include "mrfc/conference/privacy.h"
#include "mrfc/conference/users.h"
#include "mrfc/focus/focus_priv.h"
#include "proto/sip_uri.h"

#define LOG_PLACE "focus/user"

#define FAILURE_WINDOW_MS 60000
#define PASSWORD_MAX      256
#define MAX_CREDENTIALS   8 /* Authorization lines that are looked at */

struct focus_users {
	char *realm;
	bool md5;
	struct users *users;
	struct credential *credential;
	struct attempts *attempts;
};

static void take_secret(struct credential_secret *secret, const struct user_record *r)
{
	if (slice_copy(slice_str(r->ha1_sha256), secret->sha256, sizeof(secret->sha256)) != 0 ||
	    slice_copy(slice_str(r->ha1_md5), secret->md5, sizeof(secret->md5)) != 0)
		log_warn("user %s has no secret that can be used", r->name);
}

static void on_record(const struct user_record *r, void *arg)
{
	struct focus_users *u = arg;
	struct user *user;

	if (strcmp(r->realm, u->realm) != 0)
		return; /* of another realm that this server had */
	if (users_add(u->users, r->name, r->realm, r->uri, r->display, &user) == 0)
		take_secret(&user->secret, r);
}

struct focus_users *focus_users_new(const struct focus_config *config, struct conf_store *store)
{
	const struct conf_store_reader reader = {.user = on_record};
	struct focus_users *u = xcalloc(1, sizeof(*u));
	size_t n_skipped = 0;

	u->realm = xstrdup(config->realm != NULL && config->realm[0] != '\0' ? config->realm
									     : config->domain);
	u->md5 = config->digest_md5;
	u->users = users_new();
	u->credential = credential_new(&(struct credential_settings){
		.realm = u->realm, .md5 = u->md5, .nonce_life_ms = config->nonce_life_ms});
	u->attempts = attempts_new(config->auth_attempts, FAILURE_WINDOW_MS);
	if (conf_store_load(store, &reader, u, &n_skipped) != 0)
		log_error("the users could not be read");
	return u;
}

void focus_users_free(struct focus_users **up)
{
	struct focus_users *u = *up;

	if (u == NULL)
		return;
	*up = NULL;
	users_free(&u->users);
	credential_free(&u->credential);
	attempts_free(&u->attempts);
	free(u->realm);
	free(u);
}

const struct users *focus_users(const struct focus *f)
{
	return f->users->users;
}

const char *focus_realm(const struct focus *f)
{
	return f->users->realm;
}

/* --- what the operator does --- */

static void store(struct focus *f, const struct user *u)
{
	const struct user_record r = {.name = u->name,
				      .realm = f->users->realm,
				      .ha1_sha256 = u->secret.sha256,
				      .ha1_md5 = u->secret.md5[0] != '\0' ? u->secret.md5 : NULL,
				      .uri = u->uri,
				      .display = u->display};

	conf_store_put_user(f->store, &r);
	conf_store_flush(f->store);
}

static bool password_ok(struct slice password)
{
	return password.len > 0 && password.len <= PASSWORD_MAX &&
	       memchr(password.ptr, '\0', password.len) == NULL;
}

int focus_user_add(struct focus *f, const char *name, struct slice password, const char *uri,
		   const char *display, const struct user **user_r)
{
	struct user *u;
	int err;

	if (!password_ok(password))
		return -ERR_LIMIT;
	err = users_add(f->users->users, name, f->users->realm, uri, display, &u);
	if (err != 0)
		return err;
	credential_secret_make(name, f->users->realm, password, f->users->md5, &u->secret);
	store(f, u);
	log_info("user %s may sign in as %s", u->name, u->uri);
	*user_r = u;
	return 0;
}

int focus_user_password(struct focus *f, const char *name, struct slice password)
{
	struct user *u = users_find(f->users->users, name);

	if (u == NULL)
		return -ERR_NOT_FOUND;
	if (!password_ok(password))
		return -ERR_LIMIT;
	credential_secret_make(name, f->users->realm, password, f->users->md5, &u->secret);
	store(f, u);
	log_info("user %s has another password", u->name);
	return 0;
}

int focus_user_remove(struct focus *f, const char *name)
{
	struct user *u = users_find(f->users->users, name);

	if (u == NULL)
		return -ERR_NOT_FOUND;
	log_info("user %s may sign in no more", u->name);
	conf_store_del_user(f->store, u->name, f->users->realm);
	conf_store_flush(f->store);
	users_remove(f->users->users, u);
	return 0;
}

/* --- what requests bring --- */

static bool find_secret(const char *name, const char *realm, struct credential_secret *secret_r,
			void *arg)
{
	const struct focus_users *u = arg;
	const struct user *user = users_find(u->users, name);

	(void)realm; /* the only one */
	if (user != NULL)
		*secret_r = user->secret;
	return user != NULL;
}

static void challenge(struct focus *f, struct sip_in *in, bool stale)
{
	char source[ADDR_STRLEN];
	struct bytes h = BYTES_INIT;

	credential_challenge(f->users->credential, addr_host(&in->peer, source), stale,
			     clock_now_ms(), &h);
	sip_in_answer(in, &(struct sip_answer){.status = 401, .headers = bytes_cstr(&h)});
	bytes_fini(&h);
}

/* The best of all Authorization lines: several may be there, for other realms or algorithms. */
static enum credential_result check(struct focus *f, struct sip_in *in, char **name_r)
{
	enum credential_result best = CREDENTIAL_NONE;
	char source[ADDR_STRLEN];
	struct credential_request rq = {
		.method = in->method_name, .uri = in->uri, .source = addr_host(&in->peer, source)};

	for (unsigned n = 0; n < MAX_CREDENTIALS; n++) {
		enum credential_result one;

		rq.authorization = sip_in_header(in, "Authorization", n);
		if (rq.authorization == NULL)
			break;
		one = credential_check(f->users->credential, &rq, find_secret, f->users,
				       clock_now_ms(), name_r);
		if (one == CREDENTIAL_RIGHT)
			return one;
		if (one > best)
			best = one;
	}
	return best;
}

/* His own name, or none, has to stand in From. */
static bool take_user(struct focus *f, struct sip_in *in, const char *name)
{
	const struct user *u = users_find(f->users->users, name);

	if (!sip_uri_same(slice_str(u->uri), slice_str(in->from_uri)) &&
	    !privacy_is_anonymous(in->from_uri)) {
		log_peer("%s refused: user %s says that he is %s", in->method_name, name,
			 in->from_uri);
		sip_in_status(in, 403);
		return false;
	}
	sip_in_set_user(in, u->uri);
	return true;
}

static void wrong_password(struct focus *f, struct sip_in *in)
{
	static struct log_bucket bucket = {.burst = 10};
	char where[ADDR_STRLEN];

	if (attempts_failed(f->users->attempts, &in->peer, clock_now_ms()))
		log_warn("too many wrong passwords from %s: not listened to for a minute",
			 addr_host(&in->peer, where));
	else
		log_limited(&bucket, LOG_INFO, LOG_PLACE, "%s of %s from %s: wrong password",
			    in->method_name, in->from_uri, addr_host(&in->peer, where));
	challenge(f, in, false);
}

bool focus_authenticate(struct focus *f, struct sip_in *in)
{
	bool right = false;
	char *name = NULL;

	if (in->user != NULL)
		return true;
	if (users_count(f->users->users) == 0)
		return true;
	if (attempts_over(f->users->attempts, &in->peer, clock_now_ms())) {
		sip_in_status(in, 403);
		return false;
	}
	switch (check(f, in, &name)) {
	case CREDENTIAL_RIGHT:
		right = take_user(f, in, name);
		break;
	case CREDENTIAL_BROKEN:
		sip_in_status(in, 400);
		break;
	case CREDENTIAL_WRONG:
		wrong_password(f, in);
		break;
	case CREDENTIAL_STALE:
		challenge(f, in, true);
		break;
	default:
		challenge(f, in, false);
		break;
	}
	free(name);
	return right;
}
