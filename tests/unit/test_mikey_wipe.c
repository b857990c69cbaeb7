/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Keys of MIKEY do not stay behind: each operation runs on a stack of its own, which is searched for
 * what was derived, decrypted or given.
 */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "mikey_rig.h"

/* Sanitizers keep frames elsewhere, and forbid to look at what was left in them. */
#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define FRAMES_ELSEWHERE 1
#endif
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define FRAMES_ELSEWHERE 1
#endif
#ifdef FRAMES_ELSEWHERE
#define SKIP_WITHOUT_FRAMES() skip()
#else
#define SKIP_WITHOUT_FRAMES() (void)0
#endif

#define STACK_SIZE (256u << 10)
#define PIECE      8 /* so many octets of a key in a row are a finding */

static struct bytes message, confirmation;
static struct mikey parsed, answer;
static struct mikey_init init;
static struct mikey_key key;
static struct gke_keys derived;
static struct mikey_keys keys; /* of the message: what is searched for */

static void *do_build(void *arg)
{
	assert_int_equal(mikey_build_init(&init, rig_psk(), arg), 0);
	return NULL;
}

static void *do_open(void *arg)
{
	assert_int_equal(mikey_open(&parsed, rig_psk(), arg), 1);
	return NULL;
}

static void *do_confirm(void *arg)
{
	mikey_build_verify(&parsed, rig_psk(), arg);
	return NULL;
}

static void *do_check(void *arg)
{
	(void)arg;
	assert_int_equal(mikey_check_verify(&answer, &parsed, rig_psk()), 0);
	return NULL;
}

static void *do_derive(void *arg)
{
	gke_derive(slice_make(rig_tek, sizeof(rig_tek)), &init.gkid, arg);
	return NULL;
}

/* Leaves a key on the stack, to show that it would be found. */
static void *do_forget(void *arg)
{
	volatile uint8_t copy[4096]; /* too long to be taken apart by a compiler */

	for (size_t i = 0; i < sizeof(copy); i++)
		copy[i] = ((const uint8_t *)arg)[i % 32];
	return (void *)(uintptr_t)copy[3];
}

static bool is_there(const uint8_t *stack, const uint8_t *secret, size_t len)
{
	for (size_t at = 0; at + PIECE <= len; at += PIECE) {
		if (memmem(stack, STACK_SIZE, secret + at, PIECE))
			return true;
	}
	return false;
}

struct call {
	void *(*run)(void *);
	void *arg;
};

/* Far below what the end of a thread needs itself, which would write over what is left. */
static void *deep(void *arg)
{
	const struct call *call = arg;
	volatile uint8_t room[32u << 10];

	for (size_t i = 0; i < sizeof(room); i += 64)
		room[i] = 0;
	call->run(call->arg);
	return (void *)(uintptr_t)room[0];
}

/* Run it on a stack of its own, and tell whether a key is left there. */
static bool leaves_keys(void *(*run)(void *), void *arg)
{
	uint8_t *stack = aligned_alloc(4096, STACK_SIZE);
	struct call call = {run, arg};
	pthread_attr_t attr;
	pthread_t thread;
	bool found;

	memset(stack, 0, STACK_SIZE);
	assert_int_equal(pthread_attr_init(&attr), 0);
	assert_int_equal(pthread_attr_setstack(&attr, stack, STACK_SIZE), 0);
	assert_int_equal(pthread_create(&thread, &attr, deep, &call), 0);
	assert_int_equal(pthread_join(thread, NULL), 0);
	pthread_attr_destroy(&attr);
	found = is_there(stack, keys.encr, sizeof(keys.encr)) ||
		is_there(stack, keys.auth, sizeof(keys.auth)) ||
		is_there(stack, (const uint8_t *)rig_psk().ptr, 8) || is_there(stack, rig_tek, 8) ||
		is_there(stack, derived.kek128, sizeof(derived.kek128)) ||
		is_there(stack, derived.kek256, sizeof(derived.kek256)) ||
		is_there(stack, derived.mikey, sizeof(derived.mikey)) ||
		is_there(stack, derived.file, sizeof(derived.file));
	free(stack);
	return found;
}

static int prepare(void **state)
{
	(void)state;
	init = rig_member_key(GKE_SUITE_B);
	message = rig_build(&init);
	assert_int_equal(rig_read(&message, &parsed), 0);
	mikey_derive(parsed.suite, rig_psk(), parsed.csb_id, parsed.rand, &keys);
	mikey_build_verify(&parsed, rig_psk(), &confirmation);
	assert_int_equal(rig_read(&confirmation, &answer), 0);
	gke_derive(slice_make(rig_tek, sizeof(rig_tek)), &init.gkid, &derived);
	return 0;
}

static int drop(void **state)
{
	(void)state;
	bytes_fini(&message);
	bytes_fini(&confirmation);
	return 0;
}

static void a_key_that_is_left_would_be_found(void **state)
{
	(void)state;
	SKIP_WITHOUT_FRAMES();
	assert_true(leaves_keys(do_forget, keys.encr));
	assert_true(leaves_keys(do_forget, derived.mikey));
}

/* covers: MIKEY-014 */
static void no_operation_leaves_a_key_behind(void **state)
{
	struct bytes out = BYTES_INIT;

	(void)state;
	SKIP_WITHOUT_FRAMES();
	assert_false(leaves_keys(do_build, &out));
	assert_false(leaves_keys(do_open, &key));
	assert_false(leaves_keys(do_confirm, &out));
	assert_false(leaves_keys(do_check, NULL));
	assert_false(leaves_keys(do_derive, &derived));
	bytes_fini(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_key_that_is_left_would_be_found),
		cmocka_unit_test(no_operation_leaves_a_key_behind),
	};

	return cmocka_run_group_tests(tests, prepare, drop);
}
