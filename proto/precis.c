/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The PRECIS Nickname profile, RFC 8266, over the FreeformClass of RFC 8264 with the contextual
 * rules of RFC 5892 appendix A. The only file that knows libunistring; its tables decide what is
 * assigned. Strings are worked on as code points, bounded by PRECIS_NICKNAME_MAX.
 */
#include "proto/precis.h"

#include <stdlib.h>
#include <string.h>
#include <unicase.h>
#include <unictype.h>
#include <uninorm.h>
#include <unistr.h>

#include "common/mem.h"
#include "proto/lookalike.h"

#define ROUNDS_MAX 4 /* the first and three more */

/* Code points on the heap. */
struct text {
	uint32_t *cp;
	size_t len;
};

static void text_fini(struct text *t)
{
	free(t->cp);
	*t = (struct text){0};
}

static int text_read(struct slice s, struct text *t_r)
{
	t_r->cp = u8_to_u32((const uint8_t *)s.ptr, s.len, NULL, &t_r->len);
	return t_r->cp ? 0 : -ERR_SYNTAX;
}

static int text_write(const struct text *t, struct bytes *out)
{
	size_t len;
	uint8_t *s = u32_to_u8(t->cp, t->len, NULL, &len);
	int rc = s && len <= PRECIS_NICKNAME_MAX ? 0 : -ERR_SYNTAX;

	if (rc == 0)
		bytes_add_slice(out, slice_make((const char *)s, len));
	free(s);
	return rc;
}

static bool text_equal(const struct text *a, const struct text *b)
{
	return a->len == b->len && !memcmp(a->cp, b->cp, a->len * sizeof(*a->cp));
}

/* --- FreeformClass --- */

enum property { PVALID, CONTEXT, DISALLOWED };

static bool in_script(ucs4_t c, const char *name)
{
	const uc_script_t *script = uc_script(c);

	return script && !strcmp(script->name, name);
}

/* RFC 8264 9.6; false: none of them. */
static bool exception(ucs4_t c, enum property *property_r)
{
	static const struct {
		uint16_t first, last;
		enum property property;
	} table[] = {
		{0x00b7, 0x00b7, CONTEXT},    {0x00df, 0x00df, PVALID},
		{0x0375, 0x0375, CONTEXT},    {0x03c2, 0x03c2, PVALID},
		{0x05f3, 0x05f4, CONTEXT},    {0x0640, 0x0640, DISALLOWED},
		{0x0660, 0x0669, CONTEXT},    {0x06f0, 0x06f9, CONTEXT},
		{0x06fd, 0x06fe, PVALID},     {0x07fa, 0x07fa, DISALLOWED},
		{0x0f0b, 0x0f0b, PVALID},     {0x3007, 0x3007, PVALID},
		{0x302e, 0x302f, DISALLOWED}, {0x3031, 0x3035, DISALLOWED},
		{0x303b, 0x303b, DISALLOWED}, {0x30fb, 0x30fb, CONTEXT},
	};

	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		if (c >= table[i].first && c <= table[i].last) {
			*property_r = table[i].property;
			return true;
		}
	}
	return false;
}

/* Hangul_Syllable_Type L, V or T. */
static bool is_old_hangul_jamo(ucs4_t c)
{
	return (c >= 0x1100 && c <= 0x11ff) || (c >= 0xa960 && c <= 0xa97f) ||
	       (c >= 0xd7b0 && c <= 0xd7ff);
}

static bool has_compat(ucs4_t c)
{
	uint32_t buf[32];
	size_t len = ARRAY_LEN(buf);
	uint32_t in = c, *out = u32_normalize(UNINORM_NFKC, &in, 1, buf, &len);
	bool compat = !out || len != 1 || out[0] != c;

	if (out != buf)
		free(out);
	return compat;
}

/* RFC 8264 section 8, in its order. */
static enum property property_of(ucs4_t c)
{
	const uc_general_category_t letters =
		uc_general_category_or(uc_general_category_or(UC_LETTER, UC_NUMBER), UC_MARK);
	const uc_general_category_t others = uc_general_category_or(
		uc_general_category_or(UC_SYMBOL, UC_PUNCTUATION), UC_SPACE_SEPARATOR);
	enum property property;

