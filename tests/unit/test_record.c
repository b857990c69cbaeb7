/* SPDX-License-Identifier: Apache-2.0 */
/* The text form of records: what is written is read again, what is damaged is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>

#include "common/mem.h"
#include "mrfc/state/record.h"

struct thing {
	const char *text, *other;
	const char *const *list;
	size_t n_list;
	bool yes;
	int kind;
	uint32_t small;
	uint64_t large;
	uint8_t id[16];
};

#define AT(field) .offset = offsetof(struct thing, field)
static const struct record_field fields[] = {
	{.name = "text", .type = RECORD_TEXT, AT(text), .required = true},
	{.name = "other", .type = RECORD_TEXT, AT(other)},
	{.name = "item", .type = RECORD_LIST, AT(list), .count = offsetof(struct thing, n_list)},
	{.name = "yes", .type = RECORD_BOOL, AT(yes)},
	{.name = "kind", .type = RECORD_INT, AT(kind), .max = 3},
	{.name = "small", .type = RECORD_U32, AT(small)},
	{.name = "large", .type = RECORD_U64, AT(large)},
	{.name = "id", .type = RECORD_ID16, AT(id)},
};
static const struct record_spec spec = {"thing", fields, ARRAY_LEN(fields)};

static int read_text(const char *text, struct thing *t)
{
	const char *why = NULL;
	int err = record_parse(&spec, slice_str(text), t, &why);

	assert_true(err == 0 || why != NULL);
	return err;
}

static void refused(const char *text)
{
	struct thing t = {0};

	assert_int_equal(read_text(text, &t), -ERR_SYNTAX);
	record_fini(&spec, &t);
	assert_null(t.text);
	assert_null(t.list);
}

static void what_is_built_is_read_again(void **state)
{
	static const char *const list[] = {"one", "", "with\nlines\r\\n and \\"};
	const struct thing in = {.text = "a b  c\\0\r\n",
				 .list = list,
				 .n_list = 3,
				 .yes = true,
				 .kind = 3,
				 .small = UINT32_MAX,
				 .large = UINT64_MAX,
				 .id = {0, 1, 0xfe, [15] = 0xff}};
	struct bytes first = BYTES_INIT, again = BYTES_INIT;
	struct thing out = {0};

	(void)state;
	record_build(&spec, &in, &first);
	assert_int_equal(read_text(bytes_cstr(&first), &out), 0);
	assert_string_equal(out.text, in.text);
	assert_null(out.other);
	assert_int_equal(out.n_list, 3);
	for (size_t i = 0; i < 3; i++)
		assert_string_equal(out.list[i], list[i]);
	assert_true(out.yes);
	assert_int_equal(out.kind, 3);
	assert_int_equal(out.small, UINT32_MAX);
	assert_true(out.large == UINT64_MAX);
	assert_memory_equal(out.id, in.id, 16);
	record_build(&spec, &out, &again);
	assert_string_equal(bytes_cstr(&first), bytes_cstr(&again));
	record_fini(&spec, &out);
	bytes_fini(&first);
	bytes_fini(&again);
}

static void unknown_names_are_skipped_and_what_is_missing_is_zero(void **state)
{
	struct thing t = {0};

	(void)state;
	assert_int_equal(read_text("newer some \\x thing\ntext x\nid2 \n", &t), 0);
	assert_string_equal(t.text, "x");
	assert_false(t.yes);
	record_fini(&spec, &t);
}

static void no_cut_of_a_record_is_taken_for_the_whole(void **state)
{
	static const char whole[] = "yes 1\nkind 2\nid 000102030405060708090a0b0c0d0e0f\ntext x\n";
	char cut[sizeof(whole)];

	(void)state;
	for (size_t len = 0; len < sizeof(whole) - 1; len++) {
		memcpy(cut, whole, len);
		cut[len] = '\0';
		refused(cut);
	}
}

static void damage_is_refused(void **state)
{
	(void)state;
	refused("");
	refused("yes 1\n");
	refused("text x");
	refused("text x\n\n");
	refused("text x\n leading\n");
	refused("text x\ntext y\n");
	refused("text x\nyes 1\nyes 1\n");
	refused("text bad\\escape\n");
	refused("text end\\\n");
	refused("text nul\\0\n");
	refused("item a\\\ntext x\n");
	refused("text x\nyes 2\n");
	refused("text x\nkind 4\n");
	refused("text x\nkind -1\n");
	refused("text x\nsmall 4294967296\n");
	refused("text x\nlarge 18446744073709551616\n");
	refused("text x\nlarge 1x\n");
	refused("text x\nlarge \n");
	refused("text x\nid 00\n");
	refused("text x\nid 000102030405060708090a0b0c0d0e0g\n");
}

static void limits_hold_at_their_number_and_one_more(void **state)
{
	struct bytes b = BYTES_INIT;
	struct thing t = {0};
	const char *why;

	(void)state;
	bytes_add_str(&b, "text x\n");
	for (unsigned i = 0; i < RECORD_MAX_LIST; i++)
		bytes_add_str(&b, "item i\n");
	assert_int_equal(record_parse(&spec, bytes_slice(&b), &t, &why), 0);
	assert_int_equal(t.n_list, RECORD_MAX_LIST);
	record_fini(&spec, &t);
	bytes_add_str(&b, "item i\n");
	assert_int_equal(record_parse(&spec, bytes_slice(&b), &t, &why), -ERR_LIMIT);
	record_fini(&spec, &t);
	bytes_reset(&b);
	bytes_add_str(&b, "text ");
	while (b.len < RECORD_MAX_BYTES - 1)
		bytes_add_char(&b, 'x');
	bytes_add_char(&b, '\n');
	assert_int_equal(record_parse(&spec, bytes_slice(&b), &t, &why), 0);
	record_fini(&spec, &t);
	bytes_drop(&b, 1);
	bytes_add_str(&b, "y\n");
	assert_int_equal(record_parse(&spec, bytes_slice(&b), &t, &why), -ERR_LIMIT);
	bytes_fini(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_built_is_read_again),
		cmocka_unit_test(unknown_names_are_skipped_and_what_is_missing_is_zero),
		cmocka_unit_test(no_cut_of_a_record_is_taken_for_the_whole),
		cmocka_unit_test(damage_is_refused),
		cmocka_unit_test(limits_hold_at_their_number_and_one_more),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
