/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Writing message/cpim heads, RFC 3862, and its escapes (section 2.3). Whatever the fields hold,
 * no control character gets out, so no field can add a header line of its own.
 */
#include "proto/chars.h"
#include "proto/cpim.h"

static bool is_control(char c)
{
	return (unsigned char)c < 0x20 || c == 0x7f;
}

/* Section 2.3.1: control characters and backslashes are written as escapes; quote too when asked. */
static void add_escaped(struct bytes *out, struct slice text, bool in_quotes)
{
	static const char plain[] = "\b\t\n\r", escapes[] = "btnr";

	for (size_t i = 0; i < text.len; i++) {
		char c = text.ptr[i];
		const char *special = c == '\0' ? NULL : strchr(plain, c);

		if (special) {
			bytes_add_char(out, '\\');
			bytes_add_char(out, escapes[special - plain]);
		} else if (is_control(c)) {
			bytes_addf(out, "\\u%04x", (unsigned int)c);
		} else {
			if (c == '\\' || (in_quotes && c == '"'))
				bytes_add_char(out, '\\');
			bytes_add_char(out, c);
		}
	}
}

/* Formal-name = 1*( Token SP ) / String */
static bool is_token_list(struct slice name)
{
	for (size_t i = 0; i < name.len; i++) {
		char c = name.ptr[i];

		if (c == ' ' ? i == 0 || i + 1 == name.len || name.ptr[i - 1] == ' '
			     : is_control(c) || chars_in(c, "()<>@,;:\\\"/[]?={}"))
			return false;
	}
	return true;
}

static void add_uri(struct bytes *out, struct slice uri)
{
	bytes_add_char(out, '<');
	for (size_t i = 0; i < uri.len; i++) {
		unsigned char c = (unsigned char)uri.ptr[i];

		if (is_control(uri.ptr[i]) || chars_in(uri.ptr[i], " <>"))
			bytes_addf(out, "%%%02X", (unsigned int)c);
		else
			bytes_add_char(out, uri.ptr[i]);
	}
	bytes_add_char(out, '>');
}

static void add_address(struct bytes *out, const char *name, struct slice display, struct slice uri)
{
	bytes_add_str(out, name);
	bytes_add_str(out, ": ");
	if (display.len > 0 && is_token_list(display)) {
		bytes_add_slice(out, display);
		bytes_add_char(out, ' ');
	} else if (display.len > 0) {
		bytes_add_char(out, '"');
		add_escaped(out, display, true);
		bytes_add_str(out, "\" ");
	}
	add_uri(out, uri);
	bytes_add_str(out, "\r\n");
}

static void add_field(struct bytes *out, const char *name, struct slice value)
{
	if (value.len == 0)
		return;
	bytes_add_str(out, name);
	bytes_add_str(out, ": ");
	add_escaped(out, value, false);
	bytes_add_str(out, "\r\n");
}

/* Verbatim (MIME knows no escapes): control characters become blanks. */
static void add_plain(struct bytes *out, const char *name, struct slice value)
{
	if (value.len == 0)
		return;
	bytes_add_str(out, name);
	bytes_add_str(out, ": ");
	for (size_t i = 0; i < value.len; i++)
		bytes_add_char(out, is_control(value.ptr[i]) ? ' ' : value.ptr[i]);
	bytes_add_str(out, "\r\n");
}

void cpim_build(struct bytes *out, const struct cpim_fields *fields)
{
	add_address(out, "From", fields->from_display, fields->from_uri);
	add_address(out, "To", fields->to_display, fields->to_uri);
	add_field(out, "DateTime", fields->date_time);
	if (fields->imdn_message_id.len > 0) {
		bytes_add_str(out, "NS: imdn <urn:ietf:params:imdn>\r\n");
		add_field(out, "imdn.Message-ID", fields->imdn_message_id);
		add_field(out, "imdn.Disposition-Notification", fields->imdn_disposition);
		add_plain(out, "imdn.Original-To", fields->imdn_original_to);
		for (size_t i = 0; i < fields->n_imdn_routes; i++)
			add_plain(out, "imdn.IMDN-Route", fields->imdn_routes[i]);
	}
	bytes_add_str(out, "\r\n");
	add_plain(out, "Content-Disposition", fields->content_disposition);
	add_plain(out, "Content-Type", fields->content_type);
	add_plain(out, "Content-Encoding", fields->content_encoding);
	add_plain(out, "Content-Transfer-Encoding", fields->transfer_encoding);
	bytes_add_str(out, "\r\n");
}

