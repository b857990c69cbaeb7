/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Base64, RFC 4648 section 4. The decoder takes what the encoder writes and nothing else (section
 * 3.5), so that two texts which differ never stand for the same octets.
 */
#include "proto/base64.h"

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

void base64_build(struct slice data, struct bytes *out)
{
	for (size_t i = 0; i < data.len; i += 3) {
		size_t n = data.len - i;
		uint32_t v = (uint32_t)(uint8_t)data.ptr[i] << 16;

		v |= n > 1 ? (uint32_t)(uint8_t)data.ptr[i + 1] << 8 : 0;
		v |= n > 2 ? (uint8_t)data.ptr[i + 2] : 0;
		bytes_add_char(out, alphabet[v >> 18]);
		bytes_add_char(out, alphabet[v >> 12 & 63]);
		bytes_add_char(out, n > 1 ? alphabet[v >> 6 & 63] : '=');
		bytes_add_char(out, n > 2 ? alphabet[v & 63] : '=');
	}
}

/* 0..63, or -1. */
static int digit(char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	return c == '+' ? 62 : c == '/' ? 63 : -1;
}

/* The 24 bits of four characters, of which the last `pad` are padding; -1: malformed. */
static int32_t group(const char *four, size_t pad)
{
	int32_t v = 0;

	for (size_t k = 0; k < 4; k++) {
		int d = k < 4 - pad ? digit(four[k]) : 0;

		if (d < 0)
			return -1;
		v = v << 6 | d;
	}
	return v & (pad == 2 ? 0xffff : pad == 1 ? 0xff : 0) ? -1 : v;
}

int base64_parse(struct slice text, struct bytes *out)
{
	size_t pad = 0;

	if (text.len % 4 != 0)
		return -ERR_SYNTAX;
	while (pad < 2 && pad < text.len && text.ptr[text.len - 1 - pad] == '=')
		pad++;
	for (size_t i = 0; i < text.len; i += 4) {
		if (group(text.ptr + i, i + 4 == text.len ? pad : 0) < 0)
			return -ERR_SYNTAX;
	}
	for (size_t i = 0; i < text.len; i += 4) {
		size_t n = i + 4 == text.len ? 3 - pad : 3;
		int32_t v = group(text.ptr + i, 3 - n);
		const uint8_t octets[3] = {(uint8_t)(v >> 16), (uint8_t)(v >> 8), (uint8_t)v};

		bytes_add(out, octets, n);
	}
	return 0;
}
