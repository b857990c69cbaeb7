/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MRFC_CONFERENCE_CREDENTIAL_H
#define MRFC_CONFERENCE_CREDENTIAL_H

#include <stdbool.h>
#include <stdint.h>

#include "common/bytes.h"

/*
 * SIP digest as a server, RFC 7616 and RFC 8760: challenges, nonces that need no memory until a
 * right answer came, nonce counts that are taken once. The clock is given.
 */
struct credential;

struct credential_settings {
	const char *realm;
	bool md5; /* offer MD5 too, after SHA-256 */
	uint64_t nonce_life_ms;
};

#define CREDENTIAL_SHA256_SIZE 65
#define CREDENTIAL_MD5_SIZE    33
/* H(name:realm:password) in lower-case hex; "": none. */
struct credential_secret {
	char sha256[CREDENTIAL_SHA256_SIZE];
	char md5[CREDENTIAL_MD5_SIZE];
};
void credential_secret_make(const char *name, const char *realm, struct slice password, bool md5,
			    struct credential_secret *secret_r);

/* False: there is no such user. */
typedef bool credential_find_fn(const char *name, const char *realm,
				struct credential_secret *secret_r, void *arg);

enum credential_result {
	CREDENTIAL_RIGHT,
	CREDENTIAL_NONE, /* the header is not for our realm, or no digest of ours */
	/*
	 * The nonce is too old, its count was used already, or it is not one that we gave to that
	 * address: then the password was not even looked at.
	 */
	CREDENTIAL_STALE,
	CREDENTIAL_WRONG,  /* no such user, or not his password */
	CREDENTIAL_BROKEN, /* malformed, or for another URI: 400 */
	CREDENTIAL_RESULTS
};

struct credential_request {
	const char *method, *uri;  /* of the request */
	const char *source;        /* the address it came from: a nonce is for one */
	const char *authorization; /* one header's value */
};

struct credential *credential_new(const struct credential_settings *settings);
void credential_free(struct credential **c);
/* WWW-Authenticate lines for source, the algorithm that we like best first (RFC 8760 2.3). */
void credential_challenge(const struct credential *c, const char *source, bool stale,
			  uint64_t now_ms, struct bytes *headers);
/*
 * RIGHT: *name_r is the user's name, a heap string. Takes the same time whether a user is unknown
 * or his password is wrong.
 */
enum credential_result credential_check(struct credential *c, const struct credential_request *rq,
					credential_find_fn *find, void *arg, uint64_t now_ms,
					char **name_r);

#endif