	if (exception(c, &property))
		return property;
	if (uc_is_general_category(c, UC_UNASSIGNED))
		return DISALLOWED;
	if (c > 0x20 && c < 0x7f)
		return PVALID;
	if (uc_is_property_join_control(c))
		return CONTEXT;
	if (is_old_hangul_jamo(c) || uc_is_property_default_ignorable_code_point(c) ||
	    uc_is_property_not_a_character(c) || uc_is_general_category(c, UC_CONTROL))
		return DISALLOWED;
	return has_compat(c) || uc_is_general_category(c, letters) ||
			       uc_is_general_category(c, others)
		       ? PVALID
		       : DISALLOWED;
}

/* --- contextual rules, RFC 5892 appendix A --- */

static bool after_virama(const struct text *t, size_t i)
{
	return i > 0 && uc_combining_class(t->cp[i - 1]) == UC_CCC_VR;
}

/* Something that joins to the left, and something that joins to the right, marks between. */
static bool breaks_a_cursive_join(const struct text *t, size_t i)
{
	size_t a = i, b = i + 1;
	int left, right;

	while (a > 0 && uc_joining_type(t->cp[a - 1]) == UC_JOINING_TYPE_T)
		a--;
	while (b < t->len && uc_joining_type(t->cp[b]) == UC_JOINING_TYPE_T)
		b++;
	if (a == 0 || b == t->len)
		return false;
	left = uc_joining_type(t->cp[a - 1]);
	right = uc_joining_type(t->cp[b]);
	return (left == UC_JOINING_TYPE_L || left == UC_JOINING_TYPE_D) &&
	       (right == UC_JOINING_TYPE_R || right == UC_JOINING_TYPE_D);
}

static bool has_between(const struct text *t, ucs4_t first, ucs4_t last)
{
	for (size_t i = 0; i < t->len; i++) {
		if (t->cp[i] >= first && t->cp[i] <= last)
			return true;
	}
	return false;
}

static bool has_japanese(const struct text *t)
{
	for (size_t i = 0; i < t->len; i++) {
		if (t->cp[i] != 0x30fb &&
		    (in_script(t->cp[i], "Hiragana") || in_script(t->cp[i], "Katakana") ||
		     in_script(t->cp[i], "Han")))
			return true;
	}
	return false;
}

static bool context_ok(const struct text *t, size_t i)
{
	ucs4_t c = t->cp[i];

	switch (c) {
	case 0x200c:
		return after_virama(t, i) || breaks_a_cursive_join(t, i);
	case 0x200d:
		return after_virama(t, i);
	case 0x00b7:
		return i > 0 && t->cp[i - 1] == 'l' && i + 1 < t->len && t->cp[i + 1] == 'l';
	case 0x0375:
		return i + 1 < t->len && in_script(t->cp[i + 1], "Greek");
	case 0x05f3:
	case 0x05f4:
		return i > 0 && in_script(t->cp[i - 1], "Hebrew");
	case 0x30fb:
		return has_japanese(t);
	default: /* digits of the one kind beside those of the other */
		return c < 0x06f0 ? !has_between(t, 0x06f0, 0x06f9)
				  : !has_between(t, 0x0660, 0x0669);
	}
}

static bool is_freeform(const struct text *t)
{
	for (size_t i = 0; i < t->len; i++) {
		enum property p = property_of(t->cp[i]);

		if (p == DISALLOWED || (p == CONTEXT && !context_ok(t, i)))
			return false;
	}
	return true;
}

/* --- the rules of the profile, RFC 8266 2.1 --- */

/* Additional mapping: all spaces are SPACE, none at the ends, one between words. In place. */
static void map_spaces(struct text *t)
{
	size_t n = 0;

	for (size_t i = 0; i < t->len; i++) {
		bool space = uc_is_general_category(t->cp[i], UC_SPACE_SEPARATOR);

		if (space && (n == 0 || t->cp[n - 1] == ' '))
			continue;
		t->cp[n++] = space ? ' ' : t->cp[i];
	}
	if (n && t->cp[n - 1] == ' ')
		n--;
	t->len = n;
}

