/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PROTO_PRECIS_H
#define PROTO_PRECIS_H

#include "common/bytes.h"

/* Nicknames as strings: the PRECIS profile of RFC 8266 over the FreeformClass of RFC 8264. */

#define PRECIS_NICKNAME_MAX 1023 /* octets, before and after (RFC 7701 7.1) */

/*
 * The name as it may be shown: code points judged, spaces mapped, trimmed and collapsed, NFKC,
 * applied until it changes no more. Appends to out; what it gives it accepts unchanged.
 * -ERR_SYNTAX: no UTF-8, too long, empty, a code point that is disallowed or unassigned or stands
 * in a context that its rule forbids, or not stable after four rounds. RFC 8266 2.3.
 */
MUST_CHECK int precis_nickname_enforce(struct slice name, struct bytes *out);
/*
 * The name as it is compared: the same, in lower case. Equal octets are equal names. RFC 8266 2.4.
 */
MUST_CHECK int precis_nickname_compare(struct slice name, struct bytes *out);

/*
 * For an enforced name: a form in which look-alikes (0 and O, I and l, Cyrillic and Latin a) are
 * equal; never shown. A small table of our own in the manner of UTS 39, section 4.
 */
void precis_skeleton(struct slice enforced, struct bytes *out);
/* Has a word of this enforced name letters of two of the alphabets that look alike? UTS 39, 5. */
bool precis_mixes_scripts(struct slice enforced);

#endif
