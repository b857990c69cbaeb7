/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_UNIT_GKE_VECTORS_H
#define TESTS_UNIT_GKE_VECTORS_H

#include <assert.h>
#include <jansson.h>
#include <stdio.h>

#include "common/bytes.h"
#include "proto/chars.h"

/* Octets out of tests/data/gke-vectors.json; the caller frees them with bytes_fini. */

static inline struct bytes octets_of(const char *hex)
{
	struct bytes b = BYTES_INIT;

	for (; hex[0]; hex += 2)
		bytes_add_u8(&b, (uint8_t)(chars_hex(hex[0]) << 4 | chars_hex(hex[1])));
	return b;
}

static inline json_t *vectors_load(void)
{
	json_t *all = json_load_file("tests/data/gke-vectors.json", 0, NULL);

	assert(all);
	return all;
}

/* A string of a vector, as text. */
static inline struct bytes vector_text(const char *vector, const char *name)
{
	json_t *all = vectors_load();
	const char *s = json_string_value(json_object_get(json_object_get(all, vector), name));
	struct bytes b = BYTES_INIT;

	assert(s);
	bytes_add_str(&b, s);
	json_decref(all);
	return b;
}

static inline struct bytes vector_octets(const char *vector, const char *name)
{
	struct bytes text = vector_text(vector, name), b = octets_of(bytes_cstr(&text));

	bytes_fini(&text);
	return b;
}

/* A member of the negative case of this name. */
static inline struct bytes negative_octets(const char *name, const char *member)
{
	json_t *all = vectors_load(), *one;
	struct bytes b = BYTES_INIT;
	size_t i;

	json_array_foreach(json_object_get(all, "negative"), i, one)
	{
		if (strcmp(json_string_value(json_object_get(one, "name")), name) == 0)
			b = octets_of(json_string_value(json_object_get(one, member)));
	}
	assert(b.len > 0);
	json_decref(all);
	return b;
}

#endif
