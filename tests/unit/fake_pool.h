/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_UNIT_FAKE_POOL_H
#define TESTS_UNIT_FAKE_POOL_H

/*
 * A pool on a socket in a folder of its own, with times short enough to wait for, and MRFPs that
 * register there. Include after cmocka.
 */
#include <stdlib.h>
#include <sys/un.h>

#include "common/metrics.h"
#include "fake_mrfp.h"
#include "mrfc/mp/mrfp_pool.h"

struct pool_rig {
	struct event_base *base;
	struct metrics *metrics;
	struct mrfp_pool *pool;
	char folder[32], path[64];
	struct mrfp_timing timing;
};

static inline int pool_rig_init(struct pool_rig *rig, uint32_t register_ms)
{
	snprintf(rig->folder, sizeof(rig->folder), "/tmp/mrf-pool-XXXXXX");
	if (!mkdtemp(rig->folder))
		return -1;
	snprintf(rig->path, sizeof(rig->path), "%s/mp.sock", rig->folder);
	rig->base = event_base_new();
	rig->metrics = metrics_new();
	mrfp_timing_default(&rig->timing);
	rig->timing.tick_ms = 10;
	rig->timing.register_ms = register_ms;
	return mrfp_pool_new(rig->base, rig->path, &rig->timing, rig->metrics, &rig->pool);
}

static inline void pool_rig_fini(struct pool_rig *rig)
{
	mrfp_pool_free(&rig->pool);
	event_base_loop(rig->base, EVLOOP_NONBLOCK);
	event_base_free(rig->base);
	metrics_free(&rig->metrics);
	rmdir(rig->folder);
}

static inline void fake_dial(struct fake_mrfp *f, struct pool_rig *rig)
{
	struct sockaddr_un at = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	snprintf(at.sun_path, sizeof(at.sun_path), "%s", rig->path);
	assert_int_equal(connect(fd, (struct sockaddr *)&at, sizeof(at)), 0);
	fake_init(f, rig->base, fd);
}

static inline void fake_service_change(struct fake_mrfp *f, uint8_t method, const char *id,
				       uint64_t incarnation, struct ctl_result *result_r)
{
	struct ctl_service_change msg = {0};

	CTL_SET(&msg, service_change, method, method);
	CTL_SET(&msg, service_change, mrfp_id, slice_str(id));
	CTL_SET(&msg, service_change, incarnation, incarnation);
	CTL_SET(&msg, service_change, version_max, 1);
	CTL_SET(&msg, service_change, msrp, SLICE_LIT("192.0.2.9:2855"));
	CTL_SET(&msg, service_change, max_size, 1000000);
	CTL_SET(&msg, service_change, max_terminations, 3);
	fake_send(f, CTL_CMD_SERVICE_CHANGE, 0, (uint32_t)rand_u64(), NULL, CTL_BODY_service_change,
		  &msg);
	fake_expect(f, CTL_CMD_SERVICE_CHANGE, true, CTL_BODY_result, result_r);
}

/* Answer the audit's next page with these records. */
static inline void fake_audit(struct fake_mrfp *f, uint64_t cursor, uint64_t next,
			      const struct slice *records, size_t n)
{
	struct ctl_audit_reply reply = {0};
	struct ctl_audit ask;
	struct ctl_frame frame;

	frame = fake_expect(f, CTL_CMD_AUDIT_VALUE, false, CTL_BODY_audit, &ask);
	assert_int_equal(ask.cursor, cursor);
	CTL_SET(&reply, audit_reply, code, CTL_R_OK);
	CTL_SET(&reply, audit_reply, cursor, next);
	if (n)
		CTL_SET(&reply, audit_reply, terminations, ((struct ctl_list){records, n}));
	fake_reply(f, &frame, CTL_BODY_audit_reply, &reply, false);
}

/* Dial and register; the audit is still to be answered. */
static inline void fake_register(struct fake_mrfp *f, struct pool_rig *rig, const char *id,
				 uint64_t incarnation)
{
	struct ctl_result result;

	fake_dial(f, rig);
	fake_service_change(f, CTL_REGISTER, id, incarnation, &result);
	assert_int_equal(result.code, CTL_R_OK);
	assert_int_equal(result.version, 1);
	assert_true(result.incarnation != 0);
}

/* The same with an audit that finds nothing. */
static inline void fake_up(struct fake_mrfp *f, struct pool_rig *rig, const char *id,
			   uint64_t incarnation)
{
	fake_register(f, rig, id, incarnation);
	fake_audit(f, 0, 0, NULL, 0);
}

/* Expect an Add and answer it. */
static inline struct ctl_frame fake_take_add(struct fake_mrfp *f, uint16_t code,
					     const char *address)
{
	struct ctl_add_reply reply = {0};
	struct ctl_add msg;
	struct ctl_frame frame = fake_expect(f, CTL_CMD_ADD, false, CTL_BODY_add, &msg);

	CTL_SET(&reply, add_reply, code, code);
	CTL_SET(&reply, add_reply, reason, SLICE_LIT("because"));
	if (code == CTL_R_OK) {
		CTL_SET(&reply, add_reply, local_path, SLICE_LIT("msrp://192.0.2.9:2855/s1;tcp"));
		CTL_SET(&reply, add_reply, address, slice_str(address));
	}
	fake_reply(f, &frame, CTL_BODY_add_reply, &reply, code != CTL_R_OK);
	return frame;
}

#endif
