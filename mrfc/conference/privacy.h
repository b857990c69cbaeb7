/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MRFC_CONFERENCE_PRIVACY_H
#define MRFC_CONFERENCE_PRIVACY_H

#include "common/bytes.h"

/*
 * The Privacy header, RFC 3323 4.2 and RFC 3325 9.3, and the URIs of those who hide. What we
 * perform is `id`, `user` and `header`: others see an anonymous URI and no address of a device.
 */
enum {
	PRIVACY_NONE = 1,
	PRIVACY_ID = 2,
	PRIVACY_USER = 4,
	PRIVACY_HEADER = 8,
	PRIVACY_SESSION = 16,
	PRIVACY_CRITICAL = 32,
	PRIVACY_OTHER = 64 /* a service we do not know */
};

/* "id;critical"; NULL or "" is 0. */
unsigned privacy_parse(const char *value);
/* Is the user to be hidden? from: the From URI, which hides him too when it is anonymous. */
bool privacy_hides(unsigned privacy, const char *from);
/* A service that must be performed or else the request must fail, and is not offered here. */
bool privacy_impossible(unsigned privacy);
/* Is it sip:anonymous@anonymous.invalid or another that stands for nobody (RFC 3323 4.1.1.3)? */
bool privacy_is_anonymous(const char *uri);

#define PRIVACY_ANONYMOUS "sip:anonymous@anonymous.invalid"
/* An anonymous URI with 80 random bits: unique, made of nothing that the user has. Heap string. */
char *privacy_make_uri(void);

/*
 * May P-Asserted-Identity go to a next hop (RFC 3325 7)? To a trusted one always. privacy: what the
 * user asked for, 0: nothing, then policy says.
 */
bool privacy_asserts(unsigned privacy, bool trusted_hop, bool by_default);
/*
 * The header's value for that hop: all that was asked, without `id` where this server has carried it
 * out (RFC 3323 5, RFC 3325 9.3). asked NULL: nothing is added.
 */
void privacy_forward(const char *asked, bool trusted_hop, struct bytes *out);

#endif