/* Once through the rules, into a new text. */
static int apply(const struct text *in, bool lower, struct text *out_r)
{
	struct text t = {u32_cpy_alloc(in->cp, in->len), in->len}, next;

	if (!t.cp)
		return -ERR_SYNTAX;
	map_spaces(&t);
	if (lower) {
		next.cp = u32_tolower(t.cp, t.len, NULL, NULL, NULL, &next.len);
		text_fini(&t);
		t = next;
	}
	next = (struct text){0};
	if (t.cp)
		next.cp = u32_normalize(UNINORM_NFKC, t.cp, t.len, NULL, &next.len);
	text_fini(&t);
	*out_r = next;
	return next.cp ? 0 : -ERR_SYNTAX;
}

static int run(struct slice name, bool lower, struct bytes *out)
{
	struct text t = {0}, next = {0};
	int rc = -ERR_SYNTAX;

	if (!name.len || name.len > PRECIS_NICKNAME_MAX || text_read(name, &t))
		return -ERR_SYNTAX;
	for (int round = 0; round < ROUNDS_MAX; round++) {
		if (!t.len || !is_freeform(&t) || apply(&t, lower, &next))
			break;
		if (text_equal(&t, &next)) {
			rc = text_write(&t, out);
			break;
		}
		text_fini(&t);
		t = next;
		next = (struct text){0};
	}
	text_fini(&t);
	text_fini(&next);
	return rc;
}

int precis_nickname_enforce(struct slice name, struct bytes *out)
{
	return run(name, false, out);
}

int precis_nickname_compare(struct slice name, struct bytes *out)
{
	return run(name, true, out);
}

/* --- look-alikes --- */

static void map_lookalikes(struct text *t)
{
	for (size_t i = 0; i < t->len; i++)
		t->cp[i] = lookalike(t->cp[i]);
}

/* Two letters that are read as one. */
static void map_pairs(struct text *t)
{
	size_t n = 0;

	for (size_t i = 0; i < t->len; i++) {
		bool pair = i + 1 < t->len;

		if (pair && t->cp[i] == 'r' && t->cp[i + 1] == 'n') {
			t->cp[n++] = 'm';
			i++;
		} else if (pair && t->cp[i] == 'v' && t->cp[i + 1] == 'v') {
			t->cp[n++] = 'w';
			i++;
		} else {
			t->cp[n++] = t->cp[i];
		}
	}
	t->len = n;
}

void precis_skeleton(struct slice enforced, struct bytes *out)
{
	struct text t = {0}, lower = {0};

	if (text_read(enforced, &t) == 0) {
		map_lookalikes(&t); /* by their shape: a capital I is no i */
		lower.cp = u32_tolower(t.cp, t.len, NULL, NULL, NULL, &lower.len);
	}
	if (lower.cp) {
		map_lookalikes(&lower);
		map_pairs(&lower);
		if (text_write(&lower, out))
			bytes_add_slice(out, enforced);
	}
	text_fini(&t);
	text_fini(&lower);
}

bool precis_mixes_scripts(struct slice enforced)
{
	static const char *const alphabets[] = {"Latin",    "Greek",  "Cyrillic",
						"Armenian", "Coptic", "Cherokee"};
	struct text t = {0};
	size_t seen = ARRAY_LEN(alphabets);
	bool mixed = false;

	if (text_read(enforced, &t))
		return false;
	for (size_t i = 0; i < t.len && !mixed; i++) {
		if (t.cp[i] == ' ')
			seen = ARRAY_LEN(alphabets); /* each word for itself */
		for (size_t k = 0; k < ARRAY_LEN(alphabets); k++) {
			if (!in_script(t.cp[i], alphabets[k]))
				continue;
			mixed = seen != ARRAY_LEN(alphabets) && seen != k;
			seen = k;
		}
	}
	text_fini(&t);
	return mixed;
}