/* Four hexadecimal digits behind a "\u" at the start of s, or -1. */
static int unicode_escape(struct slice s)
{
	int v = 0;

	if (s.len < 6 || s.ptr[0] != '\\' || s.ptr[1] != 'u')
		return -1;
	for (size_t i = 2; i < 6; i++) {
		if (!chars_is(s.ptr[i], CHARS_HEX))
			return -1;
		v = v * 16 + chars_hex(s.ptr[i]);
	}
	return v;
}

static void add_utf8(struct bytes *out, uint32_t c)
{
	if (c < 0x80) {
		bytes_add_u8(out, (uint8_t)c);
	} else if (c < 0x800) {
		bytes_add_u8(out, (uint8_t)(0xc0 | (c >> 6)));
		bytes_add_u8(out, (uint8_t)(0x80 | (c & 0x3f)));
	} else if (c < 0x10000) {
		bytes_add_u8(out, (uint8_t)(0xe0 | (c >> 12)));
		bytes_add_u8(out, (uint8_t)(0x80 | ((c >> 6) & 0x3f)));
		bytes_add_u8(out, (uint8_t)(0x80 | (c & 0x3f)));
	} else {
		bytes_add_u8(out, (uint8_t)(0xf0 | (c >> 18)));
		bytes_add_u8(out, (uint8_t)(0x80 | ((c >> 12) & 0x3f)));
		bytes_add_u8(out, (uint8_t)(0x80 | ((c >> 6) & 0x3f)));
		bytes_add_u8(out, (uint8_t)(0x80 | (c & 0x3f)));
	}
}

/*
 * One "\uXXXX", or two that make a surrogate pair, at the start of s. Returns the bytes read, 0
 * when they name no character.
 */
static size_t read_unicode(struct slice s, uint32_t *c_r)
{
	int high = unicode_escape(s), low;

	if (high < 0)
		return 0;
	if (high < 0xd800 || high > 0xdfff) {
		*c_r = (uint32_t)high;
		return 6;
	}
	low = unicode_escape(slice_from(s, 6));
	if (high > 0xdbff || low < 0xdc00 || low > 0xdfff)
		return 0;
	*c_r = 0x10000u + (((uint32_t)high - 0xd800u) << 10) + ((uint32_t)low - 0xdc00u);
	return 12;
}

/* What the escape at the start of s stands for, added to out if there is one. 0 on a bad \u. */
static size_t unescape_one(struct slice s, struct bytes *out)
{
	static const char escapes[] = "btnr", plain[] = "\b\t\n\r";
	const char *special;
	uint32_t c;
	size_t n;

	if (s.len == 1)
		return 1; /* an isolated backslash at the end is ignored */
	if (s.ptr[1] == 'u') {
		n = read_unicode(s, &c);
		if (n > 0 && out)
			add_utf8(out, c);
		return n;
	}
	special = s.ptr[1] == '\0' ? NULL : strchr(escapes, s.ptr[1]);
	if (out)
		bytes_add_char(out, special ? plain[special - escapes] : s.ptr[1]);
	return 2;
}

static int unescape(struct slice value, struct bytes *out)
{
	while (value.len > 0) {
		size_t n = 1;

		if (value.ptr[0] == '\\') {
			n = unescape_one(value, out);
			if (n == 0)
				return -ERR_SYNTAX;
		} else if (out) {
			bytes_add_char(out, value.ptr[0]);
		}
		value = slice_from(value, n);
	}
	return 0;
}

int cpim_unescape(struct slice value, struct bytes *out)
{
	int rc = unescape(value, NULL);

	return rc < 0 ? rc : unescape(value, out);
}
