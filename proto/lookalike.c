/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Code points that look like a Latin letter in most typefaces: digits, Greek, Cyrillic and Armenian
 * letters. A choice in the manner of UTS 39's table, for names of people; capitals are named where
 * their shape is not that of their small letter.
 */
#include "proto/lookalike.h"

#include <stddef.h>
#include <stdlib.h>

#include "common/mem.h"

struct pair {
	uint32_t cp;
	char letter;
};

/* In the order of the code points. */
static const struct pair table[] = {
	{'0', 'o'},   {'1', 'l'},   {'I', 'l'},   {'|', 'l'},   {0x131, 'i'}, {0x251, 'a'},
	{0x261, 'g'}, {0x269, 'i'}, {0x391, 'a'}, {0x392, 'b'}, {0x395, 'e'}, {0x396, 'z'},
	{0x397, 'h'}, {0x399, 'l'}, {0x39a, 'k'}, {0x39c, 'm'}, {0x39d, 'n'}, {0x39f, 'o'},
	{0x3a1, 'p'}, {0x3a4, 't'}, {0x3a5, 'y'}, {0x3a7, 'x'}, {0x3b1, 'a'}, {0x3b3, 'y'},
	{0x3b9, 'i'}, {0x3ba, 'k'}, {0x3bd, 'v'}, {0x3bf, 'o'}, {0x3c1, 'p'}, {0x3c5, 'u'},
	{0x3f2, 'c'}, {0x3f3, 'j'}, {0x405, 's'}, {0x406, 'l'}, {0x408, 'j'}, {0x410, 'a'},
	{0x412, 'b'}, {0x415, 'e'}, {0x41a, 'k'}, {0x41c, 'm'}, {0x41d, 'h'}, {0x41e, 'o'},
	{0x420, 'p'}, {0x421, 'c'}, {0x422, 't'}, {0x423, 'y'}, {0x425, 'x'}, {0x430, 'a'},
	{0x435, 'e'}, {0x43a, 'k'}, {0x43e, 'o'}, {0x440, 'p'}, {0x441, 'c'}, {0x443, 'y'},
	{0x445, 'x'}, {0x455, 's'}, {0x456, 'i'}, {0x458, 'j'}, {0x475, 'v'}, {0x4ae, 'y'},
	{0x4af, 'y'}, {0x4bb, 'h'}, {0x4c0, 'l'}, {0x4cf, 'l'}, {0x501, 'd'}, {0x51a, 'q'},
	{0x51b, 'q'}, {0x51c, 'w'}, {0x51d, 'w'}, {0x555, 'o'}, {0x570, 'h'}, {0x578, 'n'},
	{0x57d, 'u'}, {0x581, 'g'}, {0x585, 'o'}, {0x5c0, 'l'}, {0x5d5, 'l'}, {0x5df, 'l'},
	{0x661, 'l'}, {0x665, 'o'}, {0x6f1, 'l'}, {0x6f5, 'o'}, {0x966, 'o'},
};

static int compare(const void *key, const void *item)
{
	uint32_t cp = *(const uint32_t *)key, at = ((const struct pair *)item)->cp;

	return cp < at ? -1 : cp > at;
}

uint32_t lookalike(uint32_t cp)
{
	const struct pair *found = bsearch(&cp, table, ARRAY_LEN(table), sizeof(table[0]), compare);

	return found ? (uint32_t)found->letter : cp;
}
