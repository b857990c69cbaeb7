/* SPDX-License-Identifier: Apache-2.0 */
/* Members' keys and last timestamps: the tables, and their sealed rows in a store. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>
#include <event2/event.h>

#include "mrfc/groupkey/member_keys.h"
#include "mrfc/groupkey/t_memory.h"
#include "proto/mikey.h"

#define ALICE "sip:alice@example.com"
#define BOB   "sip:bob@example.com"
#define NOW   1795330800000000ull

static const uint8_t box[SECRET_BOX_KEY_SIZE] = {9};

struct rig {
	struct event_base *base;
	struct store *store;
	struct key_rows *rows;
	struct member_keys *keys;
	int n_stored;
};

static int set_up(void **state)
{
	struct rig *rig = test_calloc(1, sizeof(*rig));

	rig->base = event_base_new();
	rig->store = store_mem_new(rig->base);
	rig->rows = key_rows_new(rig->store, box);
	rig->keys = member_keys_new(rig->rows);
	*state = rig;
	return 0;
}

static int tear_down(void **state)
{
	struct rig *rig = *state;

	member_keys_free(&rig->keys);
	key_rows_free(&rig->rows);
	store_free(&rig->store);
	event_base_free(rig->base);
	test_free(rig);
	return 0;
}

static void count(const struct member_key *key, void *arg)
{
	(void)key;
	++*(int *)arg;
}

static int count_of(const struct member_keys *keys)
{
	int n = 0;

	member_keys_each(keys, count, &n);
	return n;
}

static void on_stored(int err, void *arg)
{
	struct rig *rig = arg;

	assert_int_equal(err, 0);
	rig->n_stored++;
}

static const struct member_key *add(struct rig *rig, const char *uri, const char *id)
{
	const struct member_key *key;

	assert_int_equal(member_keys_add(rig->keys, uri, id, on_stored, rig, &key), 0);
	return key;
}

/* Another process reads the same store: how many rows it could not use. */
static size_t again(struct rig *rig)
{
	size_t n_skipped = 99;

	member_keys_free(&rig->keys);
	rig->keys = member_keys_new(rig->rows);
	assert_int_equal(member_keys_load(rig->keys, &n_skipped), 0);
	return n_skipped;
}

static void a_user_has_several_keys_and_names(void **state)
{
	struct rig *rig = *state;
	const struct member_key *first = add(rig, ALICE, "mk:alice:1"), *second;

	second = add(rig, "sip:alice@EXAMPLE.com;transport=tcp", NULL);
	assert_int_equal(strlen(second->id), 8);
	assert_memory_not_equal(first->key, second->key, MEMBER_KEY_SIZE);
	assert_ptr_equal(member_keys_find(rig->keys, ALICE, SLICE_NULL), first);
	assert_ptr_equal(
		member_keys_find(rig->keys, "sips:alice@example.com", slice_str(second->id)),
		second);
	assert_null(member_keys_find(rig->keys, ALICE, SLICE_LIT("mk:alice")));
	assert_null(member_keys_find(rig->keys, BOB, SLICE_NULL));
	assert_int_equal(count_of(rig->keys), 2);
	assert_int_equal(member_keys_remove(rig->keys, ALICE, "mk:alice:1", NULL, NULL), 1);
	assert_ptr_equal(member_keys_find(rig->keys, ALICE, SLICE_NULL), second);
	assert_int_equal(member_keys_remove(rig->keys, ALICE, "mk:alice:1", NULL, NULL),
			 -ERR_NOT_FOUND);
	(void)add(rig, ALICE, "x");
	assert_int_equal(member_keys_remove(rig->keys, ALICE, NULL, on_stored, rig), 2);
	assert_int_equal(count_of(rig->keys), 0);
	event_base_loop(rig->base, EVLOOP_NONBLOCK);
	assert_int_equal(rig->n_stored, 4); /* each addition, the removal once */
}

static void names_and_numbers_are_bounded(void **state)
{
	static const char *const bad_uris[] = {"", "alice", "http://x/y", "sip:example.com",
					       "sip:a%00b@x"};
	static const char *const bad_ids[] = {"a b", "a\"", "\xc3\xa4", "a/b"};
	struct rig *rig = *state;
	const struct member_key *key;
	char longest[MEMBER_KEY_ID_MAX + 2];

	for (size_t i = 0; i < sizeof(bad_uris) / sizeof(bad_uris[0]); i++)
		assert_int_equal(member_keys_add(rig->keys, bad_uris[i], "i", NULL, NULL, &key),
				 -ERR_SYNTAX);
	for (size_t i = 0; i < sizeof(bad_ids) / sizeof(bad_ids[0]); i++)
		assert_int_equal(member_keys_add(rig->keys, ALICE, bad_ids[i], NULL, NULL, &key),
				 -ERR_SYNTAX);
	memset(longest, 'i', sizeof(longest));
	longest[MEMBER_KEY_ID_MAX + 1] = '\0';
	assert_int_equal(member_keys_add(rig->keys, ALICE, longest, NULL, NULL, &key), -ERR_SYNTAX);
	(void)add(rig, ALICE, longest + 1);
	assert_int_equal(member_keys_add(rig->keys, ALICE, longest + 1, NULL, NULL, &key),
			 -ERR_EXISTS);
	for (int i = 1; i < MEMBER_KEYS_MAX; i++)
		(void)add(rig, ALICE, NULL);
	assert_int_equal(member_keys_add(rig->keys, ALICE, NULL, NULL, NULL, &key), -ERR_LIMIT);
	(void)add(rig, "tel:+1-555-0100", "t");
	assert_non_null(member_keys_find(rig->keys, "tel:+15550100", SLICE_LIT("t")));
}

