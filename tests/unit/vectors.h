/* SPDX-License-Identifier: Apache-2.0 */
/* Test vectors, tests/data/gke-vectors.json: octets and texts by "object.member". For one program each. */
#ifndef TESTS_UNIT_VECTORS_H
#define TESTS_UNIT_VECTORS_H

#include <jansson.h>

#include "common/bytes.h"
#include "proto/chars.h"

#define VECTORS_FILE "tests/data/gke-vectors.json"
#define VECTOR_MAX   4096

struct vectors {
	json_t *root;
};

static inline struct vectors vectors_load(void)
{
	json_error_t error;
	struct vectors v = {json_load_file(VECTORS_FILE, 0, &error)};

	if (!v.root)
		fail_msg("%s: %s", VECTORS_FILE, error.text);
	return v;
}

static inline void vectors_drop(struct vectors *v)
{
	json_decref(v->root);
	v->root = NULL;
}

static inline const char *vectors_text(const struct vectors *v, const char *object,
				       const char *member)
{
	const char *text =
		json_string_value(json_object_get(json_object_get(v->root, object), member));

	if (!text)
		fail_msg("no %s.%s in %s", object, member, VECTORS_FILE);
	return text;
}

/* A negative case's member; NULL when it has none of that name. */
static inline const char *vectors_negative(const struct vectors *v, const char *name,
					   const char *member)
{
	size_t i;
	json_t *each;

	json_array_foreach(json_object_get(v->root, "negative"), i, each)
	{
		if (strcmp(json_string_value(json_object_get(each, "name")), name) == 0)
			return json_string_value(json_object_get(each, member));
	}
	return NULL;
}

/* Octets of hex text, valid until the caller's buffer goes. */
static inline struct slice unhex(const char *hex, char out[VECTOR_MAX])
{
	size_t n = strlen(hex) / 2;

	assert_true(n <= VECTOR_MAX);
	for (size_t i = 0; i < n; i++)
		out[i] = (char)(chars_hex(hex[2 * i]) << 4 | chars_hex(hex[2 * i + 1]));
	return slice_make(out, n);
}

struct vector {
	char octets[VECTOR_MAX];
	size_t len;
};

static inline struct vector vectors_get(const struct vectors *v, const char *object,
					const char *member)
{
	struct vector x;

	x.len = unhex(vectors_text(v, object, member), x.octets).len;
	return x;
}

/* View of a vector. */
static inline struct slice octets_of(const struct vector *x)
{
	return slice_make(x->octets, x->len);
}

static inline void assert_octets(struct slice found, struct slice wanted)
{
	assert_int_equal(found.len, wanted.len);
	assert_memory_equal(found.ptr, wanted.ptr, wanted.len);
}

#endif
