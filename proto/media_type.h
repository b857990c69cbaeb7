/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PROTO_MEDIA_TYPE_H
#define PROTO_MEDIA_TYPE_H

#include "common/slice.h"

/* "type/subtype" of a Content-Type value, without parameters and blanks. Empty when malformed. */
struct slice media_type_base(struct slice value);
/* Value is syntactically a media type with well-formed parameters (MSRP-027). */
bool media_type_ok(struct slice value);
/*
 * Does a space-separated accept list ("*", "type/<star>", "type/subtype;params") admit the type of a
 * Content-Type value? Case-insensitive, parameters ignored (MSRP-124).
 */
bool media_type_listed(struct slice list, struct slice value);
/* Parameter of a Content-Type or Content-Disposition value ("charset"), unquoted view; empty when absent. */
struct slice media_type_param(struct slice value, const char *name);

#endif