static void keys_outlive_the_process(void **state)
{
	struct rig *rig = *state;
	uint8_t first[MEMBER_KEY_SIZE];

	memcpy(first, add(rig, ALICE, "z-first")->key, MEMBER_KEY_SIZE);
	(void)add(rig, ALICE, "a-second");
	(void)add(rig, BOB, "b");
	assert_int_equal(member_keys_remove(rig->keys, BOB, NULL, NULL, NULL), 1);
	assert_int_equal(again(rig), 0);
	assert_int_equal(count_of(rig->keys), 2);
	assert_string_equal(member_keys_find(rig->keys, ALICE, SLICE_NULL)->id, "z-first");
	assert_memory_equal(member_keys_find(rig->keys, ALICE, SLICE_NULL)->key, first,
			    MEMBER_KEY_SIZE);
}

struct rows {
	struct bytes name[4], value[4];
	size_t n;
};

static bool take_row(struct slice name, struct slice value, void *arg)
{
	struct rows *r = arg;

	bytes_add_slice(&r->name[r->n], name);
	bytes_add_slice(&r->value[r->n], value);
	r->n++;
	return true;
}

static void put_row(struct rig *rig, const char *table, const struct bytes *name,
		    struct slice value)
{
	struct store_batch *batch = store_batch_new();

	store_batch_put(batch, table, bytes_slice(name), value);
	store_commit(rig->store, batch, NULL, NULL);
}

static void a_row_that_was_changed_or_swapped_is_not_used(void **state)
{
	/* covers: GK-012 */
	struct rig *rig = *state;
	struct rows r = {0};
	uint8_t key[MEMBER_KEY_SIZE];

	memcpy(key, add(rig, ALICE, "a")->key, MEMBER_KEY_SIZE);
	(void)add(rig, BOB, "b");
	assert_int_equal(store_each(rig->store, "member_key", take_row, &r), 0);
	assert_int_equal(r.n, 2);
	/* At rest there is no key in the clear. */
	assert_true(slice_find(bytes_slice(&r.value[0]), slice_make(key, 8)) < 0);
	put_row(rig, "member_key", &r.name[1], bytes_slice(&r.value[0])); /* hers as his */
	assert_int_equal(again(rig), 1);
	assert_non_null(member_keys_find(rig->keys, ALICE, SLICE_NULL));
	assert_null(member_keys_find(rig->keys, BOB, SLICE_NULL));
	for (size_t i = 0; i < r.value[1].len; i += 8) {
		r.value[1].data[i] ^= 4;
		put_row(rig, "member_key", &r.name[1], bytes_slice(&r.value[1]));
		assert_int_equal(again(rig), 1);
		r.value[1].data[i] ^= 4;
	}
	put_row(rig, "member_key", &r.name[1], bytes_slice(&r.value[1]));
	assert_int_equal(again(rig), 0);
	put_row(rig, "mikey_t", &r.name[0], bytes_slice(&r.value[0])); /* another table's */
	for (size_t i = 0; i < 2; i++) {
		bytes_fini(&r.name[i]);
		bytes_fini(&r.value[i]);
	}
}

static void timestamps_outlive_the_process_too(void **state)
{
	/* covers: MIKEY-006 */
	struct rig *rig = *state;
	const struct keyserver_memory *hooks;
	struct t_memory *m;
	struct rows r = {0};
	uint64_t t = mikey_time(NOW);

	assert_int_equal(t_memory_new(rig->rows, 300000, NOW, &m), 0);
	hooks = t_memory_hooks(m);
	assert_int_equal(hooks->last_t("sip:a@b a", hooks->arg), 0);
	hooks->set_last_t("sip:a@b a", t, hooks->arg);
	hooks->set_last_t("sip:a@b a", t + 1, hooks->arg);
	hooks->set_last_t("sip:old@b a", mikey_time(NOW - 2 * 86400000000ull), hooks->arg);
	t_memory_free(&m);
	assert_int_equal(t_memory_new(rig->rows, 300000, NOW, &m), 0);
	hooks = t_memory_hooks(m);
	assert_true(hooks->last_t("sip:a@b a", hooks->arg) == t + 1);
	assert_int_equal(hooks->last_t("sip:old@b a", hooks->arg), 0); /* no window reaches it */
	t_memory_free(&m);
	/* A row that was changed: nothing of its sender counts for one window. */
	assert_int_equal(store_each(rig->store, "mikey_t", take_row, &r), 0);
	assert_int_equal(r.n, 1);
	r.value[0].data[15] ^= 1;
	put_row(rig, "mikey_t", &r.name[0], bytes_slice(&r.value[0]));
	assert_int_equal(t_memory_new(rig->rows, 300000, NOW, &m), 0);
	hooks = t_memory_hooks(m);
	assert_true(hooks->last_t("sip:a@b a", hooks->arg) > mikey_time(NOW + 300000000));
	t_memory_free(&m);
	bytes_fini(&r.name[0]);
	bytes_fini(&r.value[0]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
		TEST(a_user_has_several_keys_and_names),
		TEST(names_and_numbers_are_bounded),
		TEST(keys_outlive_the_process),
		TEST(a_row_that_was_changed_or_swapped_is_not_used),
		TEST(timestamps_outlive_the_process_too),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
