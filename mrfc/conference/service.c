/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Service identifiers: URNs written into feature tags, where their colons are escaped, and compared
 * with what the core asserts. RFC 6050 4.1, TS 24.229 7.2A.8.2, 7.9.2 and 7.9.3.
 */
#include "mrfc/conference/service.h"

#include <string.h>

/* A URN's characters that may stand in a header and in a quoted string; no comma, no quote. */
static bool urn_char(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       (c != '\0' && strchr(":-._+%/=*", c) != NULL);
}

static bool is_tag(struct slice s)
{
	return s.len > 1 && s.ptr[0] == '+';
}

bool service_list_ok(const char *text)
{
	struct slice rest = slice_str(text), one;

	if (text[0] == '\0')
		return true;
	while (slice_next(&rest, ',', &one)) {
		one = slice_trim(one);
		if (!is_tag(one) && !slice_istarts(one, SLICE_LIT("urn:")))
			return false;
		for (size_t i = 0; i < one.len; i++) {
			if (!urn_char(one.ptr[i]))
				return false;
		}
	}
	return true;
}

/* A feature tag's value has its URNs escaped. */
static void add_list(const char *list, struct bytes *out)
{
	struct slice rest = slice_str(list), one;
	bool first = true;

	while (slice_next(&rest, ',', &one)) {
		one = slice_trim(one);
		if (!first)
			bytes_add_char(out, ',');
		first = false;
		for (size_t i = 0; i < one.len; i++) {
			if (one.ptr[i] == ':')
				bytes_add_str(out, "%3A");
			else
				bytes_add_char(out, one.ptr[i]);
		}
	}
}

void service_feature_params(const char *icsi, const char *iari, struct bytes *out)
{
	if (icsi[0] == '+') {
		bytes_addf(out, ";%s", icsi);
	} else if (icsi[0] != '\0') {
		bytes_add_str(out, ";+g.3gpp.icsi-ref=\"");
		add_list(icsi, out);
		bytes_add_char(out, '"');
	}
	if (iari[0] != '\0') {
		bytes_add_str(out, ";+g.3gpp.iari-ref=\"");
		add_list(iari, out);
		bytes_add_char(out, '"');
	}
}

/* The same service, or one of its sub-services (RFC 6050 4.1). */
static bool is_below(struct slice service, struct slice allowed)
{
	return allowed.len > 0 && slice_istarts(service, allowed) &&
	       (service.len == allowed.len || service.ptr[allowed.len] == '.');
}

static bool is_allowed(const char *allowed, struct slice service)
{
	struct slice rest = slice_str(allowed), one;

	while (slice_next(&rest, ',', &one)) {
		if (is_below(service, slice_trim(one)))
			return true;
	}
	return false;
}

bool service_asserted_ok(const char *allowed, struct slice value)
{
	struct slice one;

	if (allowed[0] == '\0')
		return true;
	while (slice_next(&value, ',', &one)) {
		if (is_allowed(allowed, slice_trim(one)))
			return true;
	}
	return false;
}
